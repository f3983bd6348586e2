"""JupyterLab as readers use it: `make lab`, open notebook 00, Run All Cells, look at the figure, save."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tools import notebooks
from tools.notebooks import ROOT, find_tagged, read

pytestmark = pytest.mark.browser

MINUTES = 10
# JupyterLab draws only what is near the window: go down by a window, or back to the top, and say if a figure is there.
LEAF_AND_LOOK = """
const panel = document.querySelector(".jp-WindowedPanel-outer");
const seen = [...panel.querySelectorAll(".jp-OutputArea img")].some(image => image.naturalWidth > 0);
const end = panel.scrollTop + panel.clientHeight >= panel.scrollHeight - 1;
if (!seen) panel.scrollTop = end ? 0 : panel.scrollTop + panel.clientHeight;
return seen;
"""


def wait_for(what, condition, seconds):
    """Ask again and again until the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.5)
    pytest.fail(f"{what} did not come within {seconds} seconds")


@pytest.fixture
def copy(tmp_path):
    """What `make lab` needs, apart, since JupyterLab saves by itself; notebook 00 in its smallest size."""
    for name in ("Makefile", "jupytext.toml", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (source,) = notebooks.find_sources(["00"])
    text = source.read_text(encoding="utf-8")
    assert text.count('\nPROFILE = "laptop"\n') == 1
    (tmp_path / "notebooks").mkdir()
    target = tmp_path / "notebooks" / source.name
    target.write_text(text.replace('\nPROFILE = "laptop"\n', '\nPROFILE = "smoke"\n'), encoding="utf-8")
    notebooks.sync(target)
    target.touch()  # jupytext asks when the .ipynb is the newer one
    return target


@pytest.fixture
def lab(copy):
    """The address of a JupyterLab that was started by the command line of `make lab`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"--no-browser --ServerApp.port={port} --ServerApp.port_retries=0 --IdentityProvider.token=''"
    if getattr(os, "geteuid", lambda: 1)() == 0:
        options += " --allow-root"
    root = copy.parent.parent
    lines = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "lab", f"LAB_OPTIONS={options}"],
        cwd=root, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    (line,) = [line for line in lines if " -m jupyterlab " in line]
    python, *rest = shlex.split(line)
    assert python == ".venv/bin/python"  # which this test's own Python stands for
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(root / "config"), "MPLBACKEND": ""}
    environment.pop("MPLBACKEND")  # figures are to be drawn in the notebook
    log = (root / "lab.log").open("w")
    server = subprocess.Popen([sys.executable, *rest], cwd=root, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"

    def answers():
        assert server.poll() is None, (root / "lab.log").read_text()
        try:
            return urllib.request.urlopen(f"{address}/api", timeout=5).status == 200
        except OSError:
            return False

    try:
        wait_for("JupyterLab", answers, 90)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def test_notebook_00_runs_in_jupyterlab_and_its_text_stays(browser, lab, copy):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    before = copy.read_text(encoding="utf-8")
    pair = copy.with_suffix(".ipynb")

    def all_of(selector):
        return [element for element in browser.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]

    def click(words, within):
        def at_rest():  # a menu that opens moves, and a click would meet its neighbour
            found = [element for element in all_of(within) if element.text.split("\n")[0] == words]
            before = [element.location for element in found]
            time.sleep(1)
            return found if found and before == [element.location for element in found] else None

        wait_for(words, at_rest, 60)[0].click()

    browser.set_window_size(1280, 900)
    browser.get(f"{lab}/lab/tree/notebooks/{pair.name}")
    wait_for("the notebook", lambda: all_of(".jp-Notebook .jp-CodeCell"), 120)
    wait_for("an idle kernel", lambda: all_of(".jp-NotebookPanel-toolbar [data-status='idle']"), 90)

    click("Run", ".lm-MenuBar-itemLabel")
    click("Run All Cells", ".lm-Menu-itemLabel")
    wait_for("a running cell", lambda: [e for e in all_of(".jp-InputPrompt") if e.text.strip("[]: ")], 60)

    def saved_after_the_last_cell():
        browser.switch_to.active_element.send_keys(Keys.CONTROL, "s")
        time.sleep(2)
        (last,) = find_tagged(read(pair), "numbers")
        failed = [o for cell in read(pair).cells for o in cell.get("outputs", []) if o.output_type == "error"]
        return failed or last.get("execution_count")

    wait_for("the last number", saved_after_the_last_cell, 60 * MINUTES)
    run = read(pair)
    outputs = [output for cell in run.cells for output in cell.get("outputs", [])]
    assert [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"] == []
    code = [cell for cell in run.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    (figure,) = find_tagged(run, "figure-day")
    assert any("image/png" in output.get("data", {}) for output in figure.outputs)
    wait_for("a figure on the page", lambda: browser.execute_script(LEAF_AND_LOOK), 60)
    assert copy.read_text(encoding="utf-8") == before, "saving in JupyterLab changed the text of the notebook"
