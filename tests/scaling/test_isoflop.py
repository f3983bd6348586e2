import numpy as np
import pytest

from lsmlib.scaling import compute_frontier, fit_isoflops, flops_per_unit


def test_a_planted_parabola_is_found():
    sizes = np.array([1e4, 3e4, 1e5, 3e5])
    rows = [
        (budget * (1.01 if seed else 1.0), size, 0.5 + 0.1 * np.log(size / lowest) ** 2 * np.exp(0.0))
        for budget, lowest in ((1e12, 3.5e4), (1e13, 8e4), (1e14, 2e6))
        for size in sizes
        for seed in range(2)
    ]
    fits = fit_isoflops(*np.array(rows).T)
    np.testing.assert_allclose(fits["parameters"], [3.5e4, 8e4, 2e6], rtol=1e-6)
    np.testing.assert_allclose(fits["loss"], 0.5, rtol=1e-6)
    assert fits["inside"].tolist() == [True, True, False]
    assert fits["sizes"].tolist() == [4, 4, 4]
    np.testing.assert_allclose(fits["flops"], np.array([1e12, 1e13, 1e14]) * np.sqrt(1.01))


def test_no_budget_with_three_sizes():
    with pytest.raises(ValueError, match="none of the 3 budgets has three sizes"):
        fit_isoflops([1e10, 1e11, 1e12], [1e4, 1e5, 1e6], [1, 0.9, 0.8])


def test_a_hill_has_no_lowest_point():
    fit = fit_isoflops([1e12] * 3, [1e4, 1e5, 1e6], [1, 2, 1]).iloc[0]
    assert np.isnan(fit["parameters"]) and np.isnan(fit["loss"]) and not fit["inside"]


def test_the_frontier_by_hand():
    flops = np.array([1, 2, 2, 3, 3, 4])
    loss = np.array([5, 3, 3, 4, 4, 2])
    assert compute_frontier(flops, loss).tolist() == [True, True, True, False, False, True]
    cells = ["a", "b", "b", "c", "d", "e"]  # d costs as much as c
    assert compute_frontier(flops, [5, 3, 3, 4, 2.5, 2], cells).tolist() == [True, True, True, False, True, True]
    with pytest.raises(ValueError, match="loss of run 1 is nan"):
        compute_frontier([1, 2], [1.0, np.nan])
    with pytest.raises(ValueError, match="one number a run"):
        compute_frontier([1, 2, 3], [1.0, 2.0])


def test_operations_of_a_unit():
    assert flops_per_unit([60, 600], [1, 5], [10, 20]) == 6
    with pytest.warns(UserWarning, match=r"are 2 to 6"):
        assert flops_per_unit([60, 20, 60], [1, 1, 1], [10, 10, 10]) == 6
    with pytest.raises(ValueError, match="expected numbers above 0"):
        flops_per_unit([0, 60], [1, 1], [1, 1])
