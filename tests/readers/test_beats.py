"""rr_features: by hand, and against an implementation that goes window by window."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsmlib.readers.beats import BIN, LEAST, RR_FEATURES, find_valid, rr_features

MINUTE = 60_000
START = 28_000_000 * MINUTE  # a minute begins


def beats(rr, start: int = START) -> tuple[np.ndarray, np.ndarray]:
    rr = np.asarray(rr, float)
    return start + np.cumsum(rr).astype(np.int64), rr


def slowly(time, rr, minutes) -> dict[str, list[float]]:
    """The definitions, one window after the other, in plain Python."""
    together: dict[int, set[float]] = {}
    for one, interval in zip(time.tolist(), rr.tolist(), strict=True):
        if math.isfinite(interval):
            together.setdefault(one, set()).add(interval)
    rows = [(one, interval) for one in sorted(together) for interval in sorted(together[one])]
    valid = []
    for i, (one, interval) in enumerate(rows):
        around = [rows[min(max(j, 0), len(rows) - 1)][1] for j in range(i - 2, i + 3)]
        median = sorted(around)[2]
        valid.append(
            300 <= interval <= 2000
            and abs(interval - median) <= 0.2 * median
            and len(together[one]) == 1
            and (i == 0 or one - interval >= rows[i - 1][0] - 50)
        )
    found: dict[str, list[float]] = {name: [] for name in RR_FEATURES}
    for minute in minutes.tolist():
        inside = [i for i, (one, _) in enumerate(rows) if valid[i] and minute - 4 <= one // MINUTE <= minute]
        values = np.array([rows[i][1] for i in inside])
        steps = np.array(
            [
                rows[i][1] - rows[i - 1][1]
                for i in inside
                if i - 1 in inside and abs(rows[i][0] - rows[i - 1][0] - rows[i][1]) <= 50
            ]
        )

        def entropy(codes):
            counts = np.array(list(Counter(codes.tolist()).values()))
            return -float(np.sum(counts / counts.sum() * np.log(counts / counts.sum())))

        has, has_steps = len(values) >= LEAST, len(steps) >= LEAST
        found["rr_percent_valid"].append(min(values.sum() / 300_000, 1))
        for name, share in (("rr_80th_percentile", 80), ("rr_20th_percentile", 20), ("rr_median", 50)):
            found[name].append(np.percentile(values, share) if has else np.nan)
        found["sdnn"].append(np.std(values, ddof=1) if has else np.nan)
        found["rmssd"].append(np.sqrt(np.mean(steps**2)) if has_steps else np.nan)
        found["rr_entropy"].append(entropy(values // BIN) if has else np.nan)
        found["rr_diff_entropy"].append(entropy(np.round(steps / BIN)) if has_steps else np.nan)
    return found


def test_a_heart_that_beats_every_second():
    time, rr = beats([1000] * 600)
    found = rr_features(time, rr, np.arange(START // MINUTE, START // MINUTE + 10))
    assert found["rr_percent_valid"][:6].tolist() == [59 / 300, 119 / 300, 179 / 300, 239 / 300, 299 / 300, 1]
    assert all((found[name] == 1000).all() for name in ("rr_median", "rr_20th_percentile", "rr_80th_percentile"))
    assert all((found[name] == 0).all() for name in ("sdnn", "rmssd", "rr_entropy", "rr_diff_entropy"))


def test_a_heart_that_alternates():
    time, rr = beats([780, 820] * 200)
    found = rr_features(time, rr, np.array([START // MINUTE + 4]))
    n = int(np.sum(time < START + 5 * MINUTE))
    assert found["rmssd"][0] == 40 and found["rr_median"][0] == pytest.approx(780 if n % 2 else 800)
    assert found["sdnn"][0] == pytest.approx(20 * math.sqrt(n / (n - 1)), rel=1e-4)
    assert found["rr_entropy"][0] == pytest.approx(math.log(2), abs=1e-4)  # two bins, half the intervals in each
    assert found["rr_diff_entropy"][0] == pytest.approx(math.log(2), abs=1e-4)  # +40 and -40 ms


def test_what_is_valid():
    rr = np.array([800, 800, 800, 1300, 800, 800, 250, 800, 800, 800, np.nan, 2500, 800], float)
    time, _ = beats(np.nan_to_num(rr, nan=800))
    _, kept, follows = find_valid(time, rr)
    assert kept.tolist() == [800] * 9  # neither the long, nor the short, nor the empty one
    assert follows.tolist() == [False, True, True, False, True, False, True, True, False]


def test_same_and_overlapping_intervals():
    time, rr = beats([800] * 50)
    minute = np.array([START // MINUTE])
    once = rr_features(time, rr, minute)
    twice = rr_features(np.append(time, time), np.append(rr, rr), minute)
    assert all(np.array_equal(once[name], twice[name], equal_nan=True) for name in RR_FEATURES)
    assert find_valid(np.append(time, time[10]), np.append(rr, 810.0))[0].tolist() == np.delete(time, 10).tolist()
    assert find_valid(np.append(time, time[10] + 200), np.append(rr, 800.0))[1].size == 49  # nor what comes after it


def test_no_difference_across_a_gap():
    time, rr = beats([800] * 20 + [900] * 20)
    time[20:] += 10_000
    minute = np.array([START // MINUTE])
    found = rr_features(time, rr, minute)
    assert found["rmssd"][0] == 0 and found["sdnn"][0] > 40  # with the difference across it, RMSSD would be 16


def test_fewer_beats_than_needed_are_a_gap():
    minutes = np.arange(START // MINUTE, START // MINUTE + 6)
    for count in (0, LEAST - 1, LEAST):
        found = rr_features(*beats([800] * count), minutes)
        assert np.isnan(found["rr_median"]).all() == (count < LEAST)
        assert found["rr_percent_valid"].tolist() == [pytest.approx(count * 0.8 / 300)] * 5 + [0]
        assert np.isnan(found["rmssd"]).all()  # one difference less than beats


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="expected"):
        rr_features(np.zeros(3), np.zeros(2), np.zeros(1))


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.5]), st.booleans())
def test_like_the_slow_implementation(seed, damage, coarse):
    rng = np.random.default_rng(seed)
    rr = 800 + 60 * rng.standard_normal(900) + 100 * np.sin(np.arange(900) / 40)
    rr = np.round(rr * 0.064) / 0.064 if coarse else rr
    time, rr = beats(rr, START + int(rng.integers(MINUTE)))
    wrong = rng.random(900) < damage
    rr = np.where(wrong, rng.choice([np.nan, 0, -800, 1e308, np.inf, 1200, 400, 801], 900), rr)
    time = np.where(rng.random(900) < damage / 5, time + rng.integers(-500, 500, 900), time)
    kept = rng.random(900) > damage / 10
    order = rng.permutation(kept.sum())
    minutes = np.arange(START // MINUTE - 2, START // MINUTE + 20)
    found = rr_features(time[kept][order], rr[kept][order], minutes)
    wanted = slowly(time[kept], rr[kept], minutes)
    for name in RR_FEATURES:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_entropies_of_a_gaussian_are_near_the_published_means():
    rng = np.random.default_rng(0)
    white = rng.standard_normal(2000)
    rr = np.zeros(2000)
    for i in range(1, 2000):
        rr[i] = 0.7 * rr[i - 1] + math.sqrt(1 - 0.7**2) * white[i]
    time, rr = beats(781 + 45.3 * rr)  # SDNN and, by the correlation, RMSSD as published
    found = rr_features(time, rr, np.arange(START // MINUTE + 4, START // MINUTE + 20))
    assert np.mean(found["rmssd"]) == pytest.approx(34.2, abs=2)
    assert np.mean(found["rr_entropy"]) == pytest.approx(3.295, abs=0.2)
    assert np.mean(found["rr_diff_entropy"]) == pytest.approx(2.981, abs=0.2)
