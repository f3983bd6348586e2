"""The runner, on tiny notebooks of which one passes and the others fail, each in its own way."""

from pathlib import Path

import pytest

from tools import expectations, notebooks, tutorial

FOLDER = Path(__file__).parent / "notebooks"
FILE = Path(__file__).parent / "notebooks.yaml"
LIMITS = tutorial.Limits(cell_minutes=1, notebook_minutes=1)


def run(name, tmp_path, profile="smoke", limits=LIMITS):
    (source,) = notebooks.find_sources([name], FOLDER)
    section = tutorial.find_sections([source], FILE)[source.stem]
    return tutorial.run_notebook(source, section, profile, tmp_path, limits)


def test_passes(tmp_path):
    outcome = run("10", tmp_path)
    assert (outcome.verdict, outcome.problems) == ("pass", [])
    assert (outcome.headline, outcome.expected) == ("people = 2", "[2, 2]")
    assert "PEOPLE" in tutorial.export_html(tmp_path / "10_passes.ipynb").read_text(encoding="utf-8")


def test_profile_without_a_range_is_said_to_have_none(tmp_path):
    outcome = run("10", tmp_path, profile="accelerator")
    assert outcome.problems == []
    assert outcome.verdict == "ran; no range for this profile yet"


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("11", ["people: 3 is not within [4, 5]"]),
        ("12", ["cell [3] raised RuntimeError: no such person"]),
        ("13", ["its `parameters` cell does not set PEOPEL; it sets PROFILE, PEOPLE"]),
        (
            "14",
            ["nights: expected, but the notebook does not give it", "days: given, but there is no range for it"],
        ),
    ],
)
def test_fails(name, problems, tmp_path):
    outcome = run(name, tmp_path)
    assert outcome.problems == problems
    assert outcome.verdict == "FAIL"


@pytest.mark.parametrize("limits", [tutorial.Limits(cell_minutes=0.02), tutorial.Limits(notebook_minutes=0.02)])
def test_a_cell_that_hangs_is_stopped(limits, tmp_path):
    outcome = run("15", tmp_path, limits=limits)
    assert outcome.minutes < 0.5
    assert len(outcome.problems) == 1
    assert outcome.problems[0].startswith("CellTimeoutError")


def test_a_kernel_that_dies_is_a_failure(tmp_path):
    outcome = run("16", tmp_path)
    assert outcome.problems == ["DeadKernelError: Kernel died"]


def test_table_has_one_line_a_notebook_and_one_a_problem():
    good = tutorial.Outcome("10_passes", 0.25, "people = 2", "[2, 2]")
    bad = tutorial.Outcome("12_raises", problems=["cell [3] raised RuntimeError: no such person"])
    lines = tutorial.format_table([good, bad]).splitlines()
    assert lines[0].split() == ["notebook", "minutes", "headline", "number", "expected", "result"]
    assert lines[2].split() == ["10_passes", "0.2", "people", "=", "2", "[2,", "2]", "pass"]
    assert lines[3].endswith("FAIL")
    assert lines[4] == "12_raises: cell [3] raised RuntimeError: no such person"


def test_command_line_fails_with_the_notebook(tmp_path, capsys):
    def main(*arguments):
        return tutorial.main([*arguments, "--profile", "smoke"], FOLDER, FILE, tmp_path)

    assert main("10", "11") == 1
    assert "people: 3 is not within [4, 5]" in capsys.readouterr().out
    assert (tmp_path / "smoke" / "11_out_of_range.html").exists()
    assert main("10", "--jobs", "1") == 0
    with pytest.raises(SystemExit):
        main("99")
    assert "No notebook is called 99" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main("10", "--jobs", "0")
    assert "--jobs is 0; expected 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("**Time**: six minutes on a laptop", 6),
        ("**Time**: about ten minutes.", 10),
        ("**Time**: half an hour", len(tutorial.WORDS)),
        ("nothing", len(tutorial.WORDS)),
    ],
)
def test_how_long_a_notebook_says_that_it_takes(said, minutes, tmp_path):
    source = tmp_path / "01_a.py"
    source.write_text(f"# %% [markdown]\n# {said}\n", encoding="utf-8")
    assert tutorial.guess_minutes(source) == minutes


VALID = "01_a: {headline: x, expect: {smoke: {x: [0, 1]}, laptop: {x: [0, 1]}}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("01_a: {headline: x}", "01_a lacks expect"),
        ("01_a: {headline: x, expect: {smoke: {x: [0, 1]}}}", r"01_a\.expect lacks laptop"),
        (VALID.replace("headline: x", "headline: y"), "no range for the headline number 'y'"),
        (VALID.replace("headline: x", "headline: x, expected: {}"), "unknown keys: expected"),
        (VALID.replace("laptop:", "laptop: {x: [0, 1]}, desktop:"), "unknown keys: desktop"),
        (VALID.replace("{x: [0, 1]}}}", "{x: [1, 0]}}}"), r"must be \[lowest, highest\], not \[1, 0\]"),
        (VALID.replace("{x: [0, 1]}}}", "{x: 1}}}"), r"must be \[lowest, highest\], not 1"),
        (VALID[:-1] + ", parameters: {smoke: {PROFILE: paper}}}", "which the run itself sets"),
        ("01_a: 3", "must be a table of keys"),
    ],
)
def test_expectations_that_are_not_understood(text, message, tmp_path):
    file = tmp_path / "notebooks.yaml"
    file.write_text(VALID, encoding="utf-8")
    assert expectations.load_sections(file)["01_a"].ranges["laptop"] == {"x": (0.0, 1.0)}
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        expectations.load_sections(file)


def test_notebook_and_section_must_find_each_other(tmp_path):
    source = tmp_path / "01_a.py"
    source.write_text("# %%\n1\n", encoding="utf-8")
    file = tmp_path / "notebooks.yaml"
    file.write_text(VALID, encoding="utf-8")
    assert list(tutorial.find_sections([source], file)) == ["01_a"]
    file.write_text(VALID.replace("01_a", "02_b"), encoding="utf-8")
    with pytest.raises(ValueError, match="no section for 01_a"):
        tutorial.find_sections([source], file)
    file.write_text(VALID + "\n" + VALID.replace("01_a", "02_b"), encoding="utf-8")
    with pytest.raises(ValueError, match="notebooks that do not exist: 02_b"):
        tutorial.find_sections([source], file)


@pytest.mark.parametrize("shown", ["{'a': np.float64(1.0)}", "{'a': nan}", "{'a': True}", "3.0", "{1: 2.0}"])
def test_numbers_must_be_plain(shown):
    cell = notebooks.nbformat.v4.new_code_cell("x", metadata={"tags": ["numbers"]})
    cell.outputs = [notebooks.nbformat.v4.new_output("execute_result", {"text/plain": shown})]
    with pytest.raises(ValueError, match="tagged `numbers` shows"):
        expectations.read_numbers(notebooks.nbformat.v4.new_notebook(cells=[cell]))
