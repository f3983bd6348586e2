"""Stamping: one address, one list of packages, written wherever they are repeated."""

import shutil
import tomllib
from pathlib import Path

import pytest

from tools import notebooks, stamp

FORM = Path(__file__).parent / "form" / "01_well_formed.py"
HERE = "https://github.com/another-owner/their.name"


@pytest.fixture
def root(tmp_path):
    """A small repository whose address has just been changed."""
    for name in ("pyproject.toml", "README.md", "CITATION.cff"):
        shutil.copy(notebooks.ROOT / name, tmp_path)
    for name in ("data/results/claims.yaml",):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(notebooks.ROOT / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir()
    shutil.copy(FORM, tmp_path / "notebooks")
    project = tmp_path / "pyproject.toml"
    project.write_text(project.read_text(encoding="utf-8").replace(stamp.read_url(), HERE), encoding="utf-8")
    return tmp_path


def test_stamp_writes_the_address_everywhere_and_then_has_nothing_to_do(root, capsys):
    assert stamp.main(["--check"], root) == 1
    assert "out of date: README.md" in capsys.readouterr().out
    assert stamp.main([], root) == 0
    old = stamp.read_url().removeprefix("https://github.com/")
    for name in ("README.md", "CITATION.cff", "notebooks/01_well_formed.py", "notebooks/01_well_formed.ipynb"):
        text = (root / name).read_text(encoding="utf-8")
        assert "another-owner/their.name" in text and old not in text
    text = (root / "notebooks" / FORM.name).read_text(encoding="utf-8")
    assert text.startswith("# %% [markdown]\n# [![Open in Colab](")
    assert f"({stamp.COLAB}/another-owner/their.name/blob/main/notebooks/01_well_formed.ipynb)\n#\n# # 01" in text
    assert f'package = "lsmlib @ git+{HERE}"' in text
    assert stamp.main(["--check"], root) == 0
    assert stamp.main([], root) == 0
    assert (root / "notebooks" / FORM.name).read_text(encoding="utf-8") == text


def test_outside_colab_the_install_cell_does_nothing(monkeypatch):
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("installed something"))
    exec(stamp.INSTALL, {})


def test_in_colab_the_install_cell_installs_and_keeps_jax(monkeypatch):
    calls = []
    monkeypatch.setattr("subprocess.run", lambda command, check: calls.append((command, check)))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.0")
    exec(stamp.INSTALL.replace("{url}", HERE), {})
    ((command, check),) = calls
    assert check
    assert command[-4:] == [f"lsmlib @ git+{HERE}", "jax==1.0", "jaxlib==1.0", "numpy==1.0"]


@pytest.mark.parametrize("url", ["http://github.com/a/b", "https://github.com/a", "https://github.com/a/b.git", "a/b"])
def test_an_address_of_another_form_is_refused(url, root):
    project = root / "pyproject.toml"
    project.write_text(project.read_text(encoding="utf-8").replace(HERE, url), encoding="utf-8")
    with pytest.raises(ValueError, match=r"write it as https://github\.com/OWNER/NAME"):
        stamp.read_url(root)


def test_a_package_without_a_reason_is_refused(root):
    project = root / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace("# progress bars\n", "\n", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"what these packages are for: tqdm"):
        stamp.read_packages(root)


def test_packages_are_all_of_pyproject():
    project = tomllib.loads((notebooks.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = stamp.read_packages()
    assert [p.requirement for p in packages if not p.group] == project["dependencies"]
    assert {p.group for p in packages} == {"", *project["optional-dependencies"]}


@pytest.mark.parametrize("text", ["import os\n", "# %% [markdown]\n# # Title\n\n# %%\n1\n"])
def test_a_notebook_that_cannot_be_stamped_is_refused(text):
    with pytest.raises(ValueError, match=r"01_a must"):
        stamp.stamp_notebook(text, "01_a", HERE)
