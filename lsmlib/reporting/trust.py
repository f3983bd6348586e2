"""What a report says of a calibration: a table of verdicts, and sentences."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import xarray as xr

from lsmlib.evaluate.calibration import DISTANCE_NAMES
from lsmlib.evaluate.calibration_scores import calibration_table, compare_fillers

MARKS = {"better": "▲", "worse": "▼", "no telling": "·"}


def judge(errors: xr.Dataset, resamples: int, seed: int) -> dict[str, Any]:
    """All that the page says of a calibration.

    Returns:
        ``tables`` by ``distance``, ``visible`` and ``task``; ``drawn``, what intervals are over, with ``units`` of
        them; ``verdicts``, a row a signal with its unit and a cell for each distance: the model's RMSE and a mark, or
        empty; ``sentences``, one a distance, of all signals together.
    """
    tables = {by: calibration_table(errors, by, resamples, seed) for by in ("distance", "visible", "task")}
    others = [str(name) for name in errors["filler"].values if name != "model"]
    pairs = pd.concat([compare_fillers(errors, "model", over, "distance", resamples, seed) for over in others])
    verdict = {key: _together(part["verdict"].tolist()) for key, part in pairs.groupby(["signal", "distance"])}
    own = tables["distance"].query("filler == 'model' and metric == 'RMSE'").set_index(["signal", "distance"])
    rows = []
    for signal in [str(name) for name in errors["signal"].values]:
        cells = [_cell(own, verdict, signal, distance) for distance in DISTANCE_NAMES]
        if any(cells):
            rows.append((f"{signal.replace('_', ' ')} ({own.loc[signal]['unit'].iloc[0]})", cells))
    drawn = tables["distance"]["drawn"].iloc[0]
    units = len(set(errors["person"].values.tolist())) if drawn == "people" else len(errors["day"])
    return {
        "tables": tables,
        "drawn": drawn,
        "units": units,
        "distances": DISTANCE_NAMES,
        "verdicts": rows,
        "counts": {mark: sum(kind == one for (signal, _), kind in verdict.items() if signal != "all")
                   for one, mark in MARKS.items()},
        "sentences": [_sentence(pairs, distance) for distance in DISTANCE_NAMES
                      if ((pairs["signal"] == "all") & (pairs["distance"] == distance)).any()],
    }  # fmt: skip


def _together(verdicts: Sequence[str]) -> str:
    """Better than all, worse than any, or neither."""
    if "worse" in verdicts:
        return "worse"
    return "better" if set(verdicts) == {"better"} else "no telling"


def _cell(own: pd.DataFrame, verdict: dict[Any, str], signal: str, distance: str) -> tuple[str, str, str] | None:
    if (signal, distance) not in own.index:
        return None
    row, kind = own.loc[(signal, distance)], verdict[signal, distance]
    interval = f"{row['low']:.3g} to {row['high']:.3g}" if row["low"] == row["low"] else "no interval"
    return f"{row['value']:.3g}", MARKS[kind], f"{kind}; 95 % interval {interval}; {row['cells']:,} minutes"


def _sentence(pairs: pd.DataFrame, distance: str) -> str:
    rows = pairs[(pairs["signal"] == "all") & (pairs["distance"] == distance)]
    said = [
        f"{abs(row.value):.0%} {'less' if row.value >= 0 else 'more'} squared error than {_a(row.over)} ("
        + (f"{row.low:+.0%} to {row.high:+.0%}; {row.verdict}" if row.low == row.low else "no interval")
        + ")"
        for row in rows.itertuples()
    ]
    where = "No reading of the signal that day" if distance == "none that day" else f"{distance} minutes away"
    return f"{where}: {', and '.join(said)}."


def _a(filler: str) -> str:
    return {"straight line": "a straight line", "time of day": "the mean at that time of other days"}.get(
        filler, filler
    )
