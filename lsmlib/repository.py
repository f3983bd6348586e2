"""Files of the repository's ``data`` folder, which is not part of the installed package: trained weights, tables."""

from importlib import metadata
from pathlib import Path

import pooch

DATA = Path(__file__).parents[1] / "data"


def data_file(name: str) -> Path:
    """Find a file: in the repository if this package is used in a clone of it, else fetched once and kept.

    Args:
        name: below ``data``, for example ``"results/lsm2_ablations.csv"``.

    Raises:
        ConnectionError: if it has to be fetched and cannot be; the message says where to put it by hand.
    """
    path = DATA / name
    if path.is_file():
        return path
    package = metadata.metadata("lsmlib")
    url = next(url for url in package.get_all("Project-URL", []) if url.startswith("Repository"))
    address = f"{url.split(', ')[1]}/raw/main/data/{name}"
    kept = pooch.os_cache("lsmlib") / package["Version"] / Path(name).parent
    try:
        return Path(pooch.retrieve(address, known_hash=None, fname=path.name, path=kept))
    except OSError as error:  # requests' errors are OSErrors too
        raise ConnectionError(
            f"{address} could not be fetched: {error}. Put the file to {kept / path.name} by hand, or use this package "
            "in a clone of its repository, which holds it"
        ) from error
