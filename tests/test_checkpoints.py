import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lsmlib
from lsmlib.checkpoints import KEPT, _fingerprints, _variables
from lsmlib.evaluate.contrastive import SimCLR
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2
from lsmlib.models.sensorlm import SensorLM
from lsmlib.models.sizes import SensorLMSize
from lsmlib.optimizer import make_optimizer
from tests.sizes import SMALL
from tests.windows import small_windows

STEPS = 12


@pytest.fixture(scope="module")
def windows():
    return small_windows(rows=16)


def with_gaps(windows):
    signals = windows["signals"]
    gaps = np.random.default_rng(3).random((signals.shape[0], signals.shape[1] // 10, signals.shape[2])) < 0.4
    return windows.assign(signals=signals.where(~gaps.repeat(10, axis=1)))


MAKERS = {
    "LSM1": lambda: LSM1(SMALL, minutes=60, augment=("stretch", "flip", "noise"), seed=1),
    "LSM2": lambda: LSM2(SMALL, minutes=60, seed=1),
    "LSM2, the paper's form": lambda: LSM2(SMALL, minutes=60, seed=1, packing="paper"),
    "SimCLR": lambda: SimCLR(LSM1(SMALL, minutes=60, seed=1)),
    "SensorLM": lambda: SensorLM(SensorLMSize(*SMALL, SMALL[1]), minutes=60, seed=1, caption_queries=4, context=16),
}


def data_of(kind, windows):
    """Windows as this kind reads them: LSM-2 and SensorLM with gaps, SensorLM with a caption of each."""
    data = windows if kind in ("LSM1", "SimCLR") else with_gaps(windows)
    texts = [f"The person {('ran', 'slept', 'swam')[row % 3]}." for row in range(windows.sizes["day"])]
    return data.assign(caption=("day", texts)) if kind == "SensorLM" else data


def train(model, windows, folder=None, steps=STEPS, **options):
    options = {"batch_size": 4, "seed": 2, "progress": False, "checkpoint_every": 3} | options
    return lsmlib.pretrain(model, windows, steps=steps, checkpoint_dir=folder, **options)


def state_of(model):
    return [np.array(value) for value in [*model.variables, *model.optimizer.variables]]


class Stopped(Exception):
    pass


def stop_at(monkeypatch, step):
    """Let the training die in the middle of a step."""
    from lsmlib.training_logs import StopIfNotFinite

    before = StopIfNotFinite.on_train_batch_end

    def end(self, batch, logs=None):
        if self.history.step == step:
            raise Stopped
        before(self, batch, logs)

    monkeypatch.setattr(StopIfNotFinite, "on_train_batch_end", end)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_training_that_died_goes_on_bit_for_bit(kind, windows, tmp_path, monkeypatch):
    data = data_of(kind, windows)
    whole = MAKERS[kind]()
    history = train(whole, data)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, 8)
        train(MAKERS[kind](), data, tmp_path / "run")
    model = MAKERS[kind]()
    again = train(model, data, tmp_path / "run")
    assert again == history
    for ours, theirs in zip(state_of(model), state_of(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    ours, theirs = ({name: v.value.committed for name, v in _variables(one).items()} for one in (model, whole))
    assert ours == theirs  # what is tied to a device only now would have the step compiled anew


def test_checkpoints_change_nothing_and_a_finished_run_is_read_back(windows, tmp_path):
    plain, saved, read = (MAKERS["LSM1"]() for _ in range(3))
    history = train(plain, windows)
    assert train(saved, windows, tmp_path) == history
    assert train(read, windows, tmp_path) == history
    for one, two, three in zip(state_of(plain), state_of(saved), state_of(read), strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_log_files_of_a_run_that_was_taken_up_again_are_whole(windows, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, 8)
        train(MAKERS["LSM1"](), windows, tmp_path / "run", log_dir=tmp_path / "log", valid=windows, evaluate_every=4)
    history = train(
        MAKERS["LSM1"](), windows, tmp_path / "run", log_dir=tmp_path / "log", valid=windows, evaluate_every=4
    )
    rows = [row.split(",") for row in (tmp_path / "log" / "log.csv").read_text().splitlines()[1:]]
    assert [int(row[0]) for row in rows] == list(range(1, STEPS + 1))
    assert [float(row[1]) for row in rows] == history["loss"]
    assert [int(row[0]) for row in rows if row[3]] == history["valid_step"] == [4, 8, 12]
    assert [float(row[3]) for row in rows if row[3]] == history["valid_loss"]


def test_the_last_few_and_the_best_are_kept(windows, tmp_path, monkeypatch):
    losses = iter([0.9, 0.3, 0.8, 0.7, 0.6, 0.5])
    monkeypatch.setattr(LSM1, "validation_loss", lambda self, valid: next(losses))
    model = MAKERS["LSM1"]()
    train(model, windows, tmp_path, valid=windows, evaluate_every=2, checkpoint_every=100)
    assert KEPT == 3
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == [4, 8, 10, 12]
    best, last = MAKERS["LSM1"](), MAKERS["LSM1"]()
    assert lsmlib.load_checkpoint(best, tmp_path, best=True)["valid_loss"] == [0.9, 0.3]
    assert len(lsmlib.load_checkpoint(last, tmp_path)["loss"]) == STEPS
    np.testing.assert_array_equal(last.embed(windows), model.embed(windows))
    assert not np.array_equal(best.embed(windows), model.embed(windows))


@pytest.fixture(scope="module")
def finished(windows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    model = MAKERS["LSM1"]()
    history = train(model, windows, folder)
    return folder, model, history


def copy_of(folder, target):
    subprocess.run(["cp", "-r", str(folder), str(target)], check=True)
    return target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 13}, "training steps is 12 there and 13 here"),
        ({"seed": 3}, "training seed is 2 there and 3 here"),
        ({"learning_rate": 1e-4}, "training rate is 0.001 there and 0.0001 here"),
        ({"model": LSM1(SMALL, minutes=60, hide=0.7)}, "model augment is .*; model hide is 0.8 there and 0.7 here"),
        ({"rows": 8}, "data people and dates is .* there"),
    ],
)
def test_another_run_is_refused(finished, windows, tmp_path, change, message):
    place, change = copy_of(finished[0], tmp_path / "run"), dict(change)
    model, rows = change.pop("model", MAKERS["LSM1"]()), change.pop("rows", 16)
    with pytest.raises(ValueError, match=rf"holds another run: .*{message}.*another checkpoint_dir to begin anew"):
        train(model, windows.isel(day=slice(rows)), place, **change)


def test_other_versions_are_told(finished, windows, tmp_path, monkeypatch):
    place = copy_of(finished[0], tmp_path / "run")
    monkeypatch.setattr("lsmlib.checkpoints.metadata.version", lambda package: "0.0.1")
    with pytest.warns(UserWarning, match=r"was written with .*its numbers may differ"):
        train(MAKERS["LSM1"](), windows, place)


def files_of(folder, step):
    return sorted(path for path in (folder / str(step)).rglob("*") if path.is_file())


@pytest.mark.parametrize("how", ["cut off", "changed", "removed"])
def test_a_broken_checkpoint_is_noticed_and_the_one_before_used(finished, windows, tmp_path, how):
    folder, model, history = finished
    draw = random.Random(how)
    read, noticed = MAKERS["LSM1"](), {}
    read.compile(make_optimizer(STEPS))  # a checkpoint holds its state, too
    read.optimizer.build(read.trainable_variables)
    for turn in range(12):
        place = copy_of(folder, tmp_path / str(turn))
        files = files_of(place, STEPS)
        path = draw.choices(files, [file.stat().st_size for file in files])[0]
        content = bytearray(path.read_bytes())
        at = draw.randrange(len(content))
        if how == "cut off":
            path.write_bytes(content[:at])
        elif how == "removed":
            path.unlink()
        else:
            content[at] ^= 1 << draw.randrange(8)
            path.write_bytes(content)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            losses = lsmlib.load_checkpoint(read, place)["loss"]
        if any("is not whole" in str(one.message) for one in warned):
            noticed[place] = state_of(read)
            assert losses == history["loss"][:9]
            assert (place / str(STEPS)).is_dir()  # to look at a checkpoint deletes none
        else:  # some bytes are of files that nobody reads
            assert losses == history["loss"]
            for ours, theirs in zip(state_of(read), state_of(model), strict=True):
                np.testing.assert_array_equal(ours, theirs)
    assert len(noticed) >= 4
    before, *others = noticed.values()  # all are of step 9
    for state in others:
        for ours, theirs in zip(state, before, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    again = MAKERS["LSM1"]()
    with pytest.warns(UserWarning, match="is not whole"):
        assert train(again, windows, next(iter(noticed))) == history
    for ours, theirs in zip(state_of(again), state_of(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_nothing_but_broken_checkpoints(finished, windows, tmp_path):
    place = copy_of(finished[0], tmp_path / "run")
    for step in (6, 9, 12):
        for path in files_of(place, step):
            path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of the 3 checkpoints .* is whole.*Move the folder away"):
        train(MAKERS["LSM1"](), windows, place)


def test_a_seal_that_does_not_fit(finished, windows, tmp_path):
    place = copy_of(finished[0], tmp_path / "run")
    (path,) = (file for file in files_of(place, STEPS) if '"seal"' in file.read_text(errors="ignore"))
    record = json.loads(path.read_text())
    record["history"]["loss"][0] += 1.0
    path.write_text(json.dumps(record))
    with pytest.warns(UserWarning, match=r"step 12 .* is not whole .*was changed.*going on from that of step 9"):
        assert train(MAKERS["LSM1"](), windows, place) == finished[2]


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from([np.float32, np.int32, np.uint32, jnp.bfloat16, np.float16, np.int8]),
    st.lists(st.integers(1, 5), max_size=3),
    st.data(),
)
def test_a_fingerprint_changes_with_any_bit(dtype, shape, data):
    size = int(np.prod(shape, dtype=int))
    width = np.dtype(dtype).itemsize
    raw = np.random.default_rng(0).integers(0, 256, size * width, dtype=np.uint8)
    changed = raw.copy()
    at = data.draw(st.integers(0, len(raw) - 1))
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    first, second = (jax.device_put(one.view(dtype).reshape(shape)) for one in (raw, changed))
    one, two = _fingerprints({"a": first, "b": second}).values()
    assert one != two
    assert _fingerprints({"a": first})["a"] == one


RUN = """
    import sys
    import lsmlib
    from tests.test_checkpoints import MAKERS, data_of
    from tests.windows import small_windows
    import time
    import lsmlib.training
    before = lsmlib.training.StepHistory.on_train_batch_end
    def end(self, batch, logs=None):
        before(self, batch, logs)
        print(self.step, flush=True)
        time.sleep(0.02)
    lsmlib.training.StepHistory.on_train_batch_end = end
    folder, kind, steps = sys.argv[1:]
    windows = small_windows(rows=16)
    lsmlib.pretrain(MAKERS[kind](), data_of(kind, windows), steps=int(steps), batch_size=4, seed=2, progress=False,
                    checkpoint_dir=folder, checkpoint_every=3)
"""


def start(folder, kind="LSM1", steps=40):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(RUN), str(folder), kind, str(steps)],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def wait_for_step(process, step):
    for line in process.stdout:
        if line.strip() == str(step):
            return
    raise AssertionError("the training ended")


def test_sigterm_saves_the_step_and_ends_the_process(windows, tmp_path):
    process = start(tmp_path)
    wait_for_step(process, 7)
    process.send_signal(signal.SIGTERM)
    process.stdout.close()
    assert process.wait(60) == -signal.SIGTERM
    last = max(int(path.name) for path in tmp_path.iterdir())
    assert 7 <= last <= 9
    history = train(MAKERS["LSM1"](), windows, steps=40)
    assert train(MAKERS["LSM1"](), windows, tmp_path, steps=40) == history


@pytest.mark.parametrize(
    ("kind", "kills", "steps"),
    [
        ("LSM1", 2, 40),
        pytest.param("LSM1", 20, 220, marks=pytest.mark.long),
        pytest.param("LSM2", 20, 220, marks=pytest.mark.long),
        pytest.param("SensorLM", 20, 220, marks=pytest.mark.long),
    ],
)
def test_killed_and_taken_up_until_it_ends(kind, kills, steps, windows, tmp_path):
    """At steps, and at moments within or between them, that are drawn."""
    draw, step = random.Random(5), 0
    for _ in range(kills):
        process = start(tmp_path, kind, steps)
        step += draw.randrange(6, 11)
        wait_for_step(process, step)
        time.sleep(draw.uniform(0, 0.04))
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        process.wait(60)
        step = max((int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()), default=0)
    whole, model, data = MAKERS[kind](), MAKERS[kind](), data_of(kind, windows)
    history = train(whole, data, steps=steps)
    assert train(model, data, tmp_path, steps=steps) == history
    for ours, theirs in zip(state_of(model), state_of(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_folder_that_cannot_be_written_to(windows, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match=r"checkpoints cannot be written to .*file"):
        train(MAKERS["LSM1"](), windows, tmp_path / "file" / "run")


def test_a_full_disk_is_told_and_the_last_whole_checkpoint_remains(windows, tmp_path):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (15_000, 15_000))\nwindows = "
    code = textwrap.dedent(RUN).replace("windows = ", limit)
    assert limit in code
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "JAX_COMPILATION_CACHE_DIR": ""}
    command = [sys.executable, "-c", code, str(tmp_path), "LSM1", "40"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "no checkpoint could be written to" in done.stderr and "make room" in done.stderr


def test_no_checkpoint_to_load(finished, tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        lsmlib.load_checkpoint(MAKERS["LSM1"](), tmp_path / "none")
    with pytest.raises(ValueError, match="holds no checkpoint;"):
        lsmlib.load_checkpoint(MAKERS["LSM1"](), tmp_path)
    with pytest.raises(ValueError, match="holds no checkpoint that was evaluated: pass valid"):
        lsmlib.load_checkpoint(MAKERS["LSM1"](), finished[0], best=True)
    with pytest.raises(ValueError, match="holds another run: model augment is"):
        lsmlib.load_checkpoint(LSM1(SMALL, minutes=60), finished[0])


def test_too_little_memory_is_told(windows, tmp_path, monkeypatch):
    def fit(self, *arguments, **options):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes")

    monkeypatch.setattr(LSM1, "fit", fit)
    with pytest.raises(MemoryError, match=r"a step of 4 rows.*Lower batch_size.*Nothing was saved"):
        train(MAKERS["LSM1"](), windows)
    with pytest.raises(MemoryError, match=r"so far is in .*run"):
        train(MAKERS["LSM1"](), windows, tmp_path / "run")
