"""Rows on the device give the batches of the host, bit for bit in float32, and rounded as promised in sixteen bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lsmlib
from lsmlib.packing import pack_days
from lsmlib.resident import _check_fits, gather_rows
from lsmlib.signals import normalise
from tests.cohorts import small_cohort
from tests.sizes import SMALL
from tests.test_checkpoints import MAKERS, Stopped, data_of, state_of, stop_at
from tests.windows import small_windows

KINDS = {
    **MAKERS,
    "LSM2, decoder reads all": lambda: lsmlib.LSM2(SMALL, minutes=60, seed=1, decoder_reads="all"),
    "LSM2, patches with gaps": lambda: lsmlib.LSM2(SMALL, minutes=60, seed=1, patch_missing_if="all"),
}


@pytest.fixture(scope="module")
def windows():
    return small_windows(rows=16)


def rows_of(kind, windows):
    """As the kind reads them; LSM-2 also with single readings missing."""
    data = data_of(kind.partition(",")[0], windows)
    if kind.startswith("LSM2"):
        data = data.assign(signals=data["signals"].where(np.random.default_rng(4).random(data["signals"].shape) > 0.02))
    return data


def take(batches, count):
    return [batch for _, batch in zip(range(count), batches, strict=False)]


def both(kind, data, dtype="float32", count=6, **options):
    """Batches of the host and of the device, over the end of an epoch."""
    model = KINDS[kind]()
    beside = model.describe(data) if kind == "SensorLM" else None
    prepare = getattr(model, "prepare", None)
    host = lsmlib.make_batches(data, 4, seed=3, prepare=prepare, beside=beside, **options)
    resident = lsmlib.DeviceRows(data, model, dtype)
    device = lsmlib.make_batches(data, 4, seed=3, resident=resident, beside=beside, **options)
    return take(host, count), take(device, count), resident


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_those_of_the_host_bit_for_bit(kind, windows):
    data = rows_of(kind, windows)
    for options in ({}, {"start_step": 3}, {"shuffle": False}):
        host, device, _ = both(kind, data, **options)
        assert len(host) == 6
        if kind == "LSM2, the paper's form":  # of a patch that counts as missing, what is there is left out
            for one in host:
                patches, observed = KINDS[kind]().to_tokens(one["signals"])
                one["signals"] = KINDS[kind]().grid.to_windows(patches)
                assert not observed.all()
        assert jax.tree.structure(host) == jax.tree.structure(device)
        jax.tree.map(np.testing.assert_array_equal, host, device)
        for one, two in zip(jax.tree.leaves(host), jax.tree.leaves(device), strict=True):
            assert one.dtype == two.dtype


def test_values_lie_on_the_device(windows):
    _, (batch, *_), _ = both("LSM2", rows_of("LSM2", windows))
    assert all(isinstance(batch[name], jax.Array) for name in ("values", "target", "scored"))


@pytest.mark.parametrize("kind", KINDS)
def test_training_is_the_same_bit_for_bit(kind, windows):
    data = rows_of(kind, windows)
    options = {"steps": 5, "batch_size": 4, "seed": 2, "progress": False}
    one, two = KINDS[kind](), KINDS[kind]()
    history = lsmlib.pretrain(one, data, **options)
    assert lsmlib.pretrain(two, data, **options, data_on_device="float32") == history
    for ours, theirs in zip(state_of(two), state_of(one), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("dtype", "most"), [("float16", 2.0**-9), ("bfloat16", 2.0**-6)])
def test_half_precision_rounds_as_told_and_keeps_every_gap(dtype, most):
    cohort = small_cohort(6)
    cohort["signals"][0, 0, :] = [signal.high for signal in lsmlib.SIGNALS]  # z-scores at the ends of their range
    resident = lsmlib.DeviceRows(cohort, dtype=dtype)
    assert resident.nbytes == 2 * cohort["signals"].size and resident.values.dtype == dtype
    (batch,) = take(lsmlib.make_batches(cohort, 6, shuffle=False, resident=resident), 1)
    exact = normalise(cohort["signals"].values)
    assert batch.dtype == np.float32 and np.nanmax(exact) == 5
    np.testing.assert_array_equal(np.isnan(batch), np.isnan(exact))
    apart = np.nanmax(np.abs(batch - exact))
    assert most / 2 < apart <= most  # as large as told, and no larger


def test_half_precision_hides_and_scores_the_same_tokens(windows):
    host, device, resident = both("LSM2", rows_of("LSM2", windows), "float16")
    whole = lsmlib.DeviceRows(rows_of("LSM2", windows), KINDS["LSM2"]())
    assert 2 * resident.nbytes == whole.nbytes
    for one, two in zip(host, device, strict=True):
        for name in ("number", "lengths", "decoded", "source", "decoded_lengths", "scored"):
            np.testing.assert_array_equal(one[name], two[name])
        assert 0 < np.abs(one["target"] - two["target"]).max() <= 2.0**-9


def test_a_training_that_died_goes_on_wherever_its_data_are(windows, tmp_path, monkeypatch):
    data = rows_of("LSM2", windows)
    options = {"steps": 12, "batch_size": 4, "seed": 2, "progress": False, "checkpoint_every": 3}
    whole = KINDS["LSM2"]()
    history = lsmlib.pretrain(whole, data, **options)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, 8)
        lsmlib.pretrain(KINDS["LSM2"](), data, **options, checkpoint_dir=tmp_path, data_on_device="float32")
    model = KINDS["LSM2"]()
    assert lsmlib.pretrain(model, data, **options, checkpoint_dir=tmp_path) == history
    for ours, theirs in zip(state_of(model), state_of(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match=r"training data_on_device is None there and 'float16' here"):
        lsmlib.pretrain(KINDS["LSM2"](), data, **options, checkpoint_dir=tmp_path, data_on_device="float16")


def test_a_training_on_rounded_values_goes_on_bit_for_bit(windows, tmp_path, monkeypatch):
    options = {"steps": 12, "batch_size": 4, "seed": 2, "progress": False, "data_on_device": "float16"}
    whole, model = KINDS["LSM1"](), KINDS["LSM1"]()
    history = lsmlib.pretrain(whole, windows, **options)
    saved = {"checkpoint_dir": tmp_path, "checkpoint_every": 3}
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, 8)
        lsmlib.pretrain(KINDS["LSM1"](), windows, **options, **saved)
    assert lsmlib.pretrain(model, windows, **options, **saved) == history
    for ours, theirs in zip(state_of(model), state_of(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_rows_are_sent_in_blocks_from_a_store(tmp_path, monkeypatch):
    monkeypatch.setattr("lsmlib.resident.BLOCK", 4)
    cohort = small_cohort(10)
    lsmlib.save_cohort(cohort, tmp_path / "c.zarr")
    model = lsmlib.LSM2("nano")
    resident = lsmlib.DeviceRows(lsmlib.open_cohort(tmp_path / "c.zarr"), model)
    patches, observed = model.to_tokens(normalise(cohort["signals"].values))
    np.testing.assert_array_equal(resident.values, patches)
    np.testing.assert_array_equal(resident.observed, observed)


def test_gathering_is_packing_for_any_pattern():
    draw = np.random.default_rng(0)
    for rows in (1, 2, 4):
        patches = draw.standard_normal((6, 40, 3)).astype(np.float32)
        patches[draw.random(patches.shape) < 0.1] = np.nan
        kind = draw.integers(0, 3, (4, 40)) * (draw.random((4, 1)) < 0.8)  # some days with nothing at all
        chosen = np.array([5, 0, 3, 0], np.int32)
        expected = pack_days(patches[chosen], kind == 1, kind == 2, rows)
        plan = {name: expected[name] for name in ("number", "lengths", "decoded", "source", "decoded_lengths")}
        found = gather_rows(jnp.asarray(patches), chosen, plan)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values)


def test_labels_come_along(windows):
    cohort = small_cohort(6)
    resident = lsmlib.DeviceRows(cohort)
    for one, two in zip(
        take(lsmlib.make_batches(cohort, 3, labels=["age", "activity"]), 2),
        take(lsmlib.make_batches(cohort, 3, labels=["age", "activity"], resident=resident), 2),
        strict=True,
    ):
        jax.tree.map(np.testing.assert_array_equal, one, two)


def test_what_does_not_fit_is_refused_with_numbers(windows, monkeypatch):
    bytes_of_rows = 4 * windows["signals"].size
    monkeypatch.setattr("lsmlib.resident.device_memory", lambda: (bytes_of_rows + 50, 50))
    lsmlib.DeviceRows(windows)
    with pytest.raises(ValueError, match=r"16 rows take 0\.00 GB as float32.*Expected fewer rows, dtype='float16'"):
        lsmlib.DeviceRows(windows, leave=1)
    monkeypatch.setattr("lsmlib.resident.device_memory", lambda: (80 * 10**9, 3 * 10**9))
    message = (
        r"1,600,000 rows take 119\.81 GB as float16, and training 0\.39 GB beside them; the device has 80\.00 GB, of "
        r"which 3\.00 GB are in use\. Expected fewer rows, or batches from the host"
    )
    with pytest.raises(ValueError, match=message):
        _check_fits((1_600_000, 1440, 26), "float16", 390_000_000)


def test_pretrain_leaves_room_for_the_step(windows, monkeypatch):
    asked = []
    monkeypatch.setattr("lsmlib.resident._check_fits", lambda shape, dtype, leave: asked.append((shape, dtype, leave)))
    model = KINDS["LSM1"]()
    lsmlib.pretrain(model, windows, steps=1, batch_size=4, progress=False, data_on_device="bfloat16")
    ((shape, dtype, leave),) = asked
    assert shape == (16, 60, 26) and dtype == "bfloat16" and leave > 16 * model.count_params()


def test_other_numbers_are_refused(windows):
    with pytest.raises(ValueError, match="dtype is 'int8'; expected one of 'float32', 'float16', 'bfloat16'"):
        lsmlib.DeviceRows(windows, dtype="int8")


def test_batches_of_other_rows_are_refused(windows):
    resident = lsmlib.DeviceRows(windows)
    with pytest.raises(ValueError, match="resident holds 16 rows; expected the 12 of the Cohort"):
        lsmlib.make_batches(windows.isel(day=slice(12)), 4, resident=resident)
    with pytest.raises(ValueError, match="16 rows and prepare is given"):
        lsmlib.make_batches(windows, 4, resident=resident, prepare=lambda signals, places: signals)


def test_several_processes_are_refused(windows, monkeypatch):
    monkeypatch.setattr("lsmlib.resident.jax.process_count", lambda: 2)
    with pytest.raises(ValueError, match="2 processes train together; rows can stay on the device of one process only"):
        lsmlib.DeviceRows(windows)
