"""More people, or more hours of each? Runs that learned from equally many hours, compared."""

import numpy as np
import pandas as pd
from scipy import stats

from lsmlib.scaling.power_law import LEVEL

SAME = ("model", "size", "minutes", "steps", "batch_size", "learning_rate")  # what compared runs have in common


def people_against_hours(records: pd.DataFrame, loss: str = "valid_loss", level: float = LEVEL) -> pd.DataFrame:
    """Compare runs of equal hours that come from many people or from few.

    Args:
        records: of ``read_records``.
        loss: the column that is compared.
        level: of the intervals.

    Returns:
        A row for each number of people within each group of runs with the same model, size, steps and person-days:
        those columns, ``person_days``, ``people``, ``days`` of each, ``hours`` of recording, ``runs``, the geometric
        mean ``loss``, and ``ratio``, that over the loss with the fewest people of the group, with its interval ``low``
        to ``high`` (paired by seed, Student's t of the log; NaN with fewer than two seeds in common).

    Raises:
        ValueError: if no group has two numbers of people, or a column is missing.
    """
    needed = [*SAME, "people", "days", "seed", "hours", loss]
    missing = [name for name in needed if name not in records]
    if missing:
        raise ValueError(f"the records have no {', '.join(missing)}; expected the table of read_records")
    runs = records.assign(person_days=records["people"] * records["days"])
    rows = []
    for key, group in runs.groupby([*SAME, "person_days"], dropna=False, sort=True):
        if group["people"].nunique() < 2:
            continue
        logs = group.pivot_table(index="seed", columns="people", values=loss, aggfunc="mean").apply(np.log)
        fewest = logs[logs.columns.min()]
        for people in logs.columns:
            of = group[group["people"] == people]
            difference = (logs[people] - fewest).dropna()
            middle, half = float(difference.mean()), _half_width(difference.to_numpy(), level)
            if people == logs.columns.min():
                half = 0.0
            rows.append(
                dict(zip([*SAME, "person_days"], key, strict=True))
                | {
                    "people": int(people), "days": int(of["days"].iloc[0]), "hours": float(of["hours"].mean()),
                    "runs": len(of), "loss": float(np.exp(np.log(of[loss]).mean())), "ratio": np.exp(middle),
                    "low": np.exp(middle - half), "high": np.exp(middle + half),
                }
            )  # fmt: skip
    if not rows:
        raise ValueError(
            "no two runs have as many person-days (people × days) from different numbers of people; expected cells "
            "such as 100 people with 8 days and 400 with 2, of one size and as many steps"
        )
    return pd.DataFrame(rows)


def _half_width(differences: np.ndarray, level: float) -> float:
    if len(differences) < 2:
        return float("nan")
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return float(stats.t.ppf((1 + level) / 2, len(differences) - 1) * error)
