"""The page of results: every number is a notebook's, and the page is what the tool writes."""

import pytest

from tools import results
from tools.results import Claim

NUMBERS = {"05": {"gain": 0.4266, "gain_low": 0.41, "gain_high": 0.44, "error": 2e-7}}
CLAIM = Claim("LSM-1", "lower error", "fewer people", "percent", 0.38, "05", "gain")


def test_the_committed_page_is_what_the_committed_notebooks_say():
    assert list(results.find_changes()) == []


def test_a_row_by_hand():
    page = results.make_page([CLAIM], NUMBERS)
    row = "| lower error | 38% | 43% [41%, 44%] | – | `make tutorial NOTEBOOK=05` | fewer people |"
    assert page.count(row) == 1


def test_numbers_without_an_interval_and_words_in_place_of_a_number():
    claim = CLAIM._replace(form="exact", simulated="error", reported="no claim")
    assert "| lower error | no claim | 2e-07 | – |" in results.make_page([claim], NUMBERS)
    assert "| lower error | not known to us | – | – | – |" in results.make_page(
        [claim._replace(reported="", simulated="", notebook="")], NUMBERS
    )


def test_a_shortfall_is_computed_from_two_numbers():
    numbers = {"05": {"drop": 0.06, "drop_low": 0.05, "drop_high": 0.07, "drop_lsm1": 0.15}}
    page = results.make_page([CLAIM._replace(simulated="drop", below="drop_lsm1")], numbers)
    assert "| lower error | 38% | 60% | – |" in page
    with pytest.raises(ValueError, match="notebook 05 gives no 'other'"):
        results.make_page([CLAIM._replace(simulated="drop", below="other")], numbers)


def test_a_claim_that_asks_for_a_number_nobody_gives():
    with pytest.raises(ValueError, match=r"notebook 05 gives no 'loss', .* it gives gain, gain_low, gain_high, error"):
        results.make_page([CLAIM._replace(simulated="loss")], NUMBERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {paper: LSM-1, claim: a, why: b, chart: c}", "unknown keys: chart"),
        ("- {paper: LSM-9, claim: a, why: b}", "paper 'LSM-9'"),
        ("- {paper: LSM-1, claim: a, why: b, form: furlongs}", "form 'furlongs'"),
        ("- {paper: LSM-1, claim: a, why: b, simulated: gain}", "names a number and no notebook"),
    ],
)
def test_a_file_of_claims_that_is_not_understood(tmp_path, text, message):
    file = tmp_path / "claims.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        results.read_claims(file)


def test_the_figure_has_a_row_for_each_claim_with_both_numbers():
    words = CLAIM._replace(claim="other", reported="27 % better")
    (axes,) = results.draw([CLAIM, words], NUMBERS).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["LSM-1: lower error"]
    assert [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"] == [0.4266]
