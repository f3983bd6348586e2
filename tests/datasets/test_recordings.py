"""The public recordings, read whole where they are at hand. The numbers are those of their own documentation."""

import numpy as np
import pandas as pd
import pytest

import lsmlib
from lsmlib.evaluate import activity_probabilities, score_captions, understood_share
from lsmlib.signals import SIGNAL_NAMES
from lsmlib.text import caption_days, parse_caption


def load(real_data, name: str, **options):
    if not (real_data / name).is_dir():
        pytest.skip(f"{name} is not among the recordings here")
    cohort = lsmlib.datasets.load(name, real_data / name, **options)
    lsmlib.check_cohort(cohort, values=True)
    assert cohort.attrs["licence"] == lsmlib.datasets.CARDS[name].licence
    observed = np.isfinite(cohort["signals"].values).any(axis=(0, 1))
    assert [one for one, seen in zip(SIGNAL_NAMES, observed, strict=True) if seen] == sorted(
        lsmlib.datasets.CARDS[name].signals, key=SIGNAL_NAMES.index
    )
    return cohort, lsmlib.describe_reading(cohort)


def of(cohort, signal: str) -> np.ndarray:
    return cohort["signals"].sel(signal=signal).values


def test_fitbit(real_data):
    cohort, summary = load(real_data, "fitbit")
    steps = of(cohort, "steps")
    complete = np.isfinite(steps).all(axis=1)
    assert len(set(cohort["person"].values)) == 33 and complete.sum() == 888
    assert (np.nansum(steps, axis=1)[complete] == 0).sum() == 74
    # minutes that both tables hold agree: every one is a repetition, and none had to be averaged
    assert summary.signals["steps"]["dropped"] == {"repeated": 77_566}
    assert summary.signals["intensity"]["dropped"] == {"repeated": 77_566}
    heart = of(cohort, "heart_rate")
    assert np.isfinite(heart).sum() == 116_660
    with_heart = cohort["person"].values[np.isfinite(heart).any(axis=1)]
    assert len(set(with_heart)) == 4
    assert np.isfinite(cohort["minutes_asleep"].values).sum() > 0
    assert len(set(cohort["person"].values[np.isfinite(cohort["minutes_asleep"].values)])) == 24


def test_fitbit_without_days_in_a_drawer(real_data):
    before, _ = load(real_data, "fitbit")
    after, summary = load(real_data, "fitbit", non_wear="stepless_day")
    assert len(set(after["person"].values)) == 33
    steps = of(after, "steps")
    complete = np.isfinite(steps).all(axis=1)
    lost = set(zip(before["person"].values, before["date"].values, strict=True)) - set(
        zip(after["person"].values, after["date"].values, strict=True)
    )
    was_stepless = np.nansum(of(before, "steps"), axis=1) == 0
    without_heart = ~np.isfinite(of(before, "heart_rate")).any(axis=1)
    assert len(lost) == (was_stepless & without_heart).sum()
    assert complete.sum() == 888 - (was_stepless & without_heart & np.isfinite(of(before, "steps")).all(axis=1)).sum()
    assert summary.signals["steps"]["dropped"]["minutes not worn (stepless_day)"] >= 1440 * (888 - complete.sum())


def test_depresjon(real_data):
    cohort, summary = load(real_data, "depresjon")
    assert cohort.sizes["day"] == 693
    people = pd.DataFrame(
        {"person": cohort["person"].values, "depression": cohort["depression"].values}
    ).drop_duplicates()
    assert len(people) == 55 and people["depression"].sum() == 23
    scores = pd.read_csv(real_data / "depresjon" / "scores.csv").set_index("number")
    assert pd.Series(cohort["person"].values).value_counts().to_dict() == scores["days"].to_dict()
    madrs = pd.Series(cohort["madrs"].values).groupby(cohort["person"].values).first().dropna()
    assert madrs.to_dict() == scores["madrs1"].dropna().to_dict()
    gaps = np.isnan(cohort["counts"].values)
    first = np.append(True, cohort["person"].values[1:] != cohort["person"].values[:-1])
    # Days are whole but the first, which begins when the device was handed out, and the night clocks went forward.
    spring = np.flatnonzero(gaps.any(axis=1) & ~first)
    assert {str(date)[:10] for date in cohort["date"].values[spring]} == {"2003-03-30"} and len(spring) == 4
    assert all(np.flatnonzero(gaps[day]).tolist() == list(range(120, 180)) for day in spring)
    assert summary.signals["counts"]["dropped"].keys() == {"after the days of the study"}


