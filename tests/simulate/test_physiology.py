"""Bodies and sensors answer to the day as bodies and sensors do."""

import numpy as np
import pytest

import lsmlib
from lsmlib.signals import HIGH, LOW
from lsmlib.simulate.behaviour import ACTIVITIES
from lsmlib.simulate.sensors import RESOLUTION, RR_SHORT


@pytest.fixture(scope="module")
def still(lived):
    """bool [d, t]: awake, at ease and hardly moving."""
    behaviour = lived.behaviour
    return (behaviour.stage == 0) & (behaviour.stress == 0) & (behaviour.effort < 0.02) & (behaviour.activity < 0)


def within_people(values: np.ndarray, here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Each day's mean of values [d, t] here minus there, for the days that have ten minutes of both."""
    both = (here.sum(axis=1) >= 10) & (there.sum(axis=1) >= 10)
    return np.array([values[day, here[day]].mean() - values[day, there[day]].mean() for day in np.flatnonzero(both)])


def test_readings_are_plausible(world, lived, readings):
    values = world["signals"].values
    assert (np.nanmin(values, axis=(0, 1)) >= LOW).all()
    assert (np.nanmax(values, axis=(0, 1)) <= HIGH).all()
    assert np.isfinite(lived.complete).all()  # gaps come later, and only there
    # few readings are cut off at the end of their range, except where zero or full is a natural reading
    for signal in lsmlib.SIGNALS:
        if signal.unit not in ("a.u.", "counts", "steps/min", "fraction") and signal.name != "altimeter_sd":
            complete = readings[signal.name]
            assert ((complete == signal.low) | (complete == signal.high)).mean() < 0.005, signal.name


def test_readings_come_in_the_steps_of_their_sensors(readings):
    for name, step in RESOLUTION.items():
        steps = readings[name][:8].astype(np.float64) / step
        np.testing.assert_allclose(steps, np.rint(steps), atol=0.02, err_msg=name)
    whole = readings["steps"]
    np.testing.assert_array_equal(whole, np.rint(whole))


def test_intervals_between_beats_agree_with_each_other_and_the_heart_rate(signals, readings):
    low, middle, high = (signals[f"rr_{name}"] for name in ("20th_percentile", "median", "80th_percentile"))
    known = ~np.isnan(low + middle + high)
    assert (low[known] <= middle[known]).all()
    assert (middle[known] <= high[known]).all()
    rmssd, sdnn = signals["rmssd"], signals["sdnn"]
    known = ~np.isnan(rmssd + sdnn)
    assert (rmssd[known] <= np.sqrt(2) * sdnn[known] + 0.5).all()  # readings come in steps of 0.25 ms

    instant = np.pad(60_000 / readings["heart_rate"], ((0, 0), (4, 0)), mode="edge")
    five_minutes = np.mean([instant[:, i : i + 1440] for i in range(5)], axis=0)
    difference = readings["rr_median"] - RR_SHORT * five_minutes
    assert abs(difference.mean()) < 3
    assert difference.std() < 12
    assert np.corrcoef(readings["rr_median"].ravel(), five_minutes.ravel())[0, 1] > 0.99


def test_variability_falls_with_effort_and_with_stress(lived, readings, still):
    log_rmssd = np.log(readings["rmssd"])
    effort = within_people(log_rmssd, lived.behaviour.effort > 0.4, still)
    stress = within_people(log_rmssd, lived.behaviour.stress > 0.6, still)
    assert len(effort) > 40
    assert len(stress) > 100
    assert effort.mean() < -0.5
    assert (effort < 0).mean() > 0.95
    assert -0.5 < stress.mean() < -0.15
    assert (stress < 0).mean() > 0.8


def test_variability_is_high_in_deep_sleep(lived, readings, still):
    rise = within_people(np.log(readings["rmssd"]), lived.behaviour.stage == 2, still)
    assert rise.mean() > 0.2
    assert (rise > 0).mean() > 0.9


def test_hearts_beat_faster_in_effort_stress_and_dreams(lived, readings, still):
    heart_rate, behaviour = readings["heart_rate"], lived.behaviour
    assert within_people(heart_rate, behaviour.effort > 0.4, still).mean() > 25
    assert 4 < within_people(heart_rate, behaviour.stress > 0.6, still).mean() < 15
    assert within_people(heart_rate, behaviour.stage == 3, behaviour.stage == 2).mean() > 2
    assert (heart_rate.max(axis=1) <= 208 - 0.7 * lived.traits.age + 10).all()


def test_sweat_comes_in_bursts_under_stress(lived, readings, still):
    rises = np.diff(readings["skin_conductance"], prepend=readings["skin_conductance"][:, :1])
    bursts = (rises / lived.body.tonic > 0.12).astype(float)
    more = within_people(bursts, lived.behaviour.stress > 0.6, still)
    assert more.mean() > 0.7 * bursts[still].mean() > 0
    assert (more > 0).mean() > 0.7
    conductance = within_people(np.log(readings["skin_conductance"]), lived.behaviour.stress > 0.6, still)
    assert conductance.mean() > 0.2
    slope = readings["skin_conductance_slope"]
    assert np.corrcoef(slope.ravel(), np.arcsinh(3 * rises).ravel())[0, 1] > 0.8


def test_skin_is_warm_in_bed_and_cold_outside(lived, readings):
    skin, behaviour = readings["skin_temperature"], lived.behaviour
    in_bed = within_people(skin, behaviour.stage > 0, behaviour.stage == 0)
    assert in_bed.mean() > 1
    assert (in_bed > 0).mean() > 0.8
    outside = within_people(skin, behaviour.outdoors > 0, (behaviour.outdoors == 0) & (behaviour.stage == 0))
    assert outside.mean() < -0.3
    change = 1000 * np.diff(lived.body.skin_temperature)  # m°C a minute; readings come in steps of 16 m°C
    assert np.corrcoef(readings["skin_temperature_slope"][:, 1:].ravel(), change.ravel())[0, 1] > 0.9


def test_the_altimeter_feels_stairs_and_hikes(signals, lived, readings, world):
    altimeter, climb = readings["altimeter_sd"], lived.behaviour.climb
    stairs = (climb > 5) & (lived.behaviour.activity < 0)
    assert stairs.sum() > 500
    assert altimeter[stairs].min() > 20 * altimeter[climb == 0].mean()
    assert altimeter[climb == 0].max() < 0.01
    logged = world["activity"].values
    hike, yoga = (signals["altimeter_sd"][logged == ACTIVITIES.index(name)] for name in ("hike", "yoga"))
    assert np.nanmean(hike) > 20 * np.nanmean(yoga)


def test_no_steps_without_movement(lived, readings):
    steps, energy = readings["steps"], readings["log_energy"]
    asleep, walking = lived.behaviour.stage > 0, steps >= 60
    assert not steps[asleep].any()
    assert lived.behaviour.motion[steps > 0].min() > lived.behaviour.motion[asleep].max()
    assert energy[walking].min() > energy[asleep].mean() + 5 * energy[asleep].std()
    sitting = (steps == 0) & (lived.behaviour.stage == 0) & (lived.behaviour.activity < 0)
    assert np.quantile(energy[walking], 0.02) > np.quantile(energy[sitting], 0.95)


def test_the_accelerometer_tells_sleep_from_waking(lived, readings):
    asleep = lived.behaviour.stage > 0
    for name in ("log_energy", "sleep_coefficient"):
        assert readings[name][asleep].mean() < 0.5 * readings[name][~asleep].mean(), name
    for name in ("zero_crossing_mean", "kurtosis", "jerk_autocorrelation"):  # long and few movements
        assert readings[name][asleep].mean() > readings[name][~asleep].mean(), name


def test_activities_differ_in_effort(world, signals):
    logged = world["activity"].values
    heart_rate = {name: np.nanmean(signals["heart_rate"][logged == code]) for code, name in enumerate(ACTIVITIES)}
    assert heart_rate["run"] > heart_rate["hike"] > heart_rate["walk"] > heart_rate["yoga"]
    assert heart_rate["HIIT"] > heart_rate["strength training"] > heart_rate["pilates"]
    assert heart_rate["yoga"] > np.nanmean(signals["heart_rate"][world["asleep"].values == 1])
    steps = {name: np.nanmean(signals["steps"][logged == code]) for code, name in enumerate(ACTIVITIES)}
    assert steps["run"] > steps["walk"] > steps["golf"] > steps["outdoor bike"] > steps["yoga"] == 0


def test_fit_hearts_recover_sooner(lived, still):
    """Four minutes after effort, what is left of the rise in heart rate is less in the fitter half."""
    effort, heart_rate = lived.behaviour.effort, lived.body.heart_rate
    left, fitness = [], []
    for day in range(len(effort)):
        for end in np.flatnonzero((effort[day, 9:-6] > 0.3) & (effort[day, 10:-5] < 0.05)) + 9:
            if (effort[day, end - 9 : end + 1] > 0.3).all() and (effort[day, end + 1 : end + 6] < 0.1).all():
                before, after = heart_rate[day, end], heart_rate[day, end + 4]
                at_ease = np.median(heart_rate[day, still[day]])
                left.append((after - at_ease) / (before - at_ease))
                fitness.append(lived.traits.fitness[day])
    assert len(left) > 40
    fitter = np.array(fitness) > np.median(fitness)
    assert np.median(np.array(left)[fitter]) < np.median(np.array(left)[~fitter])
