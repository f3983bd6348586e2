"""Gaps come in four modes, each with its own shape."""

import numpy as np
import pytest

import lsmlib
from lsmlib.simulate.missingness import DEVICE_OFF, GROUP_OF_SIGNAL, GROUPS, MODES, NOISE, OUT_OF_RANGE, SENSOR_OFF

GROUP = np.asarray(GROUP_OF_SIGNAL)
HEART_RATE, VARIABILITY, MOTION, ALTIMETER, CONDUCTANCE, TEMPERATURE = range(len(GROUPS))


@pytest.fixture(scope="module")
def modes(world):
    return world["missing_mode"].values


@pytest.fixture(scope="module")
def groups_off(modes):
    """bool [d, t, group]: the group is gone because its sensor is off."""
    return np.stack([(modes[:, :, GROUP == group] == SENSOR_OFF).any(axis=-1) for group in range(len(GROUPS))], axis=-1)


def longest_run(happens: np.ndarray) -> int:
    """Most minutes in a row that are True, in bool [row, t]."""
    padded = np.pad(happens, ((0, 0), (1, 1))).ravel().astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def test_a_reading_is_missing_exactly_where_there_is_a_reason(world, modes):
    np.testing.assert_array_equal(modes >= 0, np.isnan(world["signals"].values))
    assert modes.min() == -1
    assert modes.max() < len(MODES)


def test_all_modes_occur_and_long_gaps_dominate(world, modes):
    share = np.array([(modes == code).mean() for code in range(len(MODES))])
    assert (share > 3e-4).all()
    assert share[DEVICE_OFF] + share[SENSOR_OFF] > 0.8 * share.sum()
    attrs = world["missing_mode"].attrs
    assert dict(zip(attrs["flag_values"], attrs["flag_meanings"].split(), strict=True)) == {
        -1: "observed",
        **{code: name.replace(" ", "_") for code, name in enumerate(MODES)},
    }


def test_a_device_that_is_off_takes_every_signal_with_it(modes):
    off = (modes == DEVICE_OFF).any(axis=-1)
    assert 0.05 < off.mean() < 0.6
    # a sensor may have been off already; nothing is observed, and nothing is called noise
    assert np.isin(modes[off], (DEVICE_OFF, SENSOR_OFF)).all()
    assert (modes[off] == DEVICE_OFF).mean() > 0.7
    assert off.any(axis=1).all()  # every device is charged


def test_a_sensor_that_is_off_takes_its_own_signals_and_no_other(modes, groups_off):
    for group in range(len(GROUPS)):
        members = modes[:, :, group == GROUP][groups_off[:, :, group]]
        assert len(members) > 1000
        assert (members == SENSOR_OFF).all()  # all of the group, for the same reason
    device_off = (modes == DEVICE_OFF).any(axis=-1)
    lost = groups_off[~device_off]
    counts = lost.sum(axis=-1)
    assert ((counts == 1) | (counts == 2)).mean() > 0.3
    observed = (modes[~device_off] == -1).any(axis=-1)
    assert observed[counts > 0].mean() > 0.95  # the others go on


@pytest.mark.parametrize(
    ("one", "other", "implied"),
    [
        (HEART_RATE, VARIABILITY, True),  # without pulse no variability
        (VARIABILITY, HEART_RATE, False),
        (MOTION, ALTIMETER, True),
        (ALTIMETER, MOTION, False),
        (CONDUCTANCE, TEMPERATURE, False),
        (TEMPERATURE, CONDUCTANCE, False),
    ],
)
def test_which_sensors_go_together(groups_off, one, other, implied):
    assert groups_off[groups_off[:, :, one]][:, other].all() == implied


def test_noise_and_removed_readings_are_short(modes):
    by_signal = modes.transpose(0, 2, 1)[:200].reshape(-1, 1440)
    assert 1 <= longest_run(by_signal == OUT_OF_RANGE) <= 7
    motion_and_temperature = by_signal.reshape(-1, 26, 1440)[:, np.isin(GROUP, (MOTION, ALTIMETER, TEMPERATURE))]
    assert 10 <= longest_run((motion_and_temperature == NOISE).reshape(-1, 1440)) <= 30


def test_movement_costs_optical_readings(world, modes):
    names = list(lsmlib.SIGNAL_NAMES)
    running = world["activity"].values == 1
    resting = world["asleep"].values == 1
    noise = {name: modes[:, :, names.index(name)] == NOISE for name in ("rmssd", "heart_rate", "log_energy")}
    assert noise["rmssd"][running].mean() > 5 * noise["rmssd"][resting].mean()
    assert noise["rmssd"][running].mean() > noise["heart_rate"][running].mean() > noise["log_energy"][running].mean()


def test_people_have_habits(world):
    first, second = np.isnan(world["signals"].values).mean(axis=(1, 2)).reshape(1000, 2).T
    assert 0.2 < np.corrcoef(first, second)[0, 1] < 0.6  # the person's share of the variance is 0.36
