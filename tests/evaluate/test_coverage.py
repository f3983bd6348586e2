"""What was measured of a day, counted by hand and by the model itself."""

import numpy as np
import pytest

import lsmlib
from lsmlib.evaluate import DAY_PARTS, describe_coverage
from lsmlib.models.lsm2 import LSM2
from lsmlib.packing import pack_days
from lsmlib.signals import MEAN, normalise
from tests.cohorts import small_cohort
from tests.sizes import SMALL


def test_by_hand():
    signals = np.full((2, 1440, 26), np.nan, np.float32)
    signals[0, :90, 0], signals[0, 60:120, 1] = MEAN[0], MEAN[1]  # PPG: two hours, thirty minutes of them twice
    signals[0, 1079:1081, 24] = 30  # temperature: the last minute of the afternoon and the first of the evening
    signals[1] = MEAN
    cohort = lsmlib.make_cohort(signals, ["a", "b"], ["2024-03-01", "2024-03-02"])
    table = describe_coverage(cohort)
    assert table.index.names == ["person", "date"]
    assert "tokens" not in table
    one, whole = table.loc["a"].iloc[0], table.loc["b"].iloc[0]
    minutes = [f"{sensor}_minutes" for sensor in ("PPG", "ACC", "ALT", "EDA", "TEMP")]
    assert one[minutes].tolist() == [120, 0, 0, 0, 2]
    shares = [f"{part}_share" for part in DAY_PARTS]
    np.testing.assert_allclose(one[shares].astype(float), [150 / 9360, 0, 1 / 9360, 1 / 9360])
    assert one["signals"] == 3
    assert (whole[minutes] == 1440).all() and (whole[shares] == 1).all() and whole["signals"] == 26
    signals = describe_coverage(cohort, by="signal").filter(like="_minutes").loc["a"].iloc[0]
    assert len(signals) == 26
    assert signals[signals > 0].to_dict() == {
        "heart_rate_minutes": 90, "heart_rate_at_rest_minutes": 60, "skin_temperature_minutes": 2
    }  # fmt: skip
    with pytest.raises(ValueError, match="by is 'hour'; expected 'sensor' or 'signal'"):
        describe_coverage(cohort, by="hour")


@pytest.mark.parametrize("rule", ["any", "all"])
def test_tokens_are_those_that_the_model_packs(rule):
    cohort = small_cohort(days=5, people=5, gaps=25)
    cohort["signals"][4] = np.nan
    cohort["signals"][4, :7] = MEAN  # most of a patch, and nothing else
    model = LSM2(SMALL, patch_missing_if=rule)
    patches = model.grid.to_patches(normalise(cohort["signals"].values))
    nothing = np.zeros(patches.shape[:2], bool)
    observed = ~(np.isnan(patches).any(axis=2) if rule == "any" else np.isnan(patches).all(axis=2))
    packed = pack_days(patches, observed, nothing, 5)
    table = describe_coverage(cohort, model)
    assert sorted(table["tokens"]) == sorted(packed["lengths"].ravel().tolist())
    assert table["tokens"].iloc[4] == (0 if rule == "any" else 26)
    assert not model.embed(cohort)[4].any() or rule == "all"


def test_lazy_days_are_the_same_and_windows_are_refused():
    cohort = small_cohort(days=70, people=70)
    assert describe_coverage(cohort.chunk(day=20)).equals(describe_coverage(cohort))
    with pytest.raises(ValueError, match="windows of 300 minutes, their gaps filled; expected a Cohort of whole days"):
        describe_coverage(lsmlib.cut_windows(cohort.isel(day=[0]), max_missing=0.9))
    with pytest.raises(ValueError, match="days have shape"):
        describe_coverage(cohort, LSM2("nano", minutes=60))
