"""The checks of the shared form, on the smallest notebook that has it and on what breaks it."""

import shutil
from pathlib import Path

import pytest

from tools import notebooks, stamp
from tools.notebook_format import find_machine_paths, find_problems

FORM = Path(__file__).parent / "form" / "01_well_formed.py"
SOMEONES = "/" + "home/someone"  # in pieces: this file is itself searched for such paths


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The well-formed notebook, stamped and run, as a pair of files."""
    source = tmp_path_factory.mktemp("notebooks") / FORM.name
    text = stamp.stamp_notebook(FORM.read_text(encoding="utf-8"), source.stem, "https://github.com/someone/somewhere")
    source.write_text(text, encoding="utf-8")
    notebooks.run(source)
    return source


@pytest.fixture
def pair(executed, tmp_path):
    for file in (executed, executed.with_suffix(".ipynb")):
        shutil.copy(file, tmp_path)
    return tmp_path / executed.name


def edit(file, before, after):
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_well_formed(pair):
    assert find_problems(pair) == []
    numbers = notebooks.find_tagged(notebooks.read(pair.with_suffix(".ipynb")), "numbers")
    assert numbers[0].outputs[0].data["text/plain"] == "{'people': 500.0}"


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("[![Open in Colab]", "[![Colab]", "cell 1 must be markdown with the Colab badge"),
        ("**Hardware**", "Hardware", "cell 2 must be markdown with **What**"),
        ('tags=["colab-install"]', 'tags=["colab"]', "code cell 1 must be the install cell"),
        ("import os\n", "import os\nimport jax\n", "`import jax` stands before or in the cell"),
        ("jax.devices()", "jax.local_devices()", "code cell 3 must be versions and device"),
        ("SEED = 0", "seed = 0", "code cell 4 must be the seed"),
        ('tags=["parameters"]', 'tags=["parameter"]', "one cell must be tagged `parameters`, not 0"),
        ('PROFILE = "laptop"', 'PROFILE = "smoke"', 'must set PROFILE = "laptop"'),
        ('tags=["numbers"]', 'tags=["number"]', "one cell must be tagged `numbers`, not 0"),
        ("size.people\n", "size.people\n" * 12, "a code cell has 13 lines, more than 12"),
        ("size.people\n", "size.days\n", "01_well_formed.ipynb and 01_well_formed.py differ"),
    ],
)
def test_text_that_breaks_the_form(before, after, complaint, pair):
    edit(pair, before, after)
    assert [problem for problem in find_problems(pair) if complaint in problem]


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('"execution_count": 3', '"execution_count": 9', "not the product of one run"),
        ('"execution_count": 3', '"execution_count": null', "not the product of one run"),
        ('"jax 0', f'"{SOMEONES}/jax 0', f"holds a path of the machine it ran on: {SOMEONES}"),
        ('"jax 0', '"' + "x" * 1_000_000, "more than 1,000,000"),
    ],
)
def test_outputs_that_should_not_be_committed(before, after, complaint, pair):
    edit(pair.with_suffix(".ipynb"), before, after)
    assert [problem for problem in find_problems(pair) if complaint in problem]


def test_a_warning_should_not_be_committed(pair):
    file = pair.with_suffix(".ipynb")
    edit(file, '"name": "stdout"', '"name": "stderr"')
    assert find_problems(pair) == []
    edit(file, '"jax 0', '"UserWarning: jax 0')
    assert [problem for problem in find_problems(pair) if "holds a warning" in problem]


def test_an_error_and_a_missing_pair_are_reported(pair):
    file = pair.with_suffix(".ipynb")
    notebook = notebooks.read(file)
    notebook.cells[-1].outputs = [notebooks.nbformat.v4.new_output("error", ename="E", evalue="no", traceback=[])]
    notebooks.write(notebook, file)
    assert "the .ipynb holds an error: E: no" in find_problems(pair)
    file.unlink()
    assert [problem for problem in find_problems(pair) if "is missing" in problem]


def test_sync_keeps_the_outputs_of_cells_that_did_not_change(pair):
    file = pair.with_suffix(".ipynb")
    before = notebooks.read(file)
    assert not notebooks.sync(pair)
    edit(pair, "size.people\n", "size.days\n")
    assert notebooks.sync(pair)
    after = notebooks.read(file)
    assert notebooks.list_cells(after) == notebooks.list_cells(notebooks.read(pair))
    assert after.cells[-1].outputs == before.cells[-1].outputs != []
    assert after.cells[-2].outputs == []
    assert [a.id == b.id for a, b in zip(after.cells, before.cells, strict=True)].count(False) == 1


def test_cells_that_are_alike_get_different_ids(tmp_path):
    source = tmp_path / "01_a.py"
    source.write_text("# %%\n1\n\n# %%\n1\n", encoding="utf-8")
    notebooks.sync(source)
    ids = [cell.id for cell in notebooks.read(source.with_suffix(".ipynb")).cells]
    assert ids[1] == f"{ids[0]}-2"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"see {SOMEONES}/file.py", [SOMEONES]),
        (f'open("{SOMEONES}")', [SOMEONES]),
        ("ipykernel" + "_123/456.py:1: UserWarning", ["ipykernel" + "_123"]),
        (f"from {'/' + 'tmp'}/run/1", ["/" + "tmp/run/1"]),
        ("/usr/bin/env, /content/a/b, /dev/shm/x, /tmp/x, a metric named /store/file/read", []),
        ("https://example.org/a/b, ../data/a/b, person/day/minute", []),
    ],
)
def test_paths_of_a_machine(text, found, tmp_path):
    file = tmp_path / "a.md"
    file.write_text(text, encoding="utf-8")
    assert find_machine_paths(file) == found
