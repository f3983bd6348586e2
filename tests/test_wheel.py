"""The wheel, as somebody has it who never cloned the repository: what it needs, what it holds, and what it fetches."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tools.notebooks import ROOT

EXAMPLE = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)[0]
IMPORT_SECONDS = 4


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, because setuptools leaves folders beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "lsmlib", folder / "lsmlib", ignore=shutil.ignore_patterns("__pycache__"))
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder / "dist", folder)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """The Python of an environment with the wheel, and the packages of this one beneath it."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    own = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip("--python", own, "install", "--no-deps", "--no-index", wheel)
    (site,) = folder.rglob("site-packages")
    # a path in a .pth file is searched, but the .pth files in it are not read: an editable install stays out of sight
    (site / "beneath.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return own


def pip(*arguments) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def run(python: Path, code: str, folder: Path, cache: Path) -> subprocess.CompletedProcess:
    """Run code away from the repository, without its variables, and with a network that refuses."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LSMLIB"))}
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(
        [python, "-W", "ignore", "-c", code], cwd=folder, env=kept | nowhere, capture_output=True, text=True
    )


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"lsmlib", wheel.name.split("-py3")[0] + ".dist-info"}
    sources = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "lsmlib").rglob("*.py*") if "__" != path.parent.name[:2]
    }
    assert {name for name in sources if name.endswith((".py", ".pyi"))} <= set(names) and "lsmlib/py.typed" in names


def test_importing_it_is_quick_and_loads_no_tensorflow(python, tmp_path):
    code = """
import sys, time
start = time.perf_counter()
import lsmlib
print(time.perf_counter() - start)
lsmlib.simulate_cohort, lsmlib.LSM2, lsmlib.evaluate, lsmlib.pretrain
print("tensorflow" in sys.modules)
print(lsmlib.__file__)
"""
    done = run(python, code, tmp_path, tmp_path)
    assert done.returncode == 0, done.stderr
    seconds, tensorflow, file = done.stdout.split("\n")[:3]
    assert float(seconds) < IMPORT_SECONDS and tensorflow == "False"
    assert Path(file).is_relative_to(python.parents[1])


@pytest.mark.long  # three processes that each load JAX and simulate; tests/test_readme.py runs the example itself
def test_the_quick_example_says_where_a_preset_goes_and_runs_once_it_is_there(python, tmp_path):
    cache = tmp_path / "cache"
    code = EXAMPLE + '\nprint(vectors.shape, int(filled["signals"].isnull().sum()), len(texts))\n'
    for name in ("lsm2_nano_simulated", "sensorlm_nano_simulated"):
        refused = run(python, code, tmp_path, cache)
        found = re.search(r"could not be fetched: .*Put the file to (\S+\.keras) by hand", refused.stderr, re.DOTALL)
        assert refused.returncode and found, refused.stderr
        place = Path(found[1])
        assert place.name == f"{name}.keras" and place.is_relative_to(cache)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "data" / "presets" / place.name, place)
    done = run(python, code, tmp_path, cache)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "(8, 64) 0 8"
