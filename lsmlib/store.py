"""A Cohort on disk or in the cloud: Zarr v3 that any Zarr tool reads, written all or nothing, read a day at a time.

Layout: 64 days a shard (a file), one day an inner chunk, so that a random day is one short read. Within a day the
minutes of a signal lie next to each other (transposed), which lets byte-shuffled LZ4 make them about three times
smaller and unpack them at memory speed (``benchmarks/README.md``). A checksum a chunk turns bit rot into an error.

A local store is replaced all or nothing (``atomic``). Object stores cannot rename, so there a store is written once and
never replaced. Both carry the list of their files, written last: a store without it was cut off.
"""

import importlib
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import dask.array as da
import fsspec
import numpy as np
import tensorstore
import xarray as xr
import zarr
from tqdm.dask import TqdmCallback
from xarray.backends import BackendArray
from xarray.core import indexing
from zarr.codecs import BloscCodec, Crc32cCodec, TransposeCodec

from lsmlib.atomic import find_directory, replace_directory
from lsmlib.checks import check_cohort, check_values

SHARD_DAYS = 64
FILES = "lsmlib_files"  # attribute of the root: every file with its size in bytes
CLOUD_PACKAGES = {"gs": "gcsfs", "s3": "s3fs"}  # what fsspec needs to write and to list there


def save_cohort(cohort: xr.Dataset, path: str | os.PathLike, *, progress: bool = True) -> None:
    """Check a Cohort and save it as a Zarr v3 store; a Cohort that is already at ``path`` is replaced, all or nothing.

    Lazy arrays are computed 64 days at a time on whatever Dask scheduler is active (threads unless you chose another),
    so the Cohort may be larger than memory.

    Args:
        cohort: a Cohort, or windows from ``cut_windows``.
        path: a local directory to be (``~`` is your home), or ``gs://…`` or ``s3://…`` (needs ``gcsfs`` or ``s3fs``).
        progress: show a bar if saving takes longer than two seconds (not on ``distributed``, which has a dashboard).

    Raises:
        ValueError: if this is no Cohort (see ``check_cohort``; values are checked while they are written).
        FileExistsError: if something lies at ``path`` that is not a Cohort, or a cloud store that would be replaced.
        OSError: if the disk is full or cannot be written; nothing is left behind, an old store is as it was.
    """
    check_cohort(cohort, values=False)
    bar = TqdmCallback(desc=f"saving {cohort.sizes['day']} days", delay=2, mininterval=1) if progress else nullcontext()
    url = _cloud_url(path)
    if url is not None:
        if _read_attributes(url) is not None:
            raise FileExistsError(f"{url} exists, whole or cut off; cloud stores are never replaced: take another name")
        with bar:
            _write(_encode(cohort), url)
        return
    place = Path(path).expanduser().resolve()
    is_empty = place.is_dir() and not any(place.iterdir())
    if place.exists() and not is_empty and FILES not in (_read_attributes(place) or {}):
        raise FileExistsError(f"{place} exists and is not a Cohort saved by lsmlib; take another name or remove it")
    with replace_directory(place) as partial, bar:
        _write(_encode(cohort), partial)


