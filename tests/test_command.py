"""The command ``python -m lsmlib.pretrain``: the notebooks' own pretrain, and a function still."""

import json
import subprocess
import sys

import numpy as np
import pytest

import lsmlib
from lsmlib.command import main
from tests.windows import small_windows

SIZE = ["--size", "nano", "--steps", "3", "--batch-size", "4", "--seed", "5", "--distribution", "none"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Windows of twenty people, on disk."""
    path = tmp_path_factory.mktemp("command") / "windows.zarr"
    lsmlib.save_cohort(small_windows(rows=40, people=20), path)
    return str(path)


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_it_is_the_notebooks_pretrain(stored, tmp_path, capsys):
    history = main(["--model", "lsm1", "--data", stored, *SIZE, "--save", str(tmp_path / "m.keras")])
    train, valid = lsmlib.split_people(lsmlib.open_cohort(stored), (0.9, 0.1))
    model = lsmlib.LSM1("nano", minutes=60, seed=5)
    expected = lsmlib.pretrain(model, train, steps=3, batch_size=4, seed=5, valid=valid, progress=False)
    assert history == expected
    saved = lsmlib.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(saved.embed(valid), model.embed(valid))
    said = capsys.readouterr().out
    assert "lsm1 nano, 36 rows\n1 of " in said and f"{expected['valid_loss'][-1]:.4f}" in said


def test_options_reach_pretrain(stored, tmp_path, monkeypatch):
    """Each under its own name; None where the command was not told."""
    calls = []

    def pretrain(model, train, **options):
        calls.append((model, train, options))
        return {"loss": [1.0], "valid_loss": [2.0]}

    monkeypatch.setattr(lsmlib, "pretrain", pretrain)
    main(["--model", "lsm2", "--data", stored, "--valid", stored, *SIZE])
    main([
        "--model", "lsm2", "--data", stored, *SIZE, "--dtype", "mixed_bfloat16", "--learning-rate", "2e-4",
        "--checkpoint-dir", "kept", "--checkpoint-every", "7", "--log-dir", str(tmp_path),
        "--data-on-device", "float16",
    ])  # fmt: skip
    (model, train, plain), (other, _, more) = calls
    assert isinstance(model, lsmlib.LSM2) and model.seed == 5 and model.grid.minutes == 60
    assert train.sizes["day"] == 40 and plain["valid"].sizes["day"] == 40
    assert {**plain, "valid": None} == {
        "steps": 3, "batch_size": 4, "seed": 5, "learning_rate": 1e-3, "valid": None, "log_dir": None,
        "checkpoint_dir": None, "checkpoint_every": None, "accumulate": 1, "rematerialise": False,
        "data_on_device": None,
    }  # fmt: skip
    assert more["checkpoint_dir"] == "kept" and more["checkpoint_every"] == 7 and more["learning_rate"] == 2e-4
    assert more["data_on_device"] == "float16"
    assert more["log_dir"] == str(tmp_path) and other.dtype_policy.name == "mixed_bfloat16"


def test_lsm1_cuts_windows_out_of_days(tmp_path, monkeypatch):
    from tests.cohorts import small_cohort

    calls = []
    monkeypatch.setattr(lsmlib, "pretrain", lambda model, train, **o: calls.append((model, train, o)) or EMPTY)
    days = small_cohort(20, people=20, gaps=1)
    lsmlib.save_cohort(days, tmp_path / "days.zarr")
    for options in ([], ["--minutes", "60", "--stride", "240"]):
        main(["--model", "lsm1", "--data", str(tmp_path / "days.zarr"), *SIZE, *options])
    train, valid = lsmlib.split_people(days, (0.9, 0.1))
    for (model, windows, given), (minutes, stride) in zip(calls, [(300, None), (60, 240)], strict=True):
        assert model.grid.minutes == minutes
        for ours, part in ((windows, train), (given["valid"], valid)):
            expected = lsmlib.cut_windows(part, minutes=minutes, stride=stride)
            np.testing.assert_array_equal(ours["signals"], expected["signals"])


EMPTY = {"loss": [1.0], "valid_loss": [1.0]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "lsm3"], "invalid choice: 'lsm3'"),
        (["--model", "lsm2", "--size", "huge"], "there is no size 'huge'"),
        (["--model", "lsm2", "--minutes", "60"], "lsm2 reads days as they are"),
        (["--model", "lsm1", "--stride", "60"], "these are windows of 60 minutes already"),
        (["--model", "lsm2", "--distribution", "both"], "choice is 'both'"),
        (["--model", "lsm2", "--device", "gpu"], "device is 'gpu', but JAX computes on 'cpu'"),
        (["--model", "lsm2", "--processes", "2"], "expected all three"),
        (["--model", "lsm2", "--checkpoint-every", "2"], "--checkpoint-every needs --checkpoint-dir"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(stored, capsys, options, words):
    with pytest.raises(SystemExit) as stop:
        main(["--data", stored, *SIZE[:8], *options])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and words in said and "Traceback" not in said


def test_help_explains_without_loading_anything_heavy():
    code = (
        "import sys, runpy; sys.argv = ['pretrain', '--help']\n"
        "try: runpy.run_module('lsmlib.pretrain', run_name='__main__')\n"
        "except SystemExit: print([name for name in ('jax', 'keras', 'xarray') if name in sys.modules])"
    )
    said = run(code).stdout
    assert said.rstrip().endswith("[]") and "srun" in said and "tpu-vm" in said and "--batch-size" in said


def test_pretrain_stays_a_function():
    """Whatever was imported by mistake or run before."""
    code = (
        "import importlib, json, lsmlib\n"
        "said = []\n"
        "for name in ('lsmlib.pretrain', 'lsmlib.pretrain'):\n"
        "    try: importlib.import_module(name)\n"
        "    except ImportError as error: said.append(str(error))\n"
        "from lsmlib import pretrain\n"
        "print(json.dumps([said, callable(pretrain), pretrain is lsmlib.pretrain is lsmlib.training.pretrain]))"
    )
    said, is_callable, same = json.loads(run(code).stdout)
    assert len(said) == 2 and all("python -m lsmlib.pretrain" in words for words in said)
    assert is_callable and same
