"""From a folder of a public data set to a Cohort, whichever of its layouts lies there.

Each data set is read from its official files. Three of them circulate as Parquet tables of the same minutes or seconds
as well, and are read from those where they lie.
"""

from collections.abc import Callable
from pathlib import Path

import xarray as xr

from lsmlib.datasets.aw_fb import load_aw_fb
from lsmlib.datasets.cards import CARDS
from lsmlib.datasets.download import find_folder, get_card, unpacked
from lsmlib.datasets.files import find_file, not_here
from lsmlib.datasets.fitbit import load_fitbit
from lsmlib.datasets.mmash import load_mmash
from lsmlib.datasets.stress_predict import load_stress_predict
from lsmlib.readers import read_actigraphy


def load(name: str, folder: str | Path | None = None, *, non_wear: str | None = None) -> xr.Dataset:
    """Load a public data set as a Cohort.

    Args:
        name: one of ``lsmlib.datasets.CARDS``; its card says what to expect.
        folder: where its files lie, unpacked or not; by default where ``lsmlib.datasets.fetch`` puts them.
        non_wear: for data sets of steps or counts: ``"stepless_day"`` or ``"choi"`` turns minutes in which the device
            was not worn into gaps (see ``readers.wear``). By default zeros stay zeros.

    Returns:
        A Cohort, with the variables that the card names beside the signals. ``lsmlib.describe_reading`` tells what was
        dropped and why.

    Raises:
        ValueError: if there is no such data set, or its files are damaged.
        FileNotFoundError: if it is not there; the message says how to get it.
    """
    card = get_card(name)
    with unpacked(find_folder(name, folder)) as place:
        cohort = LOADERS[name](place, non_wear)
    cohort.attrs |= {"source": f"{card.title}. {card.citation}. {card.page}", "licence": card.licence}
    return cohort


def available(folder: str | Path) -> list[str]:
    """Which of the public data sets lie in a folder, each in a folder of its own name: those that ``load`` can read.

    Args:
        folder: for example that of ``make tutorial DATA=folder``. Nothing in it is read or changed.

    Raises:
        ValueError: if it is no folder, or holds none of them; the message says what is there and what was expected.
    """
    place = Path(folder).expanduser()
    names = ", ".join(CARDS)
    if not place.is_dir():
        raise ValueError(f"{place} is {'a file' if place.exists() else 'not there'}; expected a folder with {names}")
    found = [name for name in CARDS if (place / name).is_dir()]
    if not found:
        there = sorted(path.name for path in place.iterdir())
        listed = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "") or "nothing"
        raise ValueError(
            f"{place} holds none of the public data sets: there is {listed}; expected at least one folder called "
            f"{names}. A recording of your own is read by lsmlib.read_fitabase, read_apple_health, "
            "read_fitbit_takeout, read_empatica, read_actigraphy or read_table"
        )
    return found


def _load_depresjon(folder: Path, non_wear: str | None) -> xr.Dataset:
    if find_file(folder, "scores.csv") is None:
        raise not_here("depresjon", folder, "scores.csv")
    return read_actigraphy(folder, non_wear=non_wear)


LOADERS: dict[str, Callable[[Path, str | None], xr.Dataset]] = {
    "fitbit": load_fitbit,
    "depresjon": _load_depresjon,
    "mmash": load_mmash,
    "stress_predict": load_stress_predict,
    "aw_fb": load_aw_fb,
}
