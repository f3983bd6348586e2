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
import xarray as xr

import lsmlib
from lsmlib.models.sizes import LSM2_SIZES
from lsmlib.repository import DATA

PLACE = DATA / "presets"
CHECKPOINTS = Path("build/presets")


@dataclass(frozen=True)
class Recipe:
    """What a preset is made from."""

    model: str  # LSM1 or LSM2
    size: str
    people: int  # simulated, none of them in any notebook
    days: int
    steps: int
    batch_size: int
    learning_rate: float = 1e-3
    seed: int = 1000  # of the cohort; the next one is that of the people on whom the loss is taken
    stride: int | None = None  # minutes from one window to the next; None: whole days
    valid_people: int = 200

    def cohorts(self) -> tuple[xr.Dataset, xr.Dataset]:
        """What to train on, and other people."""
        train, valid = (
            lsmlib.simulate_cohort(people=people, days=self.days, seed=seed)
            for people, seed in ((self.people, self.seed), (self.valid_people, self.seed + 1))
        )
        if self.stride is None and self.model == "LSM2":
            return train, valid
        if self.stride is None:  # filled in, as LSM-1 needs them
            train, valid = (lsmlib.cut_windows(days, 1440, max_missing=0.999) for days in (train, valid))
            return train, valid
        return lsmlib.cut_windows(train, stride=self.stride), lsmlib.cut_windows(valid, stride=300)

    def new_model(self) -> keras.Model:
        """The model before training; of whole days, LSM-1 has the patches, the blocks and the start of LSM-2."""
        if self.model == "LSM1" and self.stride is None:
            return lsmlib.LSM1(LSM2_SIZES[self.size], minutes=1440, patch_signals=1, mimetic=3.0, seed=0)
        return getattr(lsmlib, self.model)(self.size, seed=0)


RECIPES = {
    "lsm1_nano_simulated": Recipe("LSM1", "nano", 1000, 4, 4000, 8, stride=60),
    "lsm1_tiny_simulated": Recipe("LSM1", "tiny", 6000, 4, 16_000, 8, stride=60),
    "lsm1_nano_days_simulated": Recipe("LSM1", "nano", 2000, 4, 4000, 4, learning_rate=2e-3, valid_people=32),
    "lsm2_nano_simulated": Recipe("LSM2", "nano", 2000, 4, 4000, 4, learning_rate=2e-3, valid_people=32),
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
    bare = RECIPES[name].new_model()
    bare.set_weights(model.get_weights())
    path = PLACE / f"{name}.keras"
    bare.save(path)
    card: dict[str, Any] = {
        "name": name,
        "what": f"{RECIPES[name].model} {RECIPES[name].size}, pretrained by masking on simulated people",
        "parameters": model.count_params(),
        "recipe": asdict(RECIPES[name]),
        "windows": rows,
        "loss on other people": {
            "windows": valid_rows, "step": history["valid_step"], "loss": [round(v, 4) for v in history["valid_loss"]],
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
