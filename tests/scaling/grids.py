"""A small grid for tests: LSM-1 on windows of an hour, seconds a cell. As a program it runs slowly, to be killed."""

import sys
import time

import numpy as np

from lsmlib.cohort import make_cohort
from lsmlib.evaluate import Extrapolation, Interpolation, RandomImputation, SensorImputation
from lsmlib.scaling import Grid, make_cells
from lsmlib.signals import HIGH, LOW, MEAN, SD
from tests.sizes import SMALL

TASKS = (RandomImputation(0.8), Interpolation(10), Extrapolation(10), SensorImputation("PPG"))
STEPS = 24


def small_days(people, days, name):
    """Days [d, t, s] without gaps, in which neighbouring minutes and signals go together."""
    draw = np.random.default_rng(len(name))
    count = people * days
    slow = np.cumsum(draw.standard_normal((count, 1440, 1)), axis=1) / 20
    values = slow + 0.3 * draw.standard_normal((count, 1440, 26))
    return make_cohort(
        np.clip(MEAN + SD * values, LOW, HIGH).astype(np.float32),
        [f"{name}{row // days}" for row in range(count)],
        np.datetime64("2024-03-01") + np.arange(count) % days,
    )


def small_grid(folder, people=(2,), **options):
    cells = make_cells(["LSM1"], [SMALL], people, [2], [STEPS], 4, seeds=[0], minutes=60)
    return Grid(cells, small_days(3, 2, "learner"), small_days(2, 1, "judge"), folder, tasks=TASKS, **options)


if __name__ == "__main__":
    import lsmlib.training

    before = lsmlib.training.StepHistory.on_train_batch_end

    def slowly(self, batch, logs=None):
        before(self, batch, logs)
        time.sleep(0.05)

    lsmlib.training.StepHistory.on_train_batch_end = slowly
    small_grid(sys.argv[1], people=(1, 2)).run(progress=False)
