"""Fetching public recordings, and opening what was fetched: folders, archives, or archives in folders."""

import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch

from lsmlib.datasets.cards import CARDS, DatasetCard

LARGEST = 8 << 30  # bytes that an archive may hold unpacked
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")


def get_card(name: str) -> DatasetCard:
    """The card of a data set. Raises ``ValueError`` if there is none of this name."""
    if name not in CARDS:
        raise ValueError(f"there is no data set {name!r}; expected one of {list(CARDS)}")
    return CARDS[name]


def fetch(name: str, folder: str | Path | None = None) -> Path:
    """Download a data set from its official source; what is there already is not fetched again.

    Args:
        name: one of ``lsmlib.datasets.CARDS``.
        folder: where to; by default the user's cache folder for lsmlib.

    Returns:
        The folder. Archives stay packed; ``load`` opens them.

    Raises:
        ValueError: if there is no such data set, or a file has another digest than its archive says.
        ConnectionError: if it cannot be fetched; the message says what to download by hand, and where to put it.
    """
    card = get_card(name)
    place = _cache(name) if folder is None else Path(folder).expanduser()
    for address in card.downloads:
        file = address.rsplit("/", 1)[-1]
        if (place / file).exists():
            continue
        try:
            if address.startswith("doi:"):  # Zenodo and Dataverse tell the digests of their files
                source = pooch.create(place, address.removesuffix(file), retry_if_failed=2)
                source.load_registry_from_doi()
                source.fetch(file, progressbar=True)
            else:
                pooch.retrieve(address, known_hash=None, fname=file, path=place, progressbar=True)
        except OSError as error:  # requests' errors are OSErrors too
            raise ConnectionError(f"{card.title} could not be fetched ({error}). {card.how_to_get(place)}") from error
    return place


def find_folder(name: str, folder: str | Path | None) -> Path:
    """The folder in which a data set lies. Raises ``FileNotFoundError`` that says how to get it."""
    card = get_card(name)
    place = _cache(name) if folder is None else Path(folder).expanduser()
    if not place.is_dir() or not any(place.iterdir()):
        automatic = f"lsmlib.datasets.fetch({name!r}) downloads it; or by hand: " if folder is None else ""
        raise FileNotFoundError(f"{card.title} is not in {place}. {automatic}{card.how_to_get(place)}")
    return place


@contextmanager
def unpacked(folder: Path) -> Iterator[Path]:
    """A folder, with the archives that lie in it unpacked into a temporary folder together with its other files.

    Raises:
        ValueError: if an archive is damaged, or would unpack to more than 8 GB.
    """
    archives = [path for path in sorted(folder.iterdir()) if path.name.lower().endswith(ARCHIVES)]
    if not archives:
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for path in sorted(folder.iterdir()):
            if path not in archives:
                (place / path.name).symlink_to(path.resolve())
        for path in archives:
            _unpack(path, place / path.name.split(".")[0])
        yield place


def _unpack(archive: Path, place: Path) -> None:
    try:
        if archive.name.lower().endswith(".zip"):
            with zipfile.ZipFile(archive) as file:
                _check_size(archive, sum(member.file_size for member in file.infolist()))
                file.extractall(place)
        else:
            with tarfile.open(archive) as file:
                _check_size(archive, sum(member.size for member in file))
                file.extractall(place, filter="data")  # no member may leave the folder
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{archive.name} cannot be unpacked ({error}); download it again") from error


def _check_size(archive: Path, size: int) -> None:
    if size > LARGEST:
        raise ValueError(f"{archive.name} would unpack to {size / 1e9:.0f} GB; unpack it yourself if you trust it")


def _cache(name: str) -> Path:
    return Path(pooch.os_cache("lsmlib")) / name
