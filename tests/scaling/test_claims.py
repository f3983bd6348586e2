import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lsmlib.scaling import claims
from lsmlib.scaling.claims import claim


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def write_claim(folder, host, process, age=0.0):
    path = folder / "cell.json"
    path.write_text(json.dumps({"host": host, "process": process}))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_one_at_a_time(tmp_path):
    with claim(tmp_path, "cell") as first:
        with claim(tmp_path, "cell") as second, claim(tmp_path, "other") as other:
            assert (first, second, other) == (True, False, True)
        assert (tmp_path / "cell.json").exists()  # who did not get it does not give it back
    assert not list(tmp_path.iterdir())
    with claim(tmp_path, "cell") as again:
        assert again


def test_given_back_after_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt), claim(tmp_path, "cell"):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("left", [False, True])
def test_one_of_many_gets_it(tmp_path, left):
    """Also if all find what a dead process has left."""
    for _ in range(30):
        if left:
            write_claim(tmp_path, socket.gethostname(), dead_process())
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda _: claims._take(tmp_path / "cell.json"), range(8)))
        assert sum(got) == 1
        (tmp_path / "cell.json").unlink()
        assert not list(tmp_path.iterdir())


def test_a_dead_process_of_this_machine_is_taken_over(tmp_path):
    write_claim(tmp_path, socket.gethostname(), dead_process())
    with claim(tmp_path, "cell") as got:
        assert got
        assert json.loads((tmp_path / "cell.json").read_text())["process"] == os.getpid()


def test_an_heir_that_died_on_its_way_is_taken_over_too(tmp_path):
    path = write_claim(tmp_path, socket.gethostname(), dead_process())
    path.with_name("cell.json.heir").write_text(path.read_text())
    with claim(tmp_path, "cell") as got:
        assert got
    assert not list(tmp_path.iterdir())


def test_another_machine_is_told_of_when_silent(tmp_path):
    path = write_claim(tmp_path, "elsewhere", dead_process(), age=100)
    with claim(tmp_path, "cell") as got:
        assert not got
    write_claim(tmp_path, "elsewhere", 7, age=1200)
    message = (
        r"cell is claimed by process 7 of elsewhere, .* for 20 minutes.* delete .*cell\.json and run the grid again"
    )
    with pytest.warns(UserWarning, match=message), claim(tmp_path, "cell") as got:
        assert not got
    assert path.exists()


def test_the_owner_shows_that_it_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "TOUCH", 0.01)
    with claim(tmp_path, "cell"):
        os.utime(tmp_path / "cell.json", (0, 0))
        until = time.monotonic() + 10
        while (tmp_path / "cell.json").stat().st_mtime == 0:
            assert time.monotonic() < until
            time.sleep(0.01)
