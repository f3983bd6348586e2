"""Train SensorLM in the ways that its paper compares or leaves open, and score what each knows without a label.

    python -m tools.language_ablations              # all of them, then the table
    python -m tools.language_ablations --only CLIP  # some; the table of what is there

Every variant has the same days, steps and start, so a difference is the variant's, or chance: one that differs from the
first in nothing but its seed shows how much that is. Trainings are a third as long as the preset's, and patches are of
an hour: a step takes half the time, and the questions are the same. What is finished is kept in
``build/language_ablations``, so an interrupted run goes on. Written is ``data/results/sensorlm_ablations.csv``, which
notebook 12 shows.
"""

import argparse
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import lsmlib
from lsmlib.atomic import replace_file
from lsmlib.evaluate import activity_days, retrieval_table, zero_shot_table
from lsmlib.models.sizes import SensorLMSize
from lsmlib.nn.transformer import Stack
from lsmlib.text import CaptionMixture, caption_days
from tools.presets import WORDS, Recipe

KEPT = Path("build/language_ablations")
TABLE = Path("data/results/sensorlm_ablations.csv")
BASE = "CoCa, semantic captions"
RECIPE = Recipe("SensorLM", "nano", people=1000, days=2, steps=600, batch_size=32, learning_rate=2e-3)
TEST_PEOPLE, TEST_SEED, POOL = 300, 7, 100
SEMANTIC, FULL = ("semantic",), ("statistical", "structural", "semantic")

VARIANTS: dict[str, dict[str, Any]] = {
    BASE: {},
    "another seed": {"seed": 1},
    "CLIP": {"objective": "clip"},
    "SigLIP": {"objective": "siglip"},
    "CLIP, all levels told": {
        "objective": "clip", "captions": CaptionMixture((FULL,), wordings=2), "context": 1280,
    },
    "gaps filled in": {"gaps": "filled"},
    "half as wide": {"size": SensorLMSize(Stack(2, 32, 2, 128), Stack(2, 32, 2, 128), Stack(1, 32, 2, 128))},
    "CLIP, trends and peaks told as well": {
        "objective": "clip", "captions": CaptionMixture((("structural", "semantic"),), wordings=4), "context": 512,
    },
    "patches of 30 minutes": {"patch_minutes": 30},
}  # fmt: skip


@cache
def training_days() -> xr.Dataset:
    """The days that all learn from, simulated, and once more what lies around their activities alone."""
    return RECIPE.cohorts()[0]


@cache
def test_days() -> xr.Dataset:
    """The days that all are judged on, of other people."""
    return lsmlib.simulate_cohort(people=TEST_PEOPLE, days=2, seed=TEST_SEED)


@cache
def told_days(levels: tuple[str, ...]) -> tuple[xr.Dataset, list[str]]:
    """Those of them of which something is said, and what: in wordings that no training draws."""
    texts = np.array([caption.text for caption in caption_days(test_days(), levels, seed=100)])
    return test_days().isel(day=np.flatnonzero(texts != "")), texts[texts != ""].tolist()


def train_variant(name: str) -> lsmlib.SensorLM:
    """Train one variant from its start."""
    options = {"size": RECIPE.size, "patch_minutes": 60, "captions": WORDS, "seed": 0, **VARIANTS[name]}
    model = lsmlib.SensorLM(**options)
    lsmlib.pretrain(
        model, training_days(), steps=RECIPE.steps, batch_size=RECIPE.batch_size, learning_rate=RECIPE.learning_rate,
        seed=options["seed"], progress=False,
    )  # fmt: skip
    return model


def judge_variant(name: str) -> pd.DataFrame:
    """Scores of one variant, computed once and then read: activities by their names, days found by their captions."""
    path = KEPT / f"{RECIPE.steps}_{name.replace(' ', '_')}.csv"
    if not path.exists():
        begun = time.monotonic()
        model = train_variant(name)
        minutes = (time.monotonic() - begun) / 60
        named = zero_shot_table(model, activity_days(test_days()), ["activity_20"])
        named = named[(named["method"] == "SensorLM") & (named["metric"] == "AUROC")]
        tables = [named.assign(task="20 activities by their names")]
        (levels,) = model.captions.levels
        own = (levels,) if isinstance(levels, str) else tuple(levels)
        asked: dict[str, tuple[str, ...]] = {"a day by its semantic caption": SEMANTIC}
        if own != SEMANTIC:
            asked["a day by a caption as in training"] = own
        for task, kinds in asked.items():
            days, texts = told_days(kinds)
            similar = {"SensorLM": model.embed(days) @ model.embed_text(texts).T}
            found = retrieval_table(similar, days["person"].values, [POOL])
            found = found[(found["method"] == "SensorLM") & (found["direction"] == "text to day")]
            tables.append(found[found["metric"].isin(["R@1", "R@10"])].assign(task=task))
        columns = ["task", "metric", "value", "low", "high"]
        scores = pd.concat(tables, ignore_index=True)[columns].assign(parameters=model.count_params(), minutes=minutes)
        with replace_file(path) as partial:
            scores.to_csv(partial, index=False)
    return pd.read_csv(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME")
    for variant in parser.parse_args().only:
        print(f"{variant}: {judge_variant(variant)['minutes'].iloc[0]:.1f} minutes", flush=True)
    known = [name for name in VARIANTS if (KEPT / f"{RECIPE.steps}_{name.replace(' ', '_')}.csv").exists()]
    table = pd.concat([judge_variant(name).assign(variant=name) for name in known])
    table = table.drop(columns="minutes").assign(steps=RECIPE.steps, batch_size=RECIPE.batch_size, pool=POOL).round(4)
    with replace_file(TABLE) as partial:
        table[["variant", *table.columns.drop("variant")]].to_csv(partial, index=False)
    print(f"written: {TABLE}, {len(known)} variants")
