"""The files around the package agree with pyproject.toml, and nothing of the machine they were made on is in them."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tools import stamp
from tools.notebook_format import find_machine_paths, read_plain_text
from tools.notebooks import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STAMPED = {"pyproject.toml", "README.md", "CITATION.cff"}
# in pieces, so that this file does not hold what it looks for
INDEX_HOSTS = ["py" + "pi.org", "pythonhosted" + ".org", "npmjs" + ".org", "debian" + ".org"]


def list_tracked():
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in run.stdout.split("\0") if name and (ROOT / name).is_file()]


def list_texts():
    return [path for path in list_tracked() if b"\0" not in path.read_bytes()[:8192]]


def test_everything_stamped_is_up_to_date():
    assert [file.name for file, _ in stamp.find_changes()] == []


def test_the_address_stands_nowhere_by_hand():
    address = stamp.read_url().removeprefix("https://")
    name = address.rsplit("/", 1)[1]
    any_owner = re.compile(rf"github(?:\.com)?/[\w.-]+/{re.escape(name)}(?![\w-])")
    for path in list_texts():
        text = read_plain_text(path)
        relative = path.relative_to(ROOT).as_posix()
        if not (relative in STAMPED or relative.startswith("notebooks/")):
            assert address not in text, f"{relative}: link relative to the repository instead"
            assert not any_owner.search(text), relative
        assert all(
            address.endswith(found.split("github", 1)[1].removeprefix(".com")) for found in any_owner.findall(text)
        )


def test_environment_has_the_packages_of_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert conda == [f"python{PYPROJECT['requires-python']}", "pip", "git", "make"]
    wanted = PYPROJECT["dependencies"] + [
        line for name, extra in PYPROJECT["optional-dependencies"].items() if name != stamp.APART for line in extra
    ]
    assert pip == {"pip": ["--editable .", *wanted]}


def test_lock_pins_every_package_of_pyproject_and_nothing_of_an_index():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[a-z0-9._-]+==[\w.+!]+(?: ; .+)?", line)] == []
    pinned = {re.sub(r"[-_.]+", "-", line.split("==")[0]) for line in pins}
    packages = {package: re.split(r"[<>=\[]", package.requirement)[0].lower() for package in stamp.read_packages()}
    assert {name for package, name in packages.items() if package.group != stamp.APART} - pinned == set()
    assert {name for package, name in packages.items() if package.group == stamp.APART} & pinned == set()


def test_peers_have_fixed_versions_since_the_lock_leaves_them_out():
    peers = PYPROJECT["optional-dependencies"][stamp.APART]
    assert [line for line in peers if not re.fullmatch(r"[\w-]+==[\d.]+", line)] == []


def test_citation_has_the_version_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PYPROJECT["version"]
    assert citation["license"] == PYPROJECT["license"]


@pytest.mark.parametrize("path", list_texts(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_trace_of_the_machine(path: Path):
    text = read_plain_text(path)
    assert [place for place in (f"{ROOT}/", f"{Path.home()}/") if place in text] == []
    assert [host for host in INDEX_HOSTS if host in text] == []
    assert find_machine_paths(path) == []
