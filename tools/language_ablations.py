"""Train SensorLM in the ways that its paper compares or leaves open, and score what each knows without a label.

    python -m tools.language_ablations               # all of them, then the table
    python -m tools.language_ablations --only CLIP   # some, and no table

Every variant has the same network, days, steps and start, so a difference is the variant's, or chance: one that differs
from the first in nothing but its seed shows how much that is. Trainings are a twelfth as long as the preset's.
Interrupted, a training goes on from its last checkpoint. Written is ``data/results/sensorlm_ablations.csv``, which
notebook 12 shows.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import lsmlib
from lsmlib.evaluate import activity_days, retrieval_table, zero_shot_table
from lsmlib.text import CaptionMixture, caption_days
from tools.presets import WORDS, Recipe

TRAINED = Path("build/language-ablations")
TABLE = Path("data/results/sensorlm_ablations.csv")
RECIPE = Recipe("SensorLM", "nano", people=1000, days=2, steps=150, batch_size=32, learning_rate=2e-3, valid_people=2)
TEST_PEOPLE, TEST_SEED, POOL = 300, 7, 100

VARIANTS: dict[str, dict[str, Any]] = {
    "CoCa, as the preset": {},
    "another seed": {"seed": 1},
    "CLIP": {"objective": "clip"},
    "SigLIP": {"objective": "siglip"},
    "trends and peaks told as well": {
        "captions": CaptionMixture(("semantic", "structural"), wordings=4), "context": 512,
    },
    "patches of 60 minutes": {"patch_minutes": 60},
    "gaps filled in": {"gaps": "filled"},
}  # fmt: skip


def train_variant(name: str, days: xr.Dataset) -> tuple[lsmlib.SensorLM, float]:
    """Train, or read what is trained already; and the seconds it took."""
    path = TRAINED / f"{name.replace(' ', '_')}.keras"
    seconds = path.with_suffix(".seconds")
    if not path.exists():
        options = {"patch_minutes": 30, "captions": WORDS, "seed": 0, **VARIANTS[name]}
        model, start = lsmlib.SensorLM(RECIPE.size, **options), perf_counter()
        lsmlib.pretrain(
            model, days, steps=RECIPE.steps, batch_size=RECIPE.batch_size, learning_rate=RECIPE.learning_rate,
            seed=options["seed"], checkpoint_dir=path.with_suffix(""), progress=False,
        )  # fmt: skip
        seconds.write_text(f"{perf_counter() - start:.0f}")
        model.save(path)
    return lsmlib.load_model(path), float(seconds.read_text())


def make_table(models: Mapping[str, tuple[lsmlib.SensorLM, float]]) -> pd.DataFrame:
    """AUROC of twenty activities by their names, and retrieval of days by their captions, of the same other people."""
    cohort = lsmlib.simulate_cohort(people=TEST_PEOPLE, days=2, seed=TEST_SEED)
    texts = np.array([caption.text for caption in caption_days(cohort, "semantic", seed=100)])
    told = cohort.isel(day=np.flatnonzero(texts != ""))
    texts, around, tables = texts[texts != ""].tolist(), activity_days(cohort), []
    for name, (model, seconds) in models.items():
        named = zero_shot_table(model, around, ["activity_20"])
        similar = {"SensorLM": model.embed(told) @ model.embed_text(texts).T}
        found = retrieval_table(similar, told["person"].values, [POOL])
        found = found[found["direction"] == "text to day"]
        both = pd.concat([named, found])
        chosen = (both["method"] == "SensorLM") & both["metric"].isin(["AUROC", "R@10"])
        tables.append(both.loc[chosen, ["metric", "value", "low", "high"]].assign(variant=name, seconds=seconds))
    table = pd.concat(tables, ignore_index=True).assign(steps=RECIPE.steps, size=RECIPE.size)
    return table[["variant", "metric", "value", "low", "high", "steps", "size", "seconds"]].round(4)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, metavar="NAME", help="train these, write no table")
    options = parser.parse_args()
    training, _ = RECIPE.cohorts()
    trained = {}
    for variant in options.only or VARIANTS:
        trained[variant] = train_variant(variant, training)
        print(f"{variant}: {trained[variant][1]:.0f} s", flush=True)
    if not options.only:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        make_table(trained).to_csv(TABLE, index=False)
        print(f"written: {TABLE}")