def open_cohort(path: str | os.PathLike) -> xr.Dataset:
    """Open a saved Cohort lazily: readings are read, through TensorStore, when they are looked at.

    Selecting days stays lazy; ``.values``, arithmetic and plots read what they need. Over a Cohort larger than memory,
    compute block by block: ``cohort.chunk(day=64)`` makes Dask arrays that are aligned with the store.

    Args:
        path: a local directory (``~`` is your home), or ``gs://…`` or ``s3://…`` (needs ``gcsfs`` or ``s3fs``).

    Returns:
        The Cohort, identical to what was saved.

    Raises:
        FileNotFoundError: if there is nothing at ``path``.
        ValueError: if what is there is not a Cohort, or not whole (its save was cut off, or files were lost since).
        OSError: later, when readings are read that are corrupt or lost, or whose store has been replaced since.
    """
    place = _cloud_url(path) or find_directory(Path(path).expanduser().resolve())
    identity = None if place is None else _identity(place)
    attributes = None if place is None else _read_attributes(place)
    if place is None or (attributes is None and isinstance(place, str)):
        raise FileNotFoundError(f"no Cohort at {path}")
    if attributes is None or FILES not in attributes:
        raise ValueError(
            f"{path} is not a whole Cohort: its root has no list of files ({FILES}). Either its save was cut off, "
            "or it was not written by lsmlib.save_cohort; save it again"
        )
    files = attributes[FILES]
    if isinstance(place, Path):  # an object is there whole or not at all, and a lost one is an error when it is read
        _check_files(place, files)
    stored = xr.open_zarr(str(place), chunks=None, consolidated=False, zarr_format=3).drop_encoding()
    variables = {}
    for name in dict.fromkeys(file.split("/")[0] for file in files):  # in the order in which they were saved
        variable = stored.variables[name]
        if "minute" in variable.dims:
            lazy = StoredArray(place, identity, name, variable.shape, variable.dtype)
            variables[name] = variable.copy(data=indexing.LazilyIndexedArray(lazy))
        elif variable.dtype.kind in "OT":
            variables[name] = variable.copy(data=np.array(variable.values.tolist(), np.str_))
        else:
            variables[name] = variable.compute()
    if _identity(place) != identity:
        raise OSError(f"the Cohort at {path} was replaced while it was being opened; open it again")
    attrs = {name: value for name, value in stored.attrs.items() if name != FILES}
    cohort = xr.Dataset(variables, attrs=attrs).set_coords(list(map(str, stored.coords)))
    return check_cohort(cohort, values=False)


class StoredArray(BackendArray):
    """One array of a saved Cohort, read through TensorStore by xarray's lazy indexing.

    xarray composes selections and hands the rows that are left to ``_read``, so whatever is selected from an opened
    Cohort knows its own rows in the store: there is no second bookkeeping that could point at a wrong day.
    """

    def __init__(self, place: str | Path, identity: Any, name: str, shape: tuple[int, ...], dtype: np.dtype):
        self.place, self.identity, self.name, self.shape, self.dtype = place, identity, name, shape, dtype
        local = {"driver": "file", "path": f"{place}/{name}/"}
        spec = {
            "driver": "zarr3",
            "kvstore": local if isinstance(place, Path) else f"{place}/{name}/",
            "fill_missing_data_reads": False,  # a lost file must be an error, not a day of fill values
        }
        self._array = tensorstore.open(spec, open=True, read=True).result()

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        """Read what a selection of xarray asks for."""
        if isinstance(key, indexing.VectorizedIndexer):  # points: xarray makes an outer product of them and picks
            return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)
        return self._read(key.tuple)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        """Read the outer product of integers, slices and integer arrays, one for each dimension."""
        try:
            values = self._array.oindex[tuple(map(_as_index, key, self.shape))].read().result()
        except ValueError as error:
            raise OSError(f"cannot read {self.name!r} of the Cohort at {self.place}: {error}") from error
        # Asked after the read, so that no replacement can slip in between: a new store's rows must not pass for ours.
        if _identity(self.place) != self.identity:
            raise OSError(f"the Cohort at {self.place} was replaced or removed after it was opened; open it again")
        return np.asarray(values)


def _identity(place: str | Path) -> tuple[int, ...]:
    """What tells a local store from its replacement; cloud stores are never replaced."""
    if isinstance(place, str):
        return ()
    try:
        root = (place / "zarr.json").stat()
    except FileNotFoundError:
        return (0,)
    return root.st_ino, root.st_mtime_ns, root.st_size


def _as_index(index: Any, size: int) -> Any:
    """An index of numpy in TensorStore's words, where no position is negative and no slice is clipped."""
    if isinstance(index, slice):
        start, stop, step = index.indices(size)
        return slice(start, max(start, stop)) if step == 1 else np.arange(start, stop, step)
    return np.where(np.less(index, 0), np.add(index, size), index) if np.ndim(index) else int(index) % size


