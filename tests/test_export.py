"""Exported encoders, run by each format's own runtime, against the model: every kind of gap, and what is refused."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import lsmlib
from lsmlib.export import encoder, formats
from lsmlib.export.rows import draw_rows, embed_rows
from lsmlib.models.sizes import SensorLMSize, Size
from lsmlib.nn.patches import Grid
from lsmlib.nn.transformer import Stack
from tests.cohorts import small_signals

MINUTES = 120
ROOM = 120  # tokens, of 312; the rows below have 108, 129, 0, 222, 0 and 312
STACK = Stack(1, 16, 2, 32)
SIZE, SENSORLM = Size(STACK, STACK), SensorLMSize(STACK, STACK, STACK)
MAKE = {
    "lsm1": lambda: lsmlib.LSM1(SIZE, minutes=MINUTES, class_token=True, seed=1),
    "lsm2": lambda: lsmlib.LSM2(SIZE, minutes=MINUTES, seed=2),
    "sensorlm": lambda: lsmlib.SensorLM(SENSORLM, "clip", minutes=MINUTES, patch_minutes=20, seed=3),
    "filled": lambda: lsmlib.SensorLM(SENSORLM, "cap", minutes=MINUTES, gaps="filled", caption_queries=4, seed=4),
}
EXPORTS = {
    "lsm2, savedmodel": ("lsm2", "savedmodel", {}),
    "lsm1, litert": ("lsm1", "litert", {}),
    "lsm2, litert": ("lsm2", "litert", {"tokens": ROOM}),
    "sensorlm, litert": ("sensorlm", "litert", {}),
    "lsm2, onnx": ("lsm2", "onnx", {}),
    "lsm1, onnx": ("lsm1", "onnx", {}),
    "filled, savedmodel": ("filled", "savedmodel", {"batch_size": 2}),
}


# One process for all exports here: to import TensorFlow takes longer than any of them. And short times are enough.
SERVE = """
import sys
from pathlib import Path
from lsmlib.export import worker
worker.SECONDS = 0.05
for line in sys.stdin:
    worker.main(Path(line.strip()))
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def serve():
    """What may stand in for ``_run_worker``."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=encoder.worker_environment(),
    ) as process:  # fmt: skip

        def run(folder, form):
            print(folder, file=process.stdin, flush=True)
            assert any(line == "done\n" for line in iter(process.stdout.readline, ""))

        yield run
        process.stdin.close()


@pytest.fixture(scope="module")
def exported(tmp_path_factory, serve):
    """A function from a name of ``EXPORTS`` to its model, its report and how to run it; each is made once."""
    folder, models, made = tmp_path_factory.mktemp("exported"), {}, {}

    def export(name):
        if name not in made:
            kind, form, options = EXPORTS[name]
            model = models.setdefault(kind, MAKE[kind]())
            path = folder / f"{kind}{formats.FORMATS[form].suffix}"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(encoder, "_run_worker", serve)
                report = lsmlib.export_encoder(model, path, form, **options)
            made[name] = model, report, formats.FORMATS[form].load(path)
        return made[name]

    return export


@pytest.fixture(scope="module")
def rows():
    """Days [6, t, s] of other gaps than those that exports are checked with."""
    days = small_signals(6, seed=7, gaps=40)[:, 600 : 600 + MINUTES]
    days[4], days[5] = np.nan, small_signals(1, seed=8, gaps=0)[0, :MINUTES]
    assert 0.2 < np.isnan(days[:4]).mean() < 0.8
    return days


def one_by_one(run, rows):
    return np.concatenate([run(row[None]) for row in rows])


@pytest.mark.parametrize("name", EXPORTS)
def test_runtimes_give_what_the_model_gives(name, exported, rows):
    model, report, run = exported(name)
    expected = embed_rows(model, rows, EXPORTS[name][2].get("tokens"))
    size = report.inputs["signals"][0] or len(rows)
    found = np.concatenate([run(rows[first : first + size]) for first in range(0, len(rows), size)])
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)
    assert found.dtype == np.float32 and np.isfinite(found).all(axis=1).any()
    assert np.std(expected[~np.isnan(expected).any(axis=1)], axis=0).max() > 0.01  # rows are told apart
    assert report.path.exists() and 0 <= report.difference <= 1e-4
    assert report.inputs == {"signals": (report.inputs["signals"][0], MINUTES, 26)}
    assert report.outputs["embedding"][1] == found.shape[1]
    assert 0 < report.milliseconds < 1e4 and 0 < report.milliseconds_complete < 1e4


def test_the_size_is_that_of_the_encoder(exported):
    for name in EXPORTS:
        model, report, _ = exported(name)
        weights = sum(weight.value.nbytes for weight in encoder.exported_weights(model))
        files = [report.path] if report.path.is_file() else [file for file in report.path.rglob("*") if file.is_file()]
        assert report.bytes == sum(file.stat().st_size for file in files)
        assert weights < report.bytes < weights + 600_000
    assert not list(report.path.parent.glob(".*"))  # nothing is left beside them


@pytest.mark.parametrize("name", ["lsm2, savedmodel", "lsm2, onnx"])
def test_any_number_of_rows(name, exported, rows):
    _, report, run = exported(name)
    assert report.inputs["signals"][0] is None
    alone = one_by_one(run, rows)
    for count in (1, 2, 6):
        np.testing.assert_allclose(run(rows[:count]), alone[:count], atol=1e-5)


def test_what_cannot_be_read_changes_nothing(exported, rows):
    _, _, run = exported("lsm2, savedmodel")
    before = run(rows)
    # of a patch with a gap in it, this model reads nothing
    patch = rows[:4].reshape(4, -1, 10, 26)
    beside = (np.isnan(patch).any(axis=2, keepdims=True) & ~np.isnan(patch)).reshape(4, MINUTES, 26)
    assert beside.sum() > 20
    changed = rows.copy()
    changed[:4][beside] = 1.0
    np.testing.assert_array_equal(run(changed), before)
    # and a gap is a gap, whatever its bits
    odd = np.where(np.isnan(rows), np.uint32([0xFFC00123]).view(np.float32)[0], rows)
    assert (odd.view(np.uint32) != rows.view(np.uint32)).any()
    np.testing.assert_array_equal(run(odd), before)
    changed = rows.copy()
    changed[5, :30, 0] += 20.0
    assert np.abs(run(changed) - before)[5].max() > 1e-4


def test_more_tokens_than_there_is_room_for_give_nan(exported):
    model, report, run = exported("lsm2, litert")
    assert report.inputs["signals"] == (1, MINUTES, 26)
    checked = draw_rows(model.grid, ROOM)
    full, beyond = one_by_one(run, checked[7:9])
    np.testing.assert_allclose(full, embed_rows(model, checked[7:8], None)[0], atol=1e-4)
    assert np.isfinite(full).all() and np.isnan(beyond).all()
    assert np.isfinite(embed_rows(model, checked[8:9], None)).all()


def test_nothing_observed(exported):
    nothing = np.full((1, MINUTES, 26), np.nan, np.float32)
    assert (exported("lsm2, onnx")[2](nothing) == 0).all()
    vector = exported("sensorlm, litert")[2](nothing)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_rows_hold_every_kind_of_gap():
    grid = Grid(MINUTES, 26, 10, 1)
    checked = draw_rows(grid, 17)
    missing = np.isnan(checked)
    observed = ~grid.to_patches(missing).any(axis=2)
    assert 0.3 < missing[0].mean() < 0.7 and missing[1].all() and not missing[3].any()
    assert (~missing[2]).sum() == 1 and observed[7:].sum(axis=1).tolist() == [17, 18]
    np.testing.assert_array_equal(checked, draw_rows(grid, 17))


def test_a_difference_leaves_nothing(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(encoder, "_run_worker", serve)
    with pytest.raises(RuntimeError, match=r"LiteRT .* differs from model.embed by .*e-0[67]; expected 1e-12 at most"):
        lsmlib.export_encoder(MAKE["lsm1"](), tmp_path / "m.tflite", "litert", tolerance=1e-12)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    environment = {**encoder.worker_environment(), "KERAS_BACKEND": "absent"}
    monkeypatch.setattr(encoder, "worker_environment", lambda: environment)
    with pytest.raises(RuntimeError, match=r"(?s)exporting to SavedModel failed \(status 1\).*absent"):
        lsmlib.export_encoder(MAKE["lsm1"](), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_process_of_its_own(tmp_path):
    report = lsmlib.export_encoder(MAKE["lsm1"](), str(tmp_path / "deeper" / "m.tflite"), "litert")
    assert report.path == tmp_path / "deeper" / "m.tflite" and report.format == "litert"
    assert [path.name for path in report.path.parent.iterdir()] == ["m.tflite"]
    again = encoder.draw_rows(Grid(MINUTES, 26, 10, 5), None)
    found = one_by_one(formats.FORMATS["litert"].load(report.path), again)
    assert encoder.largest_difference(found, embed_rows(MAKE["lsm1"](), again, None)) <= 1e-4


def test_largest_difference():
    one = np.float32([[1, np.nan], [3, 4]])
    assert encoder.largest_difference(one, one + np.float32([[0, 0], [0, 0.5]])) == 0.5
    assert encoder.largest_difference(one, np.nan_to_num(one)) == np.inf
    assert encoder.largest_difference(one, one[:1]) == np.inf


def refused(match, model, path="m", *arguments, error=ValueError, **options):
    with pytest.raises(error, match=match):
        lsmlib.export_encoder(model, path, *arguments, **options)


def test_what_cannot_be_exported_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "_run_worker", lambda *arguments: pytest.fail("was started"))
    lsm1, lsm2, filled = (MAKE[kind]() for kind in ("lsm1", "lsm2", "filled"))
    refused("is a Sequential; expected an LSM1", keras.Sequential(), tmp_path / "m")
    refused("format is 'tflite'; expected 'savedmodel' or 'litert' or 'onnx'", lsm1, tmp_path / "m", "tflite")
    refused("reads 3 signals; expected the 26", lsmlib.LSM2("nano", minutes=60, signals=3), tmp_path / "m")
    refused(r"computes in bfloat16.*set_weights", lsmlib.LSM1("nano", dtype="mixed_bfloat16"), tmp_path / "m")
    refused("'m.onnx'; expected a name that ends in .tflite", lsm1, tmp_path / "m.onnx", "litert")
    refused("batch_size is 0", lsm1, tmp_path / "m", batch_size=0)
    refused("tokens is 313; expected a whole number, 1 to 312", lsm2, tmp_path / "m", tokens=313)
    for model in (lsm1, filled):
        refused("fills gaps and reads every token; expected None", model, tmp_path / "m", tokens=5)
    (tmp_path / "there").mkdir()
    refused("there exists; remove it", lsm1, tmp_path / "there", error=FileExistsError)
    monkeypatch.setattr(formats, "find_spec", lambda module: None if module == "tf2onnx" else module)
    refused(r"ONNX needs tf2onnx, .*lsmlib\[export\]", lsm1, tmp_path / "m.onnx", "onnx", error=ImportError)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_tensorflow_is_left_to_the_other_process():
    program = "import sys, lsmlib; lsmlib.export_encoder; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    command = [sys.executable, "-c", program]
    root = Path(lsmlib.__file__).parents[1]
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout.split() == [
        "False", "True",
    ]  # fmt: skip
