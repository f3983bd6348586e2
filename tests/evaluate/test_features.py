"""Hand-made features are what their names say, however the Cohort is stored."""

import numpy as np
import pandas as pd
import pytest

import lsmlib
from lsmlib.evaluate import hand_features
from lsmlib.evaluate.features import PERCENTILES, STATISTICS
from lsmlib.signals import MEAN
from tests.cohorts import small_cohort

DAYS = 70  # more than a block


@pytest.fixture(scope="module")
def cohort():
    return small_cohort(DAYS, people=20)


@pytest.fixture(scope="module")
def features(cohort):
    return hand_features(cohort, by="day")


def test_a_day_by_hand(cohort, features):
    day = cohort.isel(day=65)
    row = features.iloc[65]
    assert row.name == (day["person"].item(), pd.Timestamp(day["date"].values))
    asleep, awake = day["asleep"].values == 1, day["asleep"].values == 0
    for index, name in enumerate(lsmlib.SIGNAL_NAMES):
        values = day["signals"].values[:, index].astype(np.float64)
        expected = {
            "mean": np.nanmean(values),
            "sd": np.nanstd(values),
            "change": np.nanmean(np.abs(np.diff(values))),
            "asleep": np.nanmean(values[asleep]),
            "awake": np.nanmean(values[awake]),
            "night": np.nanmean(values[asleep]) - np.nanmean(values[awake]),
            "missing": np.isnan(values).mean(),
            **{f"p{q}": np.nanpercentile(values, q, method="nearest") for q in PERCENTILES},
        }
        assert set(expected) == set(STATISTICS)
        for statistic, value in expected.items():
            tolerance = 0.02 * np.nanstd(values) + 1e-6
            assert row[name, statistic] == pytest.approx(value, abs=tolerance), (name, statistic)


def test_a_person_is_the_mean_of_their_days(cohort, features):
    people = hand_features(cohort)
    assert people.index.tolist() == list(dict.fromkeys(cohort["person"].values))
    for person in people.index[[0, 7, -1]]:
        own = features[features.index.get_level_values("person") == person]
        assert len(own) > 1
        np.testing.assert_allclose(people.loc[person], own.mean(), rtol=1e-5)
    assert people.columns.equals(features.columns)
    assert people["heart_rate"].columns.tolist() == list(STATISTICS)


def test_stores_and_chunks_give_the_same_features(cohort, features, tmp_path):
    lsmlib.save_cohort(cohort, tmp_path / "cohort.zarr", progress=False)
    for lazy in (lsmlib.open_cohort(tmp_path / "cohort.zarr"), cohort.chunk(day=7), cohort.chunk(day=33, minute=400)):
        pd.testing.assert_frame_equal(hand_features(lazy, by="day"), features)


def test_each_chunk_is_computed_once(cohort):
    import dask.array as da

    computed = []

    def look(block, block_info=None):
        computed.append(block_info[None]["chunk-location"])
        return block

    signals = da.from_array(cohort["signals"].values, chunks=(30, -1, -1))
    watched = cohort.assign(signals=cohort["signals"].copy(data=da.map_blocks(look, signals, dtype=np.float32)))
    computed.clear()  # Dask tries the function on nothing first
    hand_features(watched)
    assert sorted(computed) == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]


def test_what_was_not_observed_is_unknown(cohort):
    signals = cohort["signals"].values[:2].copy()
    signals[0, :, 3] = np.nan
    signals[1, :, 4] = np.nan
    signals[1, 100:102, 4] = MEAN[4]
    alone = lsmlib.make_cohort(signals, ["a", "b"], ["2024-01-01"] * 2)  # asleep is unknown
    features = hand_features(alone)
    lost = features.loc["a", lsmlib.SIGNAL_NAMES[3]]
    assert lost.pop("missing") == 1
    assert lost.isna().all()
    one = features.loc["b", lsmlib.SIGNAL_NAMES[4]]
    assert one["mean"] == one["p5"] == one["p95"] == pytest.approx(MEAN[4])
    assert one["sd"] == one["change"] == 0
    assert features.xs("asleep", level="statistic", axis=1).isna().all(axis=None)
    # a day on which nothing of a signal was observed does not spoil the person's other days
    both = hand_features(alone.assign_coords(person=("day", ["a", "a"]), date=("day", DATES)))
    assert both.loc["a", (lsmlib.SIGNAL_NAMES[3], "mean")] == features.loc["b", (lsmlib.SIGNAL_NAMES[3], "mean")]


DATES = np.array(["2024-01-01", "2024-01-02"], "datetime64[ns]")


def test_refusals(cohort):
    with pytest.raises(ValueError, match="by is 'week'; expected 'person' or 'day'"):
        hand_features(cohort, by="week")
    with pytest.raises(ValueError, match="signals has dims"):
        hand_features(cohort.transpose("minute", ...))
