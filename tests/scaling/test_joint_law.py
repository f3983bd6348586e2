"""The joint law: what is planted is found and covered; an axis that does nothing is refused."""

import numpy as np
import pytest
from scipy import optimize

from lsmlib.scaling import best_size, fit_joint_law, hold_out_joint_law
from lsmlib.scaling.solver import Axes, huber, make_starts, minimise, residuals

TRUTH = {"E": 0.3, "A": 8.0, "alpha": 0.35, "B": 6.0, "beta": 0.25}
SIZES, AMOUNTS = (grid.ravel() for grid in np.meshgrid(np.logspace(4, 6.5, 4), np.logspace(2, 5, 5)))
N, D = np.repeat(SIZES, 3), np.repeat(AMOUNTS, 3)
EXACT = TRUTH["E"] + TRUTH["A"] / N ** TRUTH["alpha"] + TRUTH["B"] / D ** TRUTH["beta"]


def noisy(seed, sd=0.015):
    return EXACT * np.exp(sd * np.random.default_rng(seed).standard_normal(len(N)))


def test_an_exact_law_is_found():
    law = fit_joint_law(N, D, EXACT)
    for name, value in TRUTH.items():
        assert getattr(law, name) == pytest.approx(value, rel=1e-3)
        assert getattr(law, f"{name}_interval") == pytest.approx((value, value), rel=1e-2)
    np.testing.assert_allclose(law.predict(N, D), EXACT, rtol=1e-6)
    assert law.runs == 60 and len(law.loss) == 20


def test_intervals_cover_the_truth():
    trials = 100
    inside, foretold = np.zeros(5), 0
    for seed in range(trials):
        law = fit_joint_law(N, D, noisy(seed), resamples=150)
        for at, (name, value) in enumerate(TRUTH.items()):
            low, high = getattr(law, f"{name}_interval")
            inside[at] += low <= value <= high
        low, high = law.interval(1e7, 1e6)
        foretold += low <= 0.3 + 8 / 1e7**0.35 + 6 / 1e6**0.25 <= high
    # 100 trials of 90 % give 82 to 97 % but for one in fifty
    assert (0.82 <= inside / trials).all() and (inside / trials <= 0.97).all(), inside / trials
    assert 0.82 <= foretold / trials <= 0.97


@pytest.mark.parametrize("seed", range(3))
def test_no_other_optimiser_does_better(seed):
    y = np.log(noisy(seed)).reshape(20, 3).mean(axis=1)
    n, d = np.log(SIZES), np.log(AMOUNTS)
    axes = Axes(n - n.mean(), d - d.mean(), y)
    starts = make_starts(axes)
    theta, loss = minimise(axes, np.ones((len(starts), 20)), starts, 1e-2)

    def objective(one):
        return float(np.sum(huber(residuals(axes, one[None])[0][0], 1e-2)))

    assert loss.min() == pytest.approx(objective(theta[loss.argmin()]))
    others = [
        optimize.minimize(objective, start, method="Nelder-Mead", options={"maxiter": 4000}).fun
        for start in starts[::4]
    ]
    assert loss.min() <= min(others) * (1 + 1e-6)


def test_huber_by_hand():
    np.testing.assert_allclose(huber(np.array([0.5, -2.0]), 1.0), [0.125, 1.5])


def test_the_largest_is_foretold():
    law, table = hold_out_joint_law(N, D, noisy(0), largest=2)
    assert len(law.loss) == 18
    assert list(table["parameters"] * table["data"]) == sorted(SIZES * AMOUNTS)[-2:]
    assert (table["error"].abs() < 0.05).all()
    mean = np.exp(np.log(noisy(0)).reshape(-1, 3).mean(axis=1))
    np.testing.assert_allclose(table["loss"].iloc[-1], mean[-1])
    # a step of data is less than a step of size; the largest one's smaller brother is held out, too
    np.testing.assert_allclose(table["nearest"], mean[[11, 18]])


def test_largest_cells_lie_in_their_interval():
    inside = [bool(hold_out_joint_law(N, D, noisy(seed), seed=seed).table["inside"][0]) for seed in range(30)]
    assert np.mean(inside) >= 0.73  # of 90 %; fewer are one in a hundred


def test_the_best_size_has_no_better_beside_it():
    law = fit_joint_law(N, D, noisy(3))
    best = best_size(law, flops=1e14, flops_per_unit=6e3)
    sizes = best.parameters * np.linspace(0.5, 2, 2001)
    losses = law.predict(sizes, 1e14 / 6e3 / sizes)
    assert best.loss <= losses.min() * (1 + 1e-9)
    assert sizes[losses.argmin()] == pytest.approx(best.parameters, rel=2e-3)
    assert best.parameters * best.data * 6e3 == pytest.approx(1e14)
    assert best.parameters_low < best.parameters < best.parameters_high
    with pytest.raises(ValueError, match="flops is 0"):
        best_size(law, 0, 6e3)


@pytest.mark.parametrize(("axis", "loss"), [("parameters", 0.5 + 6 / D**0.25), ("data", 0.5 + 8 / N**0.35)])
def test_an_axis_that_does_nothing_is_refused(axis, loss):
    noise = np.exp(0.01 * np.random.default_rng(0).standard_normal(len(N)))
    with pytest.raises(ValueError, match=f"does not fall with {axis} more than chance"):
        fit_joint_law(N, D, loss * noise)


def test_a_step_is_refused():
    noise = np.exp(0.002 * np.random.default_rng(0).standard_normal(len(N)))
    with pytest.raises(ValueError, match="only the smallest of the parameters differs"):
        fit_joint_law(N, D, (0.5 + 0.5 * (SIZES.min() == N) + 6 / D**0.25) * noise)


def test_bad_input():
    few = np.isin(N, np.unique(N)[:2])
    with pytest.raises(ValueError, match="10 cells of 2 sizes and 5 amounts"):
        fit_joint_law(N[few], D[few], EXACT[few])
    with pytest.raises(ValueError, match="data of run 0 is -1"):
        fit_joint_law(N, np.where(np.arange(60) == 0, -1, D), EXACT)
    with pytest.raises(ValueError, match="resamples is 3"):
        fit_joint_law(N, D, EXACT, resamples=3)
    with pytest.raises(ValueError, match="delta is 0"):
        fit_joint_law(N, D, EXACT, delta=0)
