"""``lsmlib.report``: look at the days of a Cohort and write the page about them."""

import json
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib import plots_report
from lsmlib.atomic import replace_file
from lsmlib.checks import check_whole
from lsmlib.evaluate.calibration import calibrate, calibration_fillers, measured_signals
from lsmlib.evaluate.calibration_scores import expected_error
from lsmlib.evaluate.coverage import check_days
from lsmlib.models.lsm2 import LSM2
from lsmlib.presets import DIGESTS, load_preset
from lsmlib.readers import describe_reading
from lsmlib.reporting.days import Map, caption_shown, choose_days, map_days, pick_shown, share_measured, tell_signals
from lsmlib.reporting.page import Picture, inline, render
from lsmlib.reporting.trust import judge
from lsmlib.repository import data_file

FILE = "report.html"
SHOWN = 3


def report(
    cohort: xr.Dataset,
    folder: str | PathLike,
    *,
    model: str | LSM2 = "lsm2_nano_simulated",
    title: str = "",
    days: int = 40,
    seed: int = 0,
    resamples: int = 1000,
    progress: bool = True,
) -> Path:
    """Write one HTML page about a Cohort, real or simulated; it needs no network and no other file.

    What was read and what was dropped; gaps by signal and hour; days, with what the model fills in told apart from what
    was measured; how far that can be trusted, found out by hiding measured minutes of these very days and comparing
    with a straight line and the time of day; a map of the days; captions; the model's card; and limits. Of a large
    Cohort a sample of days is looked at, and the page says which.

    Args:
        cohort: whole days with gaps, in memory or lazy.
        folder: where ``report.html`` goes, all or nothing; made if it is not there. Other files in it stay as they are.
        model: a preset of LSM-2, or a trained LSM2.
        title: above the page; by default the Cohort's ``attrs["source"]``.
        days: at most so many days are looked at, from every person in turn.
        seed: of the choice of days, of what is hidden to calibrate, and of the captions' wording.
        resamples: of people or days, for intervals.
        progress: whether to show progress bars.

    Returns:
        The path of the page.

    Raises:
        ValueError: if this is no Cohort of whole days, it is empty or without readings, ``folder`` is a file, or the
            model is none, or reads days of another length.
        OSError: if the page cannot be written; a page that was there is as it was.
    """
    place = _check_folder(folder)
    check_days(cohort)
    check_whole("resamples", resamples, 1)
    network = _check_model(model)
    chosen = choose_days(cohort, days, seed)
    sample = cohort.isel(day=chosen).compute()
    measured_signals(sample)  # raises where there is nothing to report on
    network.check_windows(sample)
    try:
        errors = calibrate(sample, calibration_fillers(sample, network), seed=seed, progress=progress)
    except ValueError as problem:  # readings too few to hide any of them; the page says so
        errors, unknown = None, str(problem)
    else:
        unknown = ""
    trust = judge(errors, resamples, seed) if errors is not None else None
    mapped = map_days(sample, network)
    content = {
        "title": title or str(cohort.attrs.get("source", "")) or "A Cohort",
        "version": version("lsmlib"),
        "size": {"days": cohort.sizes["day"], "people": len(set(cohort["person"].values.tolist()))},
        "sample": _tell_sample(cohort, sample, chosen),
        "simulated": "simulated" in str(cohort.attrs.get("source", "")).lower(),
        "attrs": {name: cohort.attrs[name] for name in ("source", "licence") if name in cohort.attrs},
        "reading": describe_reading(cohort) if isinstance(cohort.attrs.get("reading"), dict) else None,
        "signals": tell_signals(sample),
        "coverage": _draw_coverage(sample),
        "shown": _draw_days(sample, network, errors, seed),
        "trust": trust,
        "unknown": unknown,
        "pictures": _draw_trust(trust),
        "map": mapped,
        "map_picture": _draw_map(sample, mapped),
        "people": _letters(sample),
        "card": _read_card(model, network),
        "seed": seed,
    }
    path = place / FILE
    with replace_file(path) as partial:
        partial.write_text(render(content), encoding="utf-8")
    return path


def _check_folder(folder: str | PathLike) -> Path:
    place = Path(folder).expanduser()
    if place.exists() and not place.is_dir():
        raise ValueError(f"{place} is a file; expected a folder, in which {FILE} is written")
    if (place / FILE).is_dir():
        raise ValueError(f"{place / FILE} is a folder; expected a file or nothing there. Remove it, or take another")
    return place