def test_mmash(real_data):
    cohort, summary = load(real_data, "mmash")
    assert len(set(cohort["person"].values)) == 10
    heart = of(cohort, "heart_rate")
    assert np.nanmin(heart) >= 30 and np.nanmax(heart) <= 230
    assert summary.signals["heart_rate"]["dropped"] == {"outside 30 to 230 bpm": 5, "empty": 3}
    ages = pd.Series(cohort["age"].values).groupby(cohort["person"].values).first()
    assert ages["user_5"] == 40 and sorted(ages) == [20, 24, 25, 25, 27, 27, 27, 29, 32, 40]
    assert set(cohort["sex"].values.tolist()) == {"male"}
    # the clock is real: people are awake and upright by day
    upright = np.nanmean(cohort["standing"].values, axis=0)
    assert np.nanmean(upright[600:1200]) > 2 * np.nanmean(upright[120:300])


def test_stress_predict_with_labels_aligned(real_data):
    cohort, _ = load(real_data, "stress_predict")
    assert cohort.sizes["day"] == 35 and len(set(cohort["person"].values)) == 35
    stress = cohort["stress"].values
    labelled = (stress >= 0).any(axis=1)
    assert cohort["person"].values[~labelled].tolist() == ["S01"]
    missing = np.isnan(of(cohort, "heart_rate")).mean(axis=1)
    assert (missing > 0.95).all()
    log = pd.read_excel(real_data / "stress_predict" / "Time_logs.xlsx", header=[0, 1])
    starts = pd.DataFrame({"person": log.iloc[:, 0], "stroop": log["Stroop Test", "Start"]})
    off = []
    for person, clock in starts.dropna().itertuples(index=False):
        if person == "S01":
            continue
        minute = pd.Timestamp(str(clock)).hour * 60 + pd.Timestamp(str(clock)).minute
        minute += 720 * (minute < 8 * 60)  # the log writes afternoons without saying so
        row = int(np.flatnonzero(cohort["person"].values == person)[0])
        off.append(int(np.flatnonzero(stress[row] == 1)[0]) - minute)
    assert len(off) == 34 and np.median(np.abs(off)) <= 1 and max(map(abs, off)) <= 3


def test_apple_watch_and_fitbit(real_data):
    cohort, summary = load(real_data, "aw_fb")
    assert len(set(cohort["person"].values)) == 49
    activity = cohort["activity"]
    assert (activity.values >= 0).sum() == 6264
    names = dict(zip(activity.attrs["flag_values"], activity.attrs["flag_meanings"].split(), strict=True))
    counted = {names[code]: int((activity.values == code).sum()) for code in names if code >= 0}
    assert counted["Lying"] == 1379 and counted["Running_7_METs"] == 1114 and len(counted) == 6
    assert set(cohort["device"].values.tolist()) == {"apple watch", "fitbit"}
    assert summary.signals["steps"]["dropped"] == {"outside 0 to 250 steps/min": 830}
    heart = of(cohort, "heart_rate")
    code = {name: one for one, name in names.items()}
    assert np.nanmean(heart[activity.values == code["Running_7_METs"]]) > np.nanmean(
        heart[activity.values == code["Lying"]]
    )


@pytest.mark.parametrize("name", ["fitbit", "depresjon", "mmash", "stress_predict", "aw_fb"])
def test_captions_of_recordings_are_true_and_speak_of_what_was_recorded(real_data, name):
    cohort, _ = load(real_data, name)
    cohort = cohort.isel(day=np.arange(0, cohort.sizes["day"], max(cohort.sizes["day"] // 40, 1)))
    levels = ("statistical", "structural", "semantic") if name == "aw_fb" else ("statistical", "structural")
    captions = caption_days(cohort, levels)
    texts = [caption.text for caption in captions]
    seen = np.isfinite(cohort["signals"].values).sum(axis=1)
    for caption, minutes in zip(captions, seen, strict=True):
        assert parse_caption(caption.text) == caption
        told = {fact.subject for fact in caption.facts if fact.level == "statistical"}
        assert told <= {one for one, count in zip(SIGNAL_NAMES, minutes, strict=True) if count >= 30}
    if lsmlib.datasets.CARDS[name].signals:  # of depresjon there are counts alone, which are no signal
        scores = score_captions(texts, cohort, levels, tolerance=0, minutes=0)
        assert scores.loc["all", "stated"] > 0
        assert scores.loc["all", "precision"] == scores.loc["all", "recall"] == 1
    else:
        assert not any(texts)


@pytest.mark.parametrize("name", ["fitbit", "mmash", "aw_fb"])
def test_the_preset_writes_of_recordings_and_compares_them_with_words(real_data, name):
    cohort, _ = load(real_data, name)
    fullest = np.argsort(-np.isfinite(cohort["signals"].values).sum(axis=(1, 2)), kind="stable")[:6]
    cohort = cohort.isel(day=fullest).compute()
    model = lsmlib.load_preset("sensorlm_nano_simulated")
    written = model.caption(cohort, max_tokens=64)
    assert len(written) == 6 and understood_share(written) > 0.5
    likely = activity_probabilities(model, cohort, ["walk", "run", "yoga"])
    np.testing.assert_allclose(likely.sum(axis=1), 1, rtol=1e-5)
    assert likely.to_numpy().std(axis=0).min() > 0  # days differ
