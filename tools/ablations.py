"""Train LSM-2 in the ways that its paper leaves open, and write how well each fills in days.

    python -m tools.ablations                      # all of them, then the table
    python -m tools.ablations --only "time alone"  # some; the table of what is there
    python -m tools.ablations --steps 4000         # longer

Every variant has the same network, days, steps and start, so a difference is the variant's, or chance: two variants
that differ from the first in nothing but their seed show how much that is. Patches are of an hour, not ten minutes: a
step takes a fraction of the time, and the questions are the same. The share of tokens that the encoder drops is no
variant: with exact packing it drops all that are masked, whatever the share, and in the paper's form the share changes
no result (``tests/models/test_lsm2.py``). What is finished is kept in ``build/ablations``, so an interrupted run goes
on. Written is ``data/results/lsm2_ablations.csv``, which notebook 09 shows.
"""

import argparse
import time
from functools import cache
from pathlib import Path
from typing import Any

import keras
import pandas as pd
import xarray as xr

import lsmlib
from lsmlib.atomic import replace_file
from lsmlib.evaluate import (
    Extrapolation,
    Interpolation,
    RandomImputation,
    SignalsRemoved,
    filling_errors,
    improvement,
    score_table,
)
from lsmlib.masking import Mixture
from lsmlib.models.sizes import LSM2_SIZES

KEPT = Path("build/ablations")
TABLE = Path("data/results/lsm2_ablations.csv")
BASE = "as reported"
PEOPLE, DAYS, STEPS, BATCH, LEARNING_RATE, PATCH = 400, 4, 600, 8, 2e-3, 60
TEST_PEOPLE = 40  # a day of each, none of whom is trained on
TASKS = (
    RandomImputation(0.8, patch_minutes=PATCH, patch_signals=1),
    Interpolation(360),
    Extrapolation(360),
    SignalsRemoved(6),
    SignalsRemoved(12),
)

VARIANTS: dict[str, dict[str, Any]] = {
    BASE: {},
    "another seed": {"seed": 1},
    "a third seed": {"seed": 2},
    "random alone": {"mixture": Mixture(chances=(1, 0, 0))},
    "time alone": {"mixture": Mixture(chances=(0, 1, 0))},
    "signals alone": {"mixture": Mixture(chances=(0, 0, 1))},
    "time in scattered patches": {"mixture": Mixture(contiguous=False)},
    "patch missing if all is": {"patch_missing_if": "all"},
    "decoder reads missing positions": {"decoder_reads": "all"},
    "LSM-1, days filled in": {},
    "start without mimetic attention": {"mimetic": 0.0},
    "random 60 %": {"mixture": Mixture(random=0.6)},
}


@cache
def training_days() -> xr.Dataset:
    """The days that all learn from, simulated."""
    return lsmlib.simulate_cohort(people=PEOPLE, days=DAYS, seed=1000)


@cache
def test_days() -> xr.Dataset:
    """The days that all are judged on."""
    return lsmlib.simulate_cohort(people=TEST_PEOPLE, days=1, seed=7)


def train_variant(name: str, steps: int) -> keras.Model:
    """Train one variant from its start."""
    days = training_days()
    if name.startswith("LSM-1"):
        days = lsmlib.cut_windows(days, 1440, max_missing=0.999)
        # the patches, the blocks and the start of LSM-2
        model: keras.Model = lsmlib.LSM1(
            LSM2_SIZES["nano"], minutes=1440, patch_minutes=PATCH, patch_signals=1, mimetic=3.0
        )
    else:
        model = lsmlib.LSM2("nano", patch_minutes=PATCH, **VARIANTS[name])
    seed = VARIANTS[name].get("seed", 0)
    lsmlib.pretrain(
        model, days, steps=steps, batch_size=BATCH, learning_rate=LEARNING_RATE, seed=seed, progress=False,
    )  # fmt: skip
    return model


def judge_variant(name: str, steps: int) -> xr.Dataset:
    """Sums of errors of one variant (see ``filling_errors``), computed once and then read."""
    path = KEPT / f"{steps}_{name.replace(' ', '_')}.nc"
    if not path.exists():
        begun = time.monotonic()
        model = train_variant(name, steps)
        errors = filling_errors(test_days(), {name: model.reconstruct}, TASKS, progress=False)
        with replace_file(path) as partial:
            errors.assign_attrs(minutes=(time.monotonic() - begun) / 60).to_netcdf(partial)
    return xr.load_dataset(path)


def make_table(names: list[str], steps: int) -> pd.DataFrame:
    """Mean squared errors of variants, and by which share each differs from the first, on the same people."""
    errors = xr.concat([judge_variant(name, steps) for name in names], "filler", data_vars="minimal")
    scores = score_table(errors)
    scores = scores[(scores["signal"] == "all") & (scores["metric"] == "MSE")]
    gains = [improvement(errors, name, over=names[0]) for name in names[1:]]
    columns = {"value": "gain", "low": "gain_low", "high": "gain_high"}
    gain = pd.concat(gains)[["task", "filler", *columns]].rename(columns=columns)
    table = scores[["filler", "task", "value", "low", "high", "people"]].merge(gain, "left", on=["filler", "task"])
    table = table.rename(columns={"filler": "variant", "value": "mse"})
    return table.assign(steps=steps, batch_size=BATCH, patch_minutes=PATCH, size="nano").round(5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    for variant in options.only:
        minutes = judge_variant(variant, options.steps).attrs["minutes"]
        print(f"{variant}: {minutes:.1f} minutes", flush=True)
    known = [name for name in VARIANTS if (KEPT / f"{options.steps}_{name.replace(' ', '_')}.nc").exists()]
    if known[0] == BASE and len(known) > 1:
        with replace_file(TABLE) as partial:
            make_table(known, options.steps).to_csv(partial, index=False)
        print(f"written: {TABLE}, {len(known)} variants")