def _check_model(model: str | LSM2) -> LSM2:
    found = load_preset(model) if isinstance(model, str) else model
    if not isinstance(found, LSM2):
        presets = [name for name in DIGESTS if name.startswith("lsm2")]
        raise ValueError(
            f"model is {model if isinstance(model, str) else type(model).__name__}; expected an LSM2, which reads days "
            f"with their gaps: one of {', '.join(map(repr, presets))}, or a trained lsmlib.LSM2"
        )
    return found


def _tell_sample(cohort: xr.Dataset, sample: xr.Dataset, chosen: np.ndarray) -> dict[str, Any]:
    """Which days are looked at, a line a person."""
    dates = [str(date) for date in sample["date"].values.astype("datetime64[D]")]
    by_person: dict[str, list[str]] = {}
    for person, date in zip(sample["person"].values.tolist(), dates, strict=True):
        by_person.setdefault(person, []).append(date)
    return {"days": len(chosen), "whole": len(chosen) == cohort.sizes["day"], "by_person": by_person}


def _draw_coverage(sample: xr.Dataset) -> Picture:
    measured = tell_signals(sample)["measured"]
    told = "; ".join(f"{name} {share:.0%}" for name, share in measured)
    return inline(
        plots_report.plot_coverage(sample), f"Share of minutes measured, by signal and hour of the day. Overall: {told}"
    )


def _draw_days(sample: xr.Dataset, model: LSM2, errors: xr.Dataset | None, seed: int) -> list[dict[str, Any]]:
    """Days drawn as measured and as filled in, with their captions."""
    picked = pick_shown(sample, SHOWN)
    days = sample.isel(day=picked)
    gaps = np.isnan(days["signals"].values) & measured_signals(sample)
    filled = model.reconstruct(days, gaps)
    error = expected_error(errors, days) if errors is not None else np.where(gaps, np.float32(np.nan), np.float32(0))
    share = share_measured(sample)[picked]
    captions = caption_shown(days, seed)
    shown = []
    for at, where in enumerate(picked):
        told = gaps[at] & ~np.isnan(error[at])
        shown.append({
            "person": str(days["person"].values[at]),
            "date": f"{pd.Timestamp(days['date'].values[at]):%A %-d %B %Y}",
            "share": float(share[at]),
            "unknown": float(1 - told.sum() / gaps[at].sum()) if gaps[at].any() else 0.0,
            "grid": inline(
                plots_report.plot_day_grid(sample, where),
                f"The day as it was measured, a row a signal; {share[at]:.0%} of its minutes have a reading",
            ),
            "filled": inline(
                plots_report.plot_filled_day(days, filled, error, at),
                "Signals with most readings on the day: measured minutes as black dots, gaps grey, and in them what "
                "the model filled in as a broken line, with a band of the expected error",
            ),
            "caption": captions[at],
        })  # fmt: skip
    return shown


def _draw_trust(trust: dict[str, Any] | None) -> list[Picture]:
    if trust is None:
        return []
    what = {"distance": "how far the next visible reading was", "visible": "how much of the day was there"}
    said = " ".join(trust["sentences"])
    return [
        inline(
            plots_report.plot_calibration(trust["tables"][by]),
            f"Errors of the model and of the rules, by {words}, for the signals with most hidden minutes. {said}",
        )
        for by, words in what.items()
    ]


def _draw_map(sample: xr.Dataset, mapped: Map | None) -> Picture | None:
    if mapped is None:
        return None
    letters = {person: at for at, (person, _) in enumerate(_letters(sample))}
    groups = np.array([letters.get(person, -1) for person in sample["person"].values.tolist()])
    return inline(
        plots_report.plot_map(mapped.places, groups, share_measured(sample)),
        f"{len(groups)} days as points in two dimensions, which hold {mapped.explained:.0%} of how they differ; left "
        "with a letter for the person, right shaded by the share of the day that was measured",
    )


def _letters(sample: xr.Dataset) -> list[tuple[str, int]]:
    """The people with most days here, who have a letter on the map, and how many days."""
    count = pd.Series(sample["person"].values.tolist()).value_counts(sort=False)
    ordered = count.sort_values(ascending=False, kind="stable")[: plots_report.MOST_PEOPLE]
    return [(str(person), int(number)) for person, number in ordered.items()]


def _read_card(model: str | LSM2, network: LSM2) -> dict[str, Any]:
    """What is known of the model: a preset's card, or what it says of itself."""
    card = dict.fromkeys(("what", "recipe", "trained", "licence", "sha256"))
    card |= {"name": network.name, "parameters": network.count_params()}
    if isinstance(model, str):
        card |= json.loads(data_file(f"presets/{model}.json").read_text(encoding="utf-8"))
    return card
