from types import SimpleNamespace

import numpy as np

from lsmlib.models.batching import run_in_packs, take_days


def double(model, inputs):
    return 2 * inputs["values"]


def test_packs_are_of_few_sizes_and_hold_every_day_once():
    model = SimpleNamespace(trainable_variables=[], non_trainable_variables=[])
    sizes = set()
    for count in (1, 2, 3, 5, 7, 8, 9, 16, 40):
        values = np.arange(count, dtype=np.float32)
        found = []

        def pack(days, values=values):
            sizes.add(len(days))
            return {"values": np.nan_to_num(take_days(values, days), nan=-1.0)}

        for days, inputs, result in run_in_packs(double, model, pack, -values, batch_size=16):
            np.testing.assert_array_equal(result[: len(days)], 2 * values[days])
            assert (inputs["values"][len(days) :] == -1).all()  # no days
            found += days.tolist()
        assert found == list(range(count))[::-1]  # by their length
    assert sizes == {1, 2, 4, 8, 16}


def test_no_day_is_nothing_observed():
    days = np.array([1, -1])
    np.testing.assert_array_equal(take_days(np.float32([[1, 2], [3, 4]]), days), [[3, 4], [np.nan, np.nan]])
    np.testing.assert_array_equal(take_days(np.array([[True], [True]]), days), [[True], [False]])
