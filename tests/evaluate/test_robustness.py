"""What is removed, by hand; probes that stay as they were fitted; embedders whose losses are known beforehand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

import lsmlib
from lsmlib.evaluate import (
    REMOVALS,
    Removal,
    activity_days,
    linear_probe,
    mean_drop,
    people_probe,
    reduce_people,
    remove,
    robustness_table,
    score_predictions,
)
from lsmlib.evaluate.probes import standardise
from lsmlib.models.lsm2 import LSM2
from lsmlib.signals import MEAN, SD, SENSORS, SIGNALS
from tests.cohorts import small_cohort
from tests.sizes import SMALL

HEART, SKIN = 0, 24
PEOPLE = 40


@pytest.fixture(scope="module")
def cohort():
    """Forty people, two days each, few readings: heart rate tells hypertension, skin temperature anxiety, all day."""
    draw = np.random.default_rng(2)
    ill, anxious = (draw.permutation(np.arange(PEOPLE) % 2).repeat(2) for _ in range(2))
    signals = np.full((2 * PEOPLE, 1440, 26), np.nan, np.float32)
    signals[:, ::30] = (MEAN + 0.02 * SD * draw.standard_normal((2 * PEOPLE, 48, 26))).clip(0.001)
    signals[:, ::30, HEART] += 12 * ill[:, None]
    signals[:, ::30, SKIN] += 2 * anxious[:, None]
    activity = np.full((2 * PEOPLE, 1440), -1)
    activity[::2, 300:340], activity[1::2, 800:840] = 0, 1
    return lsmlib.make_cohort(
        signals,
        np.repeat([f"p{number:02d}" for number in range(PEOPLE)], 2),
        np.datetime64("2024-03-01") + np.tile([0, 1], PEOPLE),
        labels={"hypertension": ill, "anxiety": anxious, "age": 40.0},
        per_minute={"activity": (activity, ["walk", "golf"])},
    )


def mean_of(*signals):
    """An embedder: the means of these signals, 0 without readings."""

    def embed(days):
        values = days["signals"].values[:, :, list(signals)].astype(float)
        count = (~np.isnan(values)).sum(axis=1)
        return np.nansum(values, axis=1) / np.maximum(count, 1)

    return embed


def pick(table, **chosen):
    row = table[np.logical_and.reduce([table[name] == value for name, value in chosen.items()])]
    assert len(row) == 1
    return row.iloc[0]


def test_twelve_settings_take_each_sensor_and_each_part_of_the_day():
    assert len(REMOVALS) == len({removal.name for removal in REMOVALS}) == 12
    cohort = small_cohort(days=1, people=1, gaps=0)
    gone = {removal.name: np.isnan(remove(cohort, removal)["signals"].values[0]) for removal in REMOVALS}
    for sensor in SENSORS:
        expected = np.broadcast_to([signal.sensor == sensor for signal in SIGNALS], (1440, 26))
        np.testing.assert_array_equal(gone[sensor], expected)
    for start, part in enumerate(["night", "morning", "afternoon", "evening"]):
        expected = np.repeat(np.arange(24) // 6 == start, 60)[:, None].repeat(26, axis=1)
        np.testing.assert_array_equal(gone[part], expected)
    np.testing.assert_array_equal(gone["PPG and ACC"], gone["PPG"] | gone["ACC"])
    np.testing.assert_array_equal(gone["all but the night"], ~gone["night"])
    left = ~gone["PPG, EDA, TEMP and the night"]
    assert left[360:, 10:21].all() and left.sum() == 1080 * 11


def test_removing_leaves_all_else_and_the_cohort_itself():
    cohort = small_cohort(days=3, gaps=10)
    before = cohort["signals"].values.copy()
    left = remove(cohort, Removal("mine", sensors=("EDA",), parts=("evening",)))
    np.testing.assert_array_equal(cohort["signals"].values, before)
    kept = np.ones((1440, 26), bool)
    kept[:, 21:24], kept[1080:] = False, False
    np.testing.assert_array_equal(left["signals"].values, np.where(kept, before, np.nan))
    assert left.drop_vars("signals").identical(cohort.drop_vars("signals"))
    assert left["signals"].attrs == cohort["signals"].attrs


def test_a_sensor_that_is_not_read_costs_nothing_and_the_only_one_everything(cohort):
    embedders = {"heart": mean_of(HEART), "skin": mean_of(SKIN)}
    table = robustness_table(embedders, cohort, ["hypertension", "anxiety"], resamples=50)
    assert len(table) == 2 * 2 * 13 * 2
    assert table["setting"].unique().tolist() == ["nothing", *(removal.name for removal in REMOVALS)]
    for task, name, sensor in (("hypertension", "heart", "PPG"), ("anxiety", "skin", "TEMP")):
        for metric, chance in (("macro F1", 1 / 3), ("AUROC", 0.5)):
            own = table[(table["task"] == task) & (table["embedder"] == name) & (table["metric"] == metric)]
            own = own.set_index("setting")
            assert own.loc["nothing", "value"] > 0.95
            reads = {"PPG": ["PPG", "PPG and ACC", "PPG, EDA, TEMP and the night"],
                     "TEMP": ["TEMP", "PPG, EDA, TEMP and the night"]}[sensor]  # fmt: skip
            for removed in reads:  # all people look alike, and are taken for one class, or by fold for either
                assert own.loc[removed, "value"] < chance + 0.2
                assert own.loc[removed, "drop"] == pytest.approx(
                    1 - own.loc[removed, "value"] / own.loc["nothing", "value"]
                )
                assert 0 < own.loc[removed, "drop_low"] <= own.loc[removed, "drop"] <= own.loc[removed, "drop_high"]
            for removed in set(SENSORS) - {sensor}:  # to the last digit
                assert own.loc[removed, "value"] == own.loc["nothing", "value"]
                assert own.loc[removed, ["drop", "drop_low", "drop_high"]].tolist() == [0, 0, 0]
    assert (table[["rows", "people", "classes"]] == [PEOPLE, PEOPLE, 2]).all().all()


@pytest.mark.parametrize("prepare", [standardise, reduce_people])
@pytest.mark.parametrize("task", ["hypertension", "activity_20"])
def test_nothing_removed_is_the_ordinary_probe(cohort, task, prepare):
    days = cohort if task == "hypertension" else activity_days(cohort)
    embed = mean_of(1, 2, 3, 4)  # knows little
    table = robustness_table({"some": embed}, days, [task], [], resamples=30, seed=4, prepare=prepare)
    features, labels = embed(days).astype(np.float32), lsmlib.evaluate.label_windows(days, task)
    if task == "hypertension":  # people are read in one way
        found = people_probe(features, labels, days["person"].values, seed=4)
    else:
        found = linear_probe(features, labels, days["person"].values, seed=4, prepare=prepare)
    oracle = score_predictions(found, 30, seed=4).loc[["macro F1", "AUROC"]]
    np.testing.assert_allclose(table[["value", "low", "high"]], oracle, atol=1e-6)
    assert found.scores.shape[0] == table["rows"].iloc[0]


def test_probes_are_fitted_once_on_complete_days_of_other_people(cohort, monkeypatch):
    """Embeddings once a setting; probes once a fold, on rows of nothing removed; predictions by hand from these."""
    calls, fits = [], []
    heart = mean_of(HEART, 1)

    def embed(days):
        assert set(days.data_vars) <= {"signals", "person", "date"}
        calls.append(days["signals"].isnull().values.mean())
        return heart(days)

    def spy(prepared, features, labels, people, penalty=None, seed=0):
        probe = robustness_fit(prepared, features, labels, people, penalty, seed)
        fits.append((features, set(people), probe))
        return probe

    robustness_fit = lsmlib.evaluate.fit_probe
    monkeypatch.setattr("lsmlib.evaluate.robustness.fit_probe", spy)
    night = next(removal for removal in REMOVALS if removal.name == "night")
    table = robustness_table({"a": embed}, cohort, ["hypertension"], [night, REMOVALS[0]], pool="mean", resamples=0)
    assert len(calls) == 3 and calls[0] < calls[1]
    assert len(fits) == 5
    names = np.array(sorted(set(cohort["person"].values)))
    complete, removed = (heart(days).reshape(PEOPLE, 2, 2).mean(axis=1) for days in (cohort, remove(cohort, night)))
    truth = cohort["hypertension"].values[::2]
    scores, tested = np.zeros((PEOPLE, 2)), []
    for features, trained, probe in fits:
        train = np.isin(names, sorted(trained))
        np.testing.assert_allclose(features, complete[train], rtol=1e-6)
        scores[~train] = probe(removed[~train].astype(np.float32))
        tested.extend(names[~train])
    assert sorted(tested) == names.tolist()  # each once, by a probe that does not know them
    row = {metric: pick(table, setting="night", metric=metric)["value"] for metric in ("macro F1", "AUROC")}
    assert row["macro F1"] == pytest.approx(f1_score(truth, scores.argmax(axis=1), average="macro"), abs=1e-6)
    assert row["AUROC"] == pytest.approx(roc_auc_score(truth, scores[:, 1]), abs=1e-6)
    assert np.isnan(table[["low", "high", "drop_low", "drop_high"]]).all().all()


def test_days_without_a_reading_left_tell_nothing_of_their_person(cohort):
    """One day has readings at night alone, the other in the morning alone; either says all."""
    half = cohort.copy(deep=True)
    half["signals"].values[::2, 360:], half["signals"].values[1::2, :360] = np.nan, np.nan
    settings = [removal for removal in REMOVALS if removal.name in ("night", "PPG")]
    table = robustness_table({"heart": mean_of(HEART)}, half, ["hypertension"], settings, pool="mean", resamples=0)
    assert pick(table, setting="night", metric="macro F1")["drop"] == 0
    assert pick(table, setting="PPG", metric="macro F1")["drop"] > 0.3
    everything = Removal("everything", sensors=SENSORS)
    table = robustness_table({"heart": mean_of(HEART)}, half, ["hypertension"], [everything], resamples=0)
    assert pick(table, setting="everything", metric="macro F1")["people"] == PEOPLE  # still asked


def test_activities_of_some_hours_and_classes_that_few_have(cohort):
    days = activity_days(cohort)
    table = robustness_table({"clock": clock}, days, ["activity_20"], [REMOVALS[5], REMOVALS[7]], resamples=0)
    assert table["classes"].unique().tolist() == [2] and table["rows"].unique().tolist() == [2 * PEOPLE]
    value = table[table["metric"] == "macro F1"].set_index("setting")["value"]
    assert value["nothing"] == 1
    assert value["afternoon"] < 1  # where golf is played
    rare = cohort.copy(deep=True)
    rare["activity"].values[:6, 600:620] = 1  # everybody plays golf; nobody else than three people would walk
    rare["activity"].values[6::2] = -1
    with pytest.raises(ValueError, match="there is one class only, 'golf'"):
        robustness_table({"clock": clock}, activity_days(rare), ["activity_20"], [], resamples=0)


def clock(days):
    """An embedder that knows what was measured when, and no values."""
    return (~np.isnan(days["signals"].values)).any(axis=2).reshape(-1, 24, 60).mean(axis=2)


def test_mean_drops_by_hand():
    rows = [
        ("a", "one", "nothing", "macro F1", 0.0), ("a", "one", "PPG", "macro F1", 0.4),
        ("b", "one", "nothing", "macro F1", 0.0), ("b", "one", "PPG", "macro F1", 0.8),
        ("a", "two", "nothing", "macro F1", 0.0), ("a", "two", "PPG", "macro F1", 0.1),
        ("b", "two", "nothing", "macro F1", 0.0), ("b", "two", "PPG", "macro F1", 0.2),
        ("a", "two", "PPG", "AUROC", 0.7), ("a", "one", "PPG", "AUROC", -0.1),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["task", "embedder", "setting", "metric", "drop"])
    drops = mean_drop(table)
    assert drops["drop"].to_dict() == pytest.approx({"one": 0.6, "two": 0.15})
    assert drops.loc["two", "smaller than one"] == pytest.approx(0.75)
    assert drops.loc["one", "smaller than two"] == pytest.approx(-3)
    by_rank = mean_drop(table, "AUROC")
    assert np.isnan(by_rank.loc["two", "smaller than one"])  # nothing to be smaller than
    with pytest.raises(ValueError, match="the table has 0 drops of 'MSE'"):
        mean_drop(table, "MSE")


def test_lsm2_and_lsm1_as_the_docstring_says():
    cohort = small_cohort(days=12, people=12, gaps=20)
    lsm2, fill = LSM2(SMALL), lsmlib.windows.fill_gaps

    def filled(days):
        return days.assign(signals=days["signals"].copy(data=fill(days["signals"].values)))

    lsm1 = lsmlib.LSM1(SMALL, minutes=1440)
    embedders = {"LSM-2": lsm2.embed, "LSM-1": lambda days: lsm1.embed(filled(days))}
    everything = Removal("everything", sensors=SENSORS)
    table = robustness_table(embedders, cohort, ["hypertension"], [REMOVALS[-1], everything], resamples=20)
    assert np.isfinite(table["value"]).all()
    assert mean_drop(table).index.tolist() == ["LSM-2", "LSM-1"]


def test_refusals(cohort):
    heart = {"heart": mean_of(HEART)}
    for removal, words in (
        (Removal("x", sensors=("GPS",)), "no sensor 'GPS'; expected some of PPG, ACC"),
        (Removal("x", parts=("noon",)), "no part of the day 'noon'; expected some of night, morning"),
    ):
        with pytest.raises(ValueError, match=words):
            remove(cohort, removal)
    with pytest.raises(ValueError, match="expected a Cohort of whole days"):
        remove(lsmlib.cut_windows(cohort.isel(day=[0]), max_missing=0.99), REMOVALS[0])
    with pytest.raises(ValueError, match="task 'age' is a number; F1 and AUROC are of classes"):
        robustness_table(heart, cohort, ["age"])
    with pytest.raises(ValueError, match="no task 'running'"):
        robustness_table(heart, cohort, ["running"])
    for embedders, tasks in (({}, ["anxiety"]), (heart, []), (heart, "anxiety")):
        with pytest.raises(ValueError, match="expected at least one name of each"):
            robustness_table(embedders, cohort, tasks)
    for name in ("PPG", "nothing"):
        with pytest.raises(ValueError, match="expected each name once, and 'nothing' not at all"):
            robustness_table(heart, cohort, ["anxiety"], [REMOVALS[0], Removal(name)])
    for embed in (lambda days: np.zeros(3), lambda days: np.zeros((3, 2)), lambda days: np.full((80, 2), np.nan)):
        with pytest.raises(ValueError, match=r"embedder 'bad' returned float64 .* expected finite numbers \[80, w\]"):
            robustness_table({"bad": embed}, cohort, ["anxiety"], [])
