"""Train LSM-2 in the ways that its paper leaves open, and write how well each fills in days.

    python -m tools.ablations                      # all of them, then the table
    python -m tools.ablations --only "time alone"  # some, and no table

Every variant has the same network, days, steps and start, so a difference is the variant's, or chance: two variants
that differ from the first in nothing but their seed show how much that is. Interrupted, a training goes on from its
last checkpoint. Written is ``data/results/lsm2_ablations.csv``, which notebook 09 shows.
"""

import argparse
from pathlib import Path
from typing import Any

import keras
import pandas as pd
import xarray as xr

import lsmlib
from lsmlib.evaluate import LSM2_TASKS, filling_errors, improvement, score_table
from lsmlib.masking import Mixture
from lsmlib.models.sizes import LSM2_SIZES

TRAINED = Path("build/ablations")
TABLE = Path("data/results/lsm2_ablations.csv")
BASE = "as reported"
PEOPLE, DAYS, STEPS, BATCH, LEARNING_RATE = 500, 4, 400, 4, 2e-3
TEST_PEOPLE = 60

VARIANTS: dict[str, dict[str, Any]] = {
    BASE: {},
    "another seed": {"seed": 1},
    "a third seed": {"seed": 2},
    "random alone": {"mixture": Mixture(chances=(1, 0, 0))},
    "time alone": {"mixture": Mixture(chances=(0, 1, 0))},
    "signals alone": {"mixture": Mixture(chances=(0, 0, 1))},
    "time in scattered patches": {"mixture": Mixture(contiguous=False)},
    "random 60 %": {"mixture": Mixture(random=0.6)},
    "patch missing if all is": {"patch_missing_if": "all"},
    "decoder reads missing positions": {"decoder_reads": "all"},
    "start without mimetic attention": {"mimetic": 0.0},
    "LSM-1, days filled in": {},
}


def train_variant(name: str) -> keras.Model:
    """Train, or read what is trained already."""
    path = TRAINED / f"{name.replace(' ', '_')}.keras"
    if path.exists():
        return lsmlib.load_model(path)
    days = lsmlib.simulate_cohort(people=PEOPLE, days=DAYS, seed=1000)
    if name.startswith("LSM-1"):
        days = lsmlib.cut_windows(days, 1440, max_missing=0.999)
        # the patches, the blocks and the start of LSM-2
        model: keras.Model = lsmlib.LSM1(LSM2_SIZES["nano"], minutes=1440, patch_signals=1, mimetic=3.0)
    else:
        model = lsmlib.LSM2("nano", **VARIANTS[name])
    lsmlib.pretrain(
        model, days, steps=STEPS, batch_size=BATCH, learning_rate=LEARNING_RATE,
        seed=VARIANTS[name].get("seed", 0), checkpoint_dir=path.with_suffix(""),
    )  # fmt: skip
    model.save(path)
    return model


def make_table(test: xr.Dataset) -> pd.DataFrame:
    """Mean squared errors of all variants, and by which share each differs from the first, on the same people."""
    models = {name: train_variant(name) for name in VARIANTS}
    errors = filling_errors(test, {name: model.reconstruct for name, model in models.items()}, LSM2_TASKS)
    scores = score_table(errors)
    scores = scores[(scores["signal"] == "all") & (scores["metric"] == "MSE")]
    gains = [improvement(errors, name, over=BASE) for name in VARIANTS if name != BASE]
    columns = {"value": "gain", "low": "gain_low", "high": "gain_high"}
    gain = pd.concat(gains)[["task", "filler", *columns]].rename(columns=columns)
    table = scores[["filler", "task", "value", "low", "high", "people"]].merge(gain, "left", on=["filler", "task"])
    return table.rename(columns={"filler": "variant", "value": "mse"}).assign(steps=STEPS, size="nano").round(5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, metavar="NAME", help="train these, write no table")
    options = parser.parse_args()
    for variant in options.only or VARIANTS:
        train_variant(variant)
    if not options.only:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        make_table(lsmlib.simulate_cohort(people=TEST_PEOPLE, days=DAYS, seed=7)).to_csv(TABLE, index=False)
        print(f"written: {TABLE}")
