"""Days are lived as days are: nights, work, sport, moods."""

import jax
import numpy as np
import pytest

import lsmlib
from lsmlib import simulate
from lsmlib.simulate.behaviour import ACTIVITIES, MOODS, is_weekend, night
from lsmlib.simulate.people import draw_traits

SEED, PEOPLE, DAYS = 12, 32, 4


@pytest.fixture(scope="module")
def days():
    """32 people, Friday to Monday; asleep [person, day, t]."""
    cohort = lsmlib.simulate_cohort(people=PEOPLE, days=DAYS, seed=SEED)
    return cohort["asleep"].values.reshape(PEOPLE, DAYS, 1440)


@pytest.fixture(scope="module")
def nights():
    """Onset and waking [person, night], in minutes after the midnight of the day that the night ends on."""
    people = np.arange(PEOPLE, dtype=np.uint32)
    keys = simulate._keys(np.uint32(SEED), people, np.zeros_like(people))[0]
    several = jax.vmap(jax.vmap(night, in_axes=(None, 0, None)), in_axes=(0, None, 0))
    onset, wake = several(keys, np.arange(DAYS + 1), jax.vmap(draw_traits)(keys))
    return np.asarray(onset), np.asarray(wake)


def test_an_evening_and_the_next_morning_agree_on_the_night(days, nights):
    """Minutes asleep on both sides of midnight are those of one night, short awakenings apart."""
    onset, wake = nights
    early = 0
    for person in range(PEOPLE):
        for day in range(DAYS - 1):
            falls, rises = onset[person, day + 1], wake[person, day + 1]
            around = np.concatenate([days[person, day, 720:], days[person, day + 1, :720]])  # noon to noon
            since_noon = np.arange(1440) - 720  # minutes after midnight
            night_here = (since_noon >= falls) & (since_noon < rises)
            assert not around[~night_here].any()
            assert around[night_here].mean() > 0.85
            assert around[night_here][:20].any()
            assert around[night_here][-20:].any()
            early += falls < 0
    assert PEOPLE * (DAYS - 1) * 0.4 < early < PEOPLE * (DAYS - 1)  # many fall asleep before midnight, some after


def test_nights_have_plausible_times(nights):
    onset, wake = nights
    assert 5 * 60 < np.mean(wake - onset) < 9 * 60
    assert (wake - onset).min() >= 240
    assert (wake - onset).max() <= 620
    assert -240 < onset.min() < 0 < onset.max() < 300
    # night 1 and 2 end on Saturday and Sunday: people go to bed later and sleep longer
    assert onset[:, 1:3].mean() > onset[:, [0, 3, 4]].mean() + 15
    assert (wake - onset)[:, 1:3].mean() > (wake - onset)[:, [0, 3, 4]].mean() + 15


def test_sleep_has_its_stages_in_order(lived):
    stage = lived.behaviour.stage
    asleep = stage > 0
    assert {0, 1, 2, 3} == set(np.unique(stage))
    share = [(stage[asleep] == code).mean() for code in (1, 2, 3)]
    assert share[0] > 0.4  # light sleep is most of it
    assert 0.1 < share[1] < 0.35
    assert 0.1 < share[2] < 0.35
    minute = np.broadcast_to(np.arange(1440), stage.shape)
    morning = minute < 720
    assert minute[(stage == 2) & morning].mean() + 60 < minute[(stage == 3) & morning].mean()


def test_the_weekend_is_the_calendar_s():
    dates = simulate.FIRST_DATE + np.arange(60)
    np.testing.assert_array_equal(is_weekend(np.arange(60)), ~np.is_busday(dates))


def test_only_commuters_walk_to_work_and_only_on_weekdays():
    people = np.arange(64, dtype=np.uint32)
    walked = {}
    for day in (4, 8):  # a Tuesday and a Saturday
        lived = simulate._simulate_block(np.uint32(SEED), people, np.full(64, day, np.uint32))
        commutes = np.asarray(lived.traits.commutes) > 0
        walking = np.asarray((lived.behaviour.outdoors > 0) & (lived.behaviour.activity < 0)).sum(axis=1)
        walked[day] = walking[commutes], walking[~commutes]
    assert np.median(walked[4][0]) > 12
    assert not walked[4][1].any()
    assert not walked[8][0].any()


def test_every_activity_is_logged_by_somebody(world):
    assert len(set(ACTIVITIES)) == 20
    logged = world["activity"]
    assert logged.attrs["flag_meanings"].split()[1:] == [name.replace(" ", "_") for name in ACTIVITIES]
    assert set(np.unique(logged)) == set(range(-1, 20))
    bouts = {code: (logged.values == code).any(axis=1).sum() for code in range(20)}
    assert bouts[ACTIVITIES.index("walk")] == max(bouts.values())
    assert 0.2 < (logged.values >= 0).any(axis=1).mean() < 0.7
    assert not ((logged.values >= 0) & (world["asleep"].values == 1)).any()


def test_people_have_favourite_activities(world):
    first, second = world["activity"].values.max(axis=1).reshape(-1, 2).T
    both = (first >= 0) & (second >= 0)
    same = (first == second)[both].mean()
    strangers = (first[both] == np.roll(second[both], 1)).mean()
    assert same > 1.5 * strangers


def test_moods_follow_stress():
    counts = np.zeros((2, 2))  # [strained, stressed] logs
    for start in range(0, 64 * 64, 64):
        people = np.arange(start, start + 64, dtype=np.uint32)
        tuesday = np.full(64, 4, np.uint32)
        key = simulate._keys(np.uint32(SEED), people, tuesday)[0]
        lived = simulate._live(key, tuesday, simulate._people(key))
        mood, stress, stage = (np.asarray(field) for field in (lived.mood, lived.stress, lived.stage))
        assert not ((mood >= 0) & (stage > 0)).any()
        for strained in (0, 1):
            logs = (mood >= 0) & ((stress > 0.4) == strained)
            stressed = (mood[logs] == MOODS.index("stressed")).sum()
            counts[strained] += logs.sum() - stressed, stressed
    share = counts[:, 1] / counts.sum(axis=1)
    assert counts[1].sum() >= 20
    assert share[1] > 2 * share[0] > 0


def test_every_mood_is_logged_by_somebody(world):
    mood = world["mood"].values
    assert set(np.unique(mood)) == set(range(-1, len(MOODS)))
    assert 0.3 < (mood >= 0).any(axis=1).mean() < 0.8
    assert (mood >= 0).sum(axis=1).max() <= 2


def test_worried_people_have_more_stress(lived):
    minutes = (lived.behaviour.stress > 0.3).sum(axis=1)
    worried = lived.traits.worry > 0.5
    assert minutes[worried].mean() > 1.5 * minutes[lived.traits.worry < -0.5].mean() > 0
