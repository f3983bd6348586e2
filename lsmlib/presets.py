"""Small trained weights, by name.

They lie in ``data/presets/`` of the repository, each with a card beside it (``NAME.json``) that says how it was trained
and how well it does. ``python -m tools.presets NAME`` trains one again. All were trained on simulated people only.
"""

import hashlib

import keras

from lsmlib.models.saving import load_model
from lsmlib.repository import data_file

# SHA-256 of NAME.keras, so that a file that was changed or cut off is never taken for the preset
DIGESTS = {
    "lsm1_nano_simulated": "c16238b37345520daa822f5c9815fc2ea116afb8e937bc747ee133c2fafbd627",
    "lsm1_tiny_simulated": "c4156f090d4b81987fe4dfc6e2c3c094c954dca55057896e96876fa3e045d453",
    "lsm1_nano_days_simulated": "11117b7db369c9575ca787059aaa18a609f859edbe4e6b0cf904d5881e1319ba",
    "lsm2_nano_simulated": "24e8f717bba250bf770f7282de58a3c545b0ae5bac9fbf5e04ae4073e161520b",
    "lsm2_tiny_simulated": "863547db6c8390c34c10419c04dd549b6af59a4eea694422cc8121a391392ff1",
    "sensorlm_nano_simulated": "276f24c3514fa69ac496dfc635b7415452e25b7e3462c24015e32c0bcea2f47f",
}


def load_preset(name: str) -> keras.Model:
    """Load a trained model: from the repository if this package is used in a clone of it, else fetched once.

    Args:
        name: one of ``lsmlib.presets.DIGESTS``, for example ``"lsm1_tiny_simulated"``.

    Raises:
        ValueError: if there is no such preset, or its file is not the one that belongs to this version.
        ConnectionError: if it has to be fetched and cannot be.
    """
    if name not in DIGESTS:
        raise ValueError(f"there is no preset {name!r}; expected one of {', '.join(map(repr, DIGESTS))}")
    path = data_file(f"presets/{name}.keras")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != DIGESTS[name]:
        raise ValueError(
            f"{path} has the digest {digest[:12]}…; expected {DIGESTS[name][:12]}…, so it is cut off, changed, or of "
            "another version of lsmlib. Delete it, and it is fetched again"
        )
    return load_model(path)
