"""A Cohort's days as sessions of an Empatica E4."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.readers.clock import check_timezone

_DEVICE = "A00E4C"
_NAMES = (  # those that decide when a session is come first
    "heart_rate",
    "skin_conductance",
    "skin_temperature",
    "rr_median",
    "skin_conductance_slope",
    "skin_temperature_slope",
    "sdnn",
    "rmssd",
    "rr_percent_valid",
)
_STEP = 1 / 64  # s, in which an E4 times its beats
_INFO = """Simulated session in the layout of an Empatica E4, written by lsmlib.
First line of each .csv: start of the session in seconds since 1970, UTC. Second line: samples a second.
IBI.csv: seconds since the start at which an interval between beats ends, and the interval in seconds.
"""


def write_empatica(
    cohort: xr.Dataset, folder: str | Path, *, minutes: int = 60, timezone: str = "UTC", seed: int = 0
) -> list[Path]:
    """Write one session a day of a Cohort in the layout of an Empatica E4: ``PERSON/START_DEVICE/HR.csv`` and others.

    A session is the stretch of ``minutes`` in which most of the signals that an E4 has were measured. Its files have no
    gaps: each holds its signal's longest stretch without one in it, and says itself when that begins.

    ``HR.csv`` 1 Hz, two decimals; ``EDA.csv`` (six) and ``TEMP.csv`` (two) at 4 Hz, lines through each minute's mean
    with its slope, though no steeper than keeps skin conductance above zero. ``IBI.csv`` holds beats drawn around
    ``rr_median`` with ``sdnn`` and ``rmssd``, for the share ``rr_percent_valid`` of each minute, timed to 1/64 s: read
    back, these come out similar, not equal. There is no ``ACC.csv`` and no ``BVP.csv``.

    Args:
        cohort: a Cohort of whole days.
        folder: where to; made if it is not there.
        minutes: how long sessions are, 1 to 1440.
        timezone: the IANA name of the zone whose clock the Cohort's days are on. A day whose session would begin in
            the hour that clocks skip is not written.
        seed: for beats, and for rounding up or down.

    Returns:
        The folders of the sessions, a day each; days on which an E4 would have measured nothing have none.

    Raises:
        ValueError: if ``minutes`` is out of range, the Cohort has no whole days, or there is nothing to write.
    """
    if cohort.sizes["minute"] != 1440:
        raise ValueError(f"the Cohort has {cohort.sizes['minute']} minutes a day; expected whole days of 1440")
    if not 1 <= minutes <= 1440:
        raise ValueError(f"minutes is {minutes}; expected 1 to 1440")
    check_timezone(timezone)
    rng = np.random.default_rng(seed)
    sessions = []
    for day in range(cohort.sizes["day"]):
        signals = cohort["signals"].isel(day=day).load()
        known = {name: signals.sel(signal=name).values.astype(float) for name in _NAMES}
        measured = np.sum([~np.isnan(known[name]) for name in _NAMES[:4]], axis=0)
        within = np.convolve(measured, np.ones(minutes, int), "valid")
        first = int(np.argmax(within))
        wall = pd.Timestamp(cohort["date"].values[day]) + pd.Timedelta(minutes=first)
        instant = wall.tz_localize(timezone, ambiguous=True, nonexistent="NaT")
        if not within[first] or not isinstance(instant, pd.Timestamp):
            continue
        start = int(instant.timestamp())
        session = Path(folder) / str(cohort["person"].values[day]) / f"{start}_{_DEVICE}"
        session.mkdir(parents=True, exist_ok=True)
        part = {name: values[first : first + minutes] for name, values in known.items()}
        _write_session(session, start, part, rng)
        sessions.append(session)
    if not sessions:
        raise ValueError(f"no day of the Cohort has any of {', '.join(_NAMES[:4])}; nothing to write")
    return sessions


def _write_session(session: Path, start: int, part: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    (session / "info.txt").write_text(_INFO, encoding="utf-8")
    (session / "tags.csv").write_text("", encoding="utf-8")
    level = np.nan_to_num(part["skin_conductance"])
    eda_slope = np.clip(np.nan_to_num(part["skin_conductance_slope"]), -1.9 * level, 1.9 * level)
    temperature_slope = np.nan_to_num(part["skin_temperature_slope"]) / 1000
    _write_samples(session / "HR.csv", start, 1, part["heart_rate"], np.zeros(len(level)), 2, rng)
    _write_samples(session / "EDA.csv", start, 4, part["skin_conductance"], eda_slope, 6, rng)
    _write_samples(session / "TEMP.csv", start, 4, part["skin_temperature"], temperature_slope, 2, rng)
    if not np.isnan(part["rr_median"]).all():
        _write_beats(session / "IBI.csv", start, part, rng)


def _write_samples(
    path: Path, start: int, rate: int, level: np.ndarray, slope: np.ndarray, decimals: int, rng: np.random.Generator
) -> None:
    known = np.concatenate([[False], ~np.isnan(level), [False]])
    edges = np.flatnonzero(np.diff(known.astype(np.int8))).reshape(-1, 2)
    if not len(edges):
        return
    begin, end = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    within = (np.arange(60 * rate) + 0.5) / (60 * rate) - 0.5  # minutes from the middle
    samples = (level[begin:end, None] + slope[begin:end, None] * within).ravel()
    # Rounded up or down by chance, so that means and slopes of many samples stay true.
    scaled = np.floor(samples * 10**decimals + rng.random(len(samples))) / 10**decimals
    lines = [f"{start + 60 * begin:.2f}", f"{rate:.6f}", *(f"{value:.{decimals}f}" for value in scaled.tolist()), ""]
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")


def _write_beats(path: Path, start: int, part: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Beats of an autoregressive process: its correlation from beat to beat is what SDNN and RMSSD ask for."""
    time, wander, rows = 0.0, rng.standard_normal(), []
    minutes = len(part["rr_median"])
    while (minute := int(time // 60)) < minutes:
        median, sdnn, rmssd, share = (part[name][minute] for name in ("rr_median", "sdnn", "rmssd", "rr_percent_valid"))
        if np.isnan(median):
            time = 60.0 * (minute + 1)
            continue
        sdnn, rmssd = (30.0 if np.isnan(one) else one for one in (sdnn, rmssd))
        correlation = np.clip(1 - rmssd**2 / (2 * max(sdnn, 1e-3) ** 2), -0.9, 0.99)
        wander = correlation * wander + np.sqrt(1 - correlation**2) * rng.standard_normal()
        interval = max(round((median + sdnn * wander) / 1000 / _STEP), 20) * _STEP
        time += interval
        if time < 60 * minutes and time % 60 / 60 <= (1.0 if np.isnan(share) else share):
            rows.append(f"{time:.6f},{interval:.6f}")
    path.write_text("\n".join([f"{start:.2f}, IBI", *rows, ""]), encoding="utf-8", newline="\n")
