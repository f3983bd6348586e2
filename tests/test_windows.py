"""LSM-1's windows: which are kept, and how their gaps are filled."""

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import lsmlib
from lsmlib.signals import MEAN
from lsmlib.windows import fill_gaps
from tests.cohorts import small_cohort

NAN = np.nan


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([60, NAN, NAN, 90], [60, 70, 80, 90]),  # linear in time
        ([NAN, NAN, 70, 80], [70, 70, 70, 80]),  # leading: backwards
        ([60, 70, NAN, NAN], [60, 70, 70, 70]),  # trailing: forwards
        ([NAN, 60, NAN, NAN, 66, NAN], [60, 60, 62, 64, 66, 66]),
        ([NAN, 61, NAN], [61, 61, 61]),
        ([NAN, NAN], [75.96, 75.96]),  # nothing known: the population mean of heart_rate
        ([60, 61], [60, 61]),
    ],
)
def test_by_hand(series, expected):
    values = np.full((1, len(series), 26), 1, np.float32)
    values[0, :, 0] = series
    np.testing.assert_allclose(fill_gaps(values)[0, :, 0], expected, rtol=1e-6)
    assert (fill_gaps(values)[:, :, 1:] == 1).all()


@given(
    arrays(
        np.float32,
        (2, 30, 26),
        elements=st.floats(-1e3, 1e3, width=32),
        fill=st.just(np.float32(NAN)),
    )
)
def test_pandas_agrees(values):
    for window, filled in zip(values, fill_gaps(values), strict=True):
        frame = pd.DataFrame(window.astype(float)).interpolate(limit_direction="both")
        np.testing.assert_allclose(filled, frame.fillna(pd.Series(MEAN)).to_numpy(), rtol=1e-6, atol=1e-4)
        np.testing.assert_array_equal(filled[~np.isnan(window)], window[~np.isnan(window)])


def test_every_window_is_the_right_piece_of_the_right_day():
    cohort = small_cohort(days=70)  # more than a block
    windows = lsmlib.cut_windows(cohort, max_missing=0.3)
    values = cohort["signals"].values
    share = np.isnan(values[:, :1200]).reshape(70, 4, 300 * 26).mean(axis=2)
    day, index = np.nonzero(share <= 0.3)
    assert 0 < len(day) < 280
    np.testing.assert_array_equal(windows["start_minute"], index * 300)
    np.testing.assert_array_equal(windows["person"], cohort["person"].values[day])
    np.testing.assert_array_equal(windows["date"], cohort["date"].values[day])
    np.testing.assert_array_equal(windows["hypertension"], cohort["hypertension"].values[day])
    piece = values[:, :1200].reshape(70, 4, 300, 26)[day, index]
    np.testing.assert_array_equal(windows["observed"], ~np.isnan(piece))
    np.testing.assert_array_equal(windows["signals"], fill_gaps(piece))
    assert not np.isnan(windows["signals"]).any()
    np.testing.assert_array_equal(
        windows["activity"], cohort["activity"].values[:, :1200].reshape(70, 4, 300)[day, index]
    )
    assert windows["activity"].attrs == cohort["activity"].attrs
    assert windows["signals"].attrs == cohort["signals"].attrs
    assert windows.attrs["window_minutes"] == 300


def test_overlapping_windows():
    windows = lsmlib.cut_windows(small_cohort(days=1, gaps=0), minutes=600, stride=240)
    assert windows["start_minute"].values.tolist() == [0, 240, 480, 720]


def test_the_threshold_is_inclusive():
    cohort = small_cohort(days=1, gaps=0)
    cohort["signals"][0, :60] = NAN  # exactly 20 % of the first window
    assert lsmlib.cut_windows(cohort).sizes["day"] == 4
    cohort["signals"][0, 60, 0] = NAN  # one cell more
    assert lsmlib.cut_windows(cohort).sizes["day"] == 3


def test_lazy_cohorts_give_the_same_windows(tmp_path):
    cohort = small_cohort(days=66)
    expected = lsmlib.cut_windows(cohort)
    xr.testing.assert_identical(lsmlib.cut_windows(cohort.chunk(day=5)), expected)
    lsmlib.save_cohort(cohort, tmp_path / "cohort.zarr")
    xr.testing.assert_identical(lsmlib.cut_windows(lsmlib.open_cohort(tmp_path / "cohort.zarr")), expected)
    lsmlib.save_cohort(expected, tmp_path / "windows.zarr")
    xr.testing.assert_identical(lsmlib.open_cohort(tmp_path / "windows.zarr"), expected)


def test_a_lazy_cohort_is_computed_once_and_a_block_at_a_time():
    cohort = small_cohort(days=130)
    requests: list[int] = []  # days of signals computed in each request to Dask

    class Watch(dask.callbacks.Callback):
        def _start(self, dsk):
            requests.append(0)

    def count(block):
        requests[-1] += len(block)
        return block

    signals = da.map_blocks(count, da.from_array(cohort["signals"].values, (1, 1440, 26)), dtype=np.float32)
    requests.clear()
    with Watch():
        lsmlib.cut_windows(cohort.assign(signals=cohort["signals"].copy(data=signals)))
    assert [days for days in requests if days] == [64, 64, 2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"minutes": 0}, "minutes is 0"),
        ({"minutes": 1441}, "minutes is 1441; expected 1 to 1440"),
        ({"max_missing": 1}, "max_missing is 1"),
        ({"max_missing": 20}, "max_missing is 20; expected a share"),
        ({"stride": 0}, "stride is 0"),
        ({"max_missing": 0, "minutes": 1440}, r"no window of 1440 minutes has at most 0% missing; the fullest has"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(ValueError, match=words):
        lsmlib.cut_windows(small_cohort(days=2), **options)


def test_windows_are_not_cut_again():
    with pytest.raises(ValueError, match="these are windows of 300 minutes already"):
        lsmlib.cut_windows(lsmlib.cut_windows(small_cohort(days=2)))