def _encode(cohort: xr.Dataset) -> xr.Dataset:
    """The Cohort as it is written: per-minute arrays in blocks of whole shards, guarded; text of variable length."""
    encoded = cohort.drop_encoding()
    for name, variable in encoded.variables.items():
        if "minute" in variable.dims:
            encoded[name] = variable.chunk({"day": SHARD_DAYS, **{dim: -1 for dim in variable.dims[1:]}})
        elif variable.dtype.kind in "UT":
            encoded[name] = variable.compute().astype(object)  # text of fixed width has no Zarr v3 specification
        else:
            encoded[name] = variable.compute()
    signals = encoded["signals"]
    rows = [da.from_array(cohort[name].values, SHARD_DAYS)[:, None, None] for name in ("person", "date")]
    guarded = da.map_blocks(_guard, signals.data, *rows, dtype=np.float32, meta=np.empty((0, 0, 0), np.float32))
    return encoded.assign(signals=signals.copy(data=guarded))


def _guard(signals: np.ndarray, person: np.ndarray, date: np.ndarray) -> np.ndarray:
    """Hand a block on to be written once its values are known to be good."""
    check_values(signals, person.ravel(), date.ravel())
    return signals


def _write(encoded: xr.Dataset, place: str | Path) -> None:
    """Write the arrays, and when they are all there the list of files."""
    encoding: dict[Any, dict[str, Any]] = {"date": {"units": "days since 1970-01-01", "dtype": "int64"}}
    for name, variable in encoded.variables.items():
        if "minute" in variable.dims:
            pack = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=variable.dtype.itemsize)
            encoding[name] = {
                "shards": (SHARD_DAYS, *variable.shape[1:]),
                "chunks": (1, *variable.shape[1:]),
                "filters": [TransposeCodec(order=(0, 2, 1))] if variable.ndim == 3 else [],
                "compressors": [pack, Crc32cCodec()],
                "write_empty_chunks": True,  # so that a chunk which is not there is a lost one
            }
    store = encoded.to_zarr(str(place), mode="w", zarr_format=3, consolidated=False, encoding=encoding, compute=False)
    store.compute()
    files = _list_files(place)
    group = zarr.open_group(str(place), mode="r+", zarr_format=3)
    group.attrs[FILES] = {
        file: files[file] for name in encoded.variables for file in files if file.startswith(f"{name}/")
    }


def _list_files(place: str | Path) -> dict[str, int]:
    """The files of a store's arrays, relative to the store, with their sizes in bytes."""
    system, root = fsspec.url_to_fs(str(place))
    found = system.find(root, detail=True)
    sizes = {file[len(root) :].lstrip("/"): int(about["size"]) for file, about in sorted(found.items())}
    return {file: size for file, size in sizes.items() if "/" in file}


def _check_files(place: Path, expected: dict[str, int]) -> None:
    """Compare a local store with its list: files that are lost or cut off must not be found out in mid-training."""
    actual = _list_files(place)
    for file, size in expected.items():
        if actual.get(file) != size:
            found = f"has {actual[file]:,} bytes" if file in actual else "is missing"
            raise ValueError(
                f"the Cohort at {place} is damaged: {file} {found}, expected {size:,} bytes; save it again"
            )


def _read_attributes(place: str | Path) -> dict[str, Any] | None:
    """The attributes of a store's root, or None where there is no Zarr v3 store."""
    try:
        return dict(zarr.open_group(str(place), mode="r", zarr_format=3).attrs)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _cloud_url(path: str | os.PathLike) -> str | None:
    """A cloud address as text without a final slash, or None if ``path`` is local."""
    protocol, separator, _ = (url := os.fspath(path)).partition("://")
    if not separator:
        return None
    if protocol not in CLOUD_PACKAGES:
        raise ValueError(f"cannot store at {url}; expected a local path, gs://… or s3://…")
    try:
        importlib.import_module(CLOUD_PACKAGES[protocol])
    except ImportError as error:
        package = CLOUD_PACKAGES[protocol]
        raise ImportError(f"{protocol}:// needs the package {package}: pip install {package}") from error
    return url.rstrip("/")
