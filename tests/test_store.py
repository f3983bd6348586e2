"""Saving and opening: nothing lost, nothing read too early, nothing damaged that goes unnoticed."""

import json
import os
import signal
from functools import partial
from pathlib import Path

import dask
import dask.array as da
import fsspec
import numpy as np
import pytest
import tensorstore
import xarray as xr
import zarr
from distributed import Client
from hypothesis import given, settings
from hypothesis import strategies as st

import lsmlib
from lsmlib import store
from tests.cohorts import small_cohort

DAYS = 150  # two shards and a bit


@pytest.fixture(scope="module")
def cohort():
    return small_cohort(DAYS, people=20)


@pytest.fixture(scope="module")
def saved(cohort, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "a folder with % and é" / "cohort.zarr"
    lsmlib.save_cohort(cohort, path)
    return path


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def bytes_read() -> int:
    return tensorstore.experimental_collect_matching_metrics("/tensorstore/kvstore/file/bytes_read")[0]["values"][0][
        "value"
    ]


def test_nothing_is_lost(cohort, saved):
    opened = lsmlib.open_cohort(saved)
    assert list(opened.data_vars) == list(cohort.data_vars)
    assert list(opened.coords) == list(cohort.coords)
    for name, variable in cohort.variables.items():
        assert opened[name].dtype == variable.dtype
    xr.testing.assert_identical(opened, cohort)


def test_any_zarr_tool_reads_it(cohort, saved):
    plain = xr.open_zarr(saved, consolidated=False)
    np.testing.assert_array_equal(plain["signals"], cohort["signals"])
    assert plain["person"].values.tolist() == cohort["person"].values.tolist()
    np.testing.assert_array_equal(plain["date"], cohort["date"])
    array = zarr.open_group(saved, mode="r")["signals"]
    assert array.shards == (64, 1440, 26)
    assert array.chunks == (1, 1440, 26)


def to_booleans(size: int, bits: int) -> np.ndarray:
    return np.array([bits >> day & 1 for day in range(size)], bool)


@st.composite
def selections(draw):
    """A chain of up to three selections of days, each of what the ones before it have left, and one of minutes."""
    chain, size = [], DAYS
    for _ in range(draw(st.integers(1, 3))):
        kinds = [st.slices(size), st.integers(0, 2**size - 1).map(partial(to_booleans, size))]
        if size:
            kinds.append(st.lists(st.integers(-size, size - 1), min_size=1, max_size=5))
        chain.append({"day": draw(st.one_of(kinds))})
        size = len(np.arange(size)[chain[-1]["day"]])
    return [*chain, {"minute": draw(st.one_of(st.slices(1440), st.integers(-1440, 1439)))}]


@settings(max_examples=50)
@given(chain=selections())
def test_any_selection_reads_the_right_rows(cohort, saved, chain):
    lazy, loaded = lsmlib.open_cohort(saved)[["signals", "activity"]], cohort[["signals", "activity"]]
    for selection in chain:
        lazy, loaded = lazy.isel(selection), loaded.isel(selection)
    xr.testing.assert_identical(lazy, loaded)


def test_points_and_copies(cohort, saved):
    opened = lsmlib.open_cohort(saved)
    points = {"day": xr.DataArray([1, 149, 1], dims="point"), "minute": xr.DataArray([5, 0, -1], dims="point")}
    xr.testing.assert_identical(opened.isel(points), cohort.isel(points))
    xr.testing.assert_identical(opened.copy(deep=True), cohort)


def test_only_what_is_looked_at_is_read(cohort, saved):
    opened = lsmlib.open_cohort(saved)
    a_day = sum(file.stat().st_size for file in (saved / "signals").rglob("*")) / DAYS
    index = 64 * 16 + 4  # bytes of a shard's index
    before = bytes_read()
    opened["signals"].isel(day=[3, 70, 149]).values  # noqa: B018
    assert bytes_read() - before < 3 * (1.2 * a_day + index)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
@pytest.mark.parametrize("chunk", [7, 64, 100])
def test_the_same_bytes_whatever_the_chunks_and_the_scheduler(cohort, saved, tmp_path, scheduler, chunk):
    with dask.config.set(scheduler=scheduler):
        lsmlib.save_cohort(cohort.chunk(day=chunk, minute=720), tmp_path / "c.zarr")
    assert contents(tmp_path / "c.zarr") == contents(saved)


def test_the_same_bytes_from_four_workers(cohort, saved, tmp_path):
    opened = lsmlib.open_cohort(saved).chunk(day=64)  # so that stored arrays travel to other processes, too
    with Client(n_workers=4, threads_per_worker=1, dashboard_address=None, local_directory=tmp_path / "dask"):
        lsmlib.save_cohort(opened, tmp_path / "c.zarr")
    assert contents(tmp_path / "c.zarr") == contents(saved)


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(saved, tmp_path):
    """The one that gets the second block dies, once; Dask starts another, and what it had is done again."""

    def die_once(block, block_info=None):
        mark = tmp_path / "died"
        if block_info[None]["chunk-location"][0] == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return block

    opened = lsmlib.open_cohort(saved).chunk(day=64)
    signals = da.map_blocks(die_once, opened["signals"].data, dtype=np.float32)
    lazy = opened.assign(signals=opened["signals"].copy(data=signals))
    options = {"n_workers": 4, "threads_per_worker": 1, "dashboard_address": None}
    with Client(**options, local_directory=tmp_path / "dask", silence_logs=50) as client:
        before = set(client.scheduler_info(n_workers=-1)["workers"])
        lsmlib.save_cohort(lazy, tmp_path / "c.zarr")
        client.wait_for_workers(4)
        assert set(client.scheduler_info(n_workers=-1)["workers"]) != before  # one was restarted
    assert (tmp_path / "died").exists()
    assert contents(tmp_path / "c.zarr") == contents(saved)


def test_a_cohort_is_never_computed_as_a_whole(cohort, tmp_path):
    alive, most = [0], [0]

    def count(block):
        alive[0] += 1
        most[0] = max(most[0], block.shape[0])
        return block

    signals = da.map_blocks(count, da.from_array(cohort["signals"].values, (10, 1440, 26)), dtype=np.float32)
    lazy = cohort.assign(signals=cohort["signals"].copy(data=signals))
    alive[0] = 0
    lsmlib.save_cohort(lazy, tmp_path / "c.zarr")
    assert alive[0] == 15  # each block once: checked and written in the same pass
    assert most[0] == 10


def test_wrong_values_are_found_while_saving(cohort, tmp_path):
    lazy = cohort.chunk(day=64)
    lazy["signals"] = lazy["signals"].where(lazy["signals"].signal != "steps", -1.0)
    with pytest.raises(ValueError, match=r"steps of person 'pérson \d+' on 2024-.* is -1; expected 0 to 250"):
        lsmlib.save_cohort(lazy, tmp_path / "c.zarr")
    assert list(tmp_path.iterdir()) == []


def test_replacing(tmp_path):
    path = tmp_path / "c.zarr"
    path.mkdir()  # an empty directory is no obstacle
    first, second = small_cohort(3, seed=1), small_cohort(5, seed=2)
    lsmlib.save_cohort(first, path)
    lsmlib.save_cohort(lsmlib.open_cohort(path), path)  # onto itself
    opened = lsmlib.open_cohort(path)
    kept = opened.isel(day=[1]).load()
    lsmlib.save_cohort(second, path)
    xr.testing.assert_identical(lsmlib.open_cohort(path), second)
    xr.testing.assert_identical(kept, first.isel(day=[1]))
    assert opened["age"].values.tolist() == first["age"].values.tolist()
    with pytest.raises(OSError, match="was replaced or removed after it was opened; open it again"):
        opened["signals"].isel(day=0).load()  # else a row of the new store would pass for one of the old


def test_replaced_while_it_is_opened(tmp_path, monkeypatch):
    path = tmp_path / "c.zarr"
    lsmlib.save_cohort(small_cohort(3, seed=1), path)

    def slow_check(place, files):
        lsmlib.save_cohort(small_cohort(3, seed=2), path)

    monkeypatch.setattr(store, "_check_files", slow_check)
    with pytest.raises(OSError, match="replaced while it was being opened"):
        lsmlib.open_cohort(path)


def test_what_is_not_a_cohort_is_not_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(FileExistsError, match="not a Cohort saved by lsmlib"):
            lsmlib.save_cohort(small_cohort(2), path)
    assert (tmp_path / "thesis.txt").read_text() == "irreplaceable"


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize(
    ("damage", "file", "words"),
    [
        (cut, "signals/c/1/0/0", "damaged: signals/c/1/0/0 has .* bytes, expected"),
        (Path.unlink, "signals/c/0/0/0", "damaged: signals/c/0/0/0 is missing"),
        (Path.unlink, "person/c/0", "person/c/0 is missing"),
        (Path.unlink, "mood/zarr.json", "mood/zarr.json is missing"),
        (Path.unlink, "zarr.json", "not a whole Cohort"),
    ],
)
def test_damage_is_found_when_opening(tmp_path, damage, file, words):
    path = tmp_path / "c.zarr"
    lsmlib.save_cohort(small_cohort(70), path)
    damage(path / file)
    with pytest.raises(ValueError, match=words):
        lsmlib.open_cohort(path)


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(("damage", "words"), [(cut, "DATA_LOSS"), (Path.unlink, "NOT_FOUND"), (flip, "at byte 0")])
def test_damage_after_opening_is_found_when_reading(tmp_path, damage, words):
    lsmlib.save_cohort(small_cohort(3), tmp_path / "c.zarr")
    opened = lsmlib.open_cohort(tmp_path / "c.zarr")
    damage(tmp_path / "c.zarr" / "signals" / "c" / "0" / "0" / "0")
    with pytest.raises(OSError, match=f"cannot read 'signals' of the Cohort at .*{words}"):
        opened["signals"].load()


def test_home_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    lsmlib.save_cohort(small_cohort(2), "~/c.zarr")
    assert [place.name for place in tmp_path.iterdir()] == ["c.zarr"]
    assert lsmlib.open_cohort("~/c.zarr").sizes["day"] == 2


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no Cohort at"):
        lsmlib.open_cohort(tmp_path / "c.zarr")


def test_addresses():
    with pytest.raises(ValueError, match="expected a local path, gs://… or s3://…"):
        lsmlib.open_cohort("http://example.org/c.zarr")


def test_a_cloud_without_its_package_says_which(monkeypatch):
    monkeypatch.setitem(store.CLOUD_PACKAGES, "gs", "a_package_that_is_not_there")
    with pytest.raises(ImportError, match="gs:// needs the package a_package_that_is_not_there"):
        lsmlib.save_cohort(small_cohort(2), "gs://bucket/c.zarr")


def test_cloud_stores_are_written_once_and_marked_last(monkeypatch, tmp_path):
    # file:// stands in for a cloud: it is written through fsspec and read through TensorStore's addresses, as they are.
    monkeypatch.setitem(store.CLOUD_PACKAGES, "file", "fsspec")
    monkeypatch.setitem(fsspec.config.conf, "file", {"auto_mkdir": True})
    cohort, url = small_cohort(3), f"file://{tmp_path}/c.zarr"
    lsmlib.save_cohort(cohort, url)
    xr.testing.assert_identical(lsmlib.open_cohort(url), cohort)
    with pytest.raises(FileExistsError, match="cloud stores are never replaced"):
        lsmlib.save_cohort(cohort, url)
    with pytest.raises(FileNotFoundError):
        lsmlib.open_cohort(f"file://{tmp_path}/other.zarr")
    root = tmp_path / "c.zarr" / "zarr.json"
    metadata = json.loads(root.read_text())
    del metadata["attributes"][store.FILES]  # as a save leaves it that is killed before the end
    root.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="its save was cut off"):
        lsmlib.open_cohort(url)
