"""Train a preset and write its weights and card into data/presets.

    python -m tools.presets lsm1_tiny_simulated

Everything that a preset is made from stands in ``RECIPES``; nothing else goes into it. Its digest, which this prints,
belongs into ``lsmlib.presets.DIGESTS``. Interrupted, it goes on from its last checkpoint when it is called again.
"""

import argparse
import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from datetime import date
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

import jax
import keras
import numpy as np
import xarray as xr

import lsmlib
from lsmlib.evaluate import activity_days, label_windows
from lsmlib.models.sizes import LSM2_SIZES
from lsmlib.repository import DATA
from lsmlib.text import CaptionMixture

PLACE = DATA / "presets"
CHECKPOINTS = Path("build/presets")
WORDS = CaptionMixture(("semantic",), wordings=8)  # SensorLM's released default level, in several wordings
# Activities on whose days a SensorLM is not trained, so that neither their names nor their signals are known to it.
UNSEEN = ("treadmill", "pilates", "rowing")
MOST_OF_A_CLASS = 300  # days around an activity; walks would be most of them
FEW = 4  # people on whom the loss is taken once more, to be checked quickly


@dataclass(frozen=True)
class Recipe:
    """What a preset is made from."""

    model: str  # LSM1, LSM2 or SensorLM
    size: str
    people: int  # simulated, none of them in any notebook
    days: int
    steps: int
    batch_size: int
    learning_rate: float = 1e-3
    seed: int = 1000  # of the cohort; the next one is that of the people on whom the loss is taken
    stride: int | None = None  # minutes from one window to the next; None: whole days
    valid_people: int = 200
    patch_minutes: int = 10  # LSM-1 and LSM-2 always have these

    def cohorts(self) -> tuple[xr.Dataset, xr.Dataset]:
        """What to train on, and other people."""
        train = lsmlib.simulate_cohort(people=self.people, days=self.days, seed=self.seed)
        if self.model == "SensorLM":
            return _add_days_around_activities(_told_days(train)), self.others()
        if self.stride is None and self.model == "LSM2":
            return train, self.others()
        if self.stride is None:  # filled in, as LSM-1 needs them
            return lsmlib.cut_windows(train, 1440, max_missing=0.999), self.others()
        return lsmlib.cut_windows(train, stride=self.stride), self.others()

    def others(self, people: int | None = None) -> xr.Dataset:
        """The people on whom the loss is taken, or the first so many of them."""
        people = self.valid_people if people is None else people
        days = lsmlib.simulate_cohort(people=people, days=self.days, seed=self.seed + 1)
        if self.model == "SensorLM":
            return _told_days(days)
        if self.stride is None:
            return days if self.model == "LSM2" else lsmlib.cut_windows(days, 1440, max_missing=0.999)
        return lsmlib.cut_windows(days, stride=300)

    def new_model(self) -> keras.Model:
        """The model before training; of whole days, LSM-1 has the patches, the blocks and the start of LSM-2."""
        if self.model == "LSM1" and self.stride is None:
            return lsmlib.LSM1(LSM2_SIZES[self.size], minutes=1440, patch_signals=1, mimetic=3.0, seed=0)
        if self.model == "SensorLM":
            return lsmlib.SensorLM(self.size, patch_minutes=self.patch_minutes, captions=WORDS, seed=0)
        return getattr(lsmlib, self.model)(self.size, seed=0)


def _told_days(cohort: xr.Dataset) -> xr.Dataset:
    """Days of which a caption says something, and without the activities that are held out."""
    flags = cohort["activity"].attrs
    codes = dict(zip(flags["flag_meanings"].split(), flags["flag_values"], strict=True))
    held_out = np.isin(cohort["activity"].values, [codes[name.replace(" ", "_")] for name in UNSEEN]).any(axis=1)
    said = (WORDS._replace(wordings=1).write(cohort) != "").any(axis=1)
    return cohort.isel(day=np.flatnonzero(said & ~held_out))


def _add_days_around_activities(days: xr.Dataset) -> xr.Dataset:
    """Days, and once more what lies around their activities alone, of none of them too often."""
    around = activity_days(days)
    names = label_windows(around, "activity_20")
    first = [np.flatnonzero(names == name)[:MOST_OF_A_CLASS] for name in np.unique(names)]
    around = around.isel(day=np.sort(np.concatenate(first)))
    said = (WORDS._replace(wordings=1).write(around) != "").any(axis=1)
    whole = days.assign(event_minute=("day", np.full(days.sizes["day"], -1, np.int16)))
    parts = [whole, around.isel(day=np.flatnonzero(said))]
    return xr.concat(parts, "day", data_vars="minimal", coords="minimal", compat="equals", join="exact")


WAYS = {
    "LSM1": "by masking on windows",
    "LSM2": "by masking on days",
    "SensorLM": f"on days and captions of activities, sleep and mood (never {', '.join(UNSEEN)})",
}
RECIPES = {
    "lsm1_nano_simulated": Recipe("LSM1", "nano", 1000, 4, 4000, 8, stride=60),
    "lsm1_tiny_simulated": Recipe("LSM1", "tiny", 6000, 4, 16_000, 8, stride=60),
    "lsm1_nano_days_simulated": Recipe("LSM1", "nano", 2000, 4, 4000, 4, learning_rate=2e-3, valid_people=32),
    "lsm2_nano_simulated": Recipe("LSM2", "nano", 2000, 4, 4000, 4, learning_rate=2e-3, valid_people=32),
    "lsm2_tiny_simulated": Recipe("LSM2", "tiny", 4000, 4, 2400, 4, learning_rate=1e-3, valid_people=32),
    "sensorlm_nano_simulated": Recipe(
        "SensorLM", "nano", 4000, 2, 1800, 32, learning_rate=2e-3, valid_people=64, patch_minutes=30
    ),
    "sensorlm_tiny_simulated": Recipe(
        "SensorLM", "tiny", 4000, 2, 1800, 32, learning_rate=1e-3, valid_people=64, patch_minutes=60
    ),
}


def make_preset(name: str) -> None:
    """Train and write."""
    recipe = RECIPES[name]
    train, valid = recipe.cohorts()
    model = recipe.new_model()
    started = perf_counter()
    history = lsmlib.pretrain(
        model, train, steps=recipe.steps, batch_size=recipe.batch_size, learning_rate=recipe.learning_rate, valid=valid,
        evaluate_every=max(recipe.steps // 8, 1), checkpoint_dir=CHECKPOINTS / name,
    )  # fmt: skip
    write_preset(name, model, history, (perf_counter() - started) / 60, train.sizes["day"], valid.sizes["day"])


def write_preset(
    name: str, model: keras.Model, history: dict[str, list[float]], minutes: float, rows: int, valid_rows: int
) -> None:
    """Write weights without the optimizer, and the card."""
    recipe = RECIPES[name]
    bare = recipe.new_model()
    bare.set_weights(model.get_weights())
    path = PLACE / f"{name}.keras"
    bare.save(path)
    few = recipe.others(FEW)
    card: dict[str, Any] = {
        "name": name,
        "what": f"{recipe.model} {recipe.size}, pretrained {WAYS[recipe.model]} of simulated people",
        "parameters": model.count_params(),
        "recipe": asdict(recipe),
        "windows": rows,
        "loss on other people": {
            "windows": valid_rows, "step": history["valid_step"], "loss": [round(v, 4) for v in history["valid_loss"]],
        },
        "loss on few of them": {
            "people": FEW, "windows": few.sizes["day"], "loss": round(float(bare.validation_loss(few)), 4),
        },
        "minutes": round(minutes, 1),
        "hardware": f"{jax.devices()[0].device_kind}, {len(jax.devices())} device(s), {platform.machine()}",
        "versions": {package: metadata.version(package) for package in ("lsmlib", "keras", "jax", "numpy")},
        "trained": date.today().isoformat(),
        "licence": "Apache-2.0, as the code",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f'    "{name}": "{card["sha256"]}",')


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    make_preset(parser.parse_args().name)
