"""Several devices and several processes give the numbers of one; what is said to be split is split.

Devices and processes must be set before JAX starts, so the trainings run in processes of their own
(``tests/train_distributed.py``), and the tests look at what these wrote down.
"""

import json
import os
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

import lsmlib
from lsmlib import distribution
from lsmlib.models.sizes import LSM1_SIZES, LSM2_SIZES, Size, count_parameters
from lsmlib.nn.transformer import Stack
from lsmlib.packing import pack_days
from tests.train_distributed import BATCH, STEPS

NANO = LSM1_SIZES["nano"]


def start(folder, name, runs, devices, *arguments, **variables):
    several = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    flags = {"XLA_FLAGS": several, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "tests.train_distributed", str(folder / f"{name}.json"), ",".join(runs)]
    with (folder / f"{name}.log").open("w") as log:
        return subprocess.Popen(
            [*command, *map(str, arguments)], env={**os.environ, **flags, **variables}, stdout=log, stderr=log
        )


def finish(folder, processes):
    """What they wrote down. JAX keeps a process that has joined others from being terminated, but not from a kill."""
    try:
        for name, process in processes.items():
            assert process.wait(timeout=400) == 0, (folder / f"{name}.log").read_text()[-3000:]
    finally:
        for process in processes.values():
            process.kill()
    return [json.loads((folder / f"{name}.json").read_text()) for name in processes]


def free_port():
    """A port that nobody listens on, among the last 4,096: of these JAX takes the one that Slurm's job number says."""
    for port in np.random.default_rng().permutation(np.arange(61440, 65536)).tolist():
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no port is free")


@pytest.fixture(scope="module")
def devices(tmp_path_factory):
    """The same trainings on one device, and on eight in both ways."""
    folder = tmp_path_factory.mktemp("devices")
    eight = [f"{model}-{choice}" for model in ("lsm1", "lsm2") for choice in ("data", "sharded")]
    processes = {
        "one": start(folder, "one", ["lsm1-none", "lsm2-none"], 1),
        "eight": start(folder, "eight", eight, 8),
    }
    one, many = finish(folder, processes)
    return one | many


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Two processes of two devices each train together, as Slurm would start them; and the files that they wrote."""
    folder = tmp_path_factory.mktemp("processes")
    runs, slurm = ["lsm1-data", "lsm2-sharded"], {"SLURM_JOB_ID": str(free_port() - 61440)}
    slurm |= {"SLURM_STEP_NODELIST": "127.0.0.1", "SLURM_NTASKS": "2", "SLURM_STEP_NUM_NODES": "1"}
    started = {
        str(i): start(folder, i, runs, 2, "auto", SLURM_PROCID=str(i), SLURM_LOCALID=str(i), **slurm) for i in (0, 1)
    }
    return finish(folder, started), folder


@pytest.mark.parametrize("choice", ["data", "sharded"])
@pytest.mark.parametrize("model", ["lsm1", "lsm2"])
def test_eight_devices_give_the_numbers_of_one(devices, model, choice):
    one, eight = devices[f"{model}-none"], devices[f"{model}-{choice}"]
    assert len(one["loss"]) == STEPS and one["loss"][-1] < 0.9 * one["loss"][0]
    np.testing.assert_allclose(eight["loss"], one["loss"], rtol=1e-5)
    np.testing.assert_allclose(eight["valid"], one["valid"], rtol=1e-5)


def test_no_device_attends_for_another(devices):
    """On CPUs a loop runs over the rows; each device's must run over its own, to which nothing needs to be sent."""
    text = devices["lsm2-data"]["attention"]
    assert "f32[4," in text  # 16 rows of two heads, on eight devices
    assert not [word for word in ("all-gather", "all-reduce", "all-to-all", "permute") if word in text]


def test_it_is_said_what_is_in_use(devices):
    assert devices["lsm1-none"]["says"] == (
        "1 of 1 devices, cpu (cpu), in 1 processes; distribution 'none'; attention kernel 'blocked' in float32"
    )
    says = devices["lsm2-sharded"]["says"]
    assert says.startswith("8 of 8 devices") and "'sharded'" in says and says.endswith("packing 'exact'")
    assert "distribution 'data'" in devices["lsm2-data"]["says"]


@pytest.mark.parametrize("model", ["lsm1", "lsm2"])
def test_each_device_holds_what_is_said(devices, model):
    whole = devices[f"{model}-data"]["parts"]
    assert all(shape == part for shape, part in whole.values())
    split = devices[f"{model}-sharded"]["parts"]
    matrices = {path: sizes for path, sizes in split.items() if "kernel" in path}
    assert (
        sum("kernel_momentum" in path for path in matrices) == sum("kernel_velocity" in path for path in matrices) > 8
    )
    for path, (shape, part) in split.items():
        assert np.prod(part) * (8 if path in matrices else 1) == np.prod(shape), path
    held, all_of_them = (sum(np.prod(sizes[i]) for sizes in split.values()) for i in (1, 0))
    assert held < all_of_them / 5  # 1/8 but for biases and norms, which are many in models as small as these


@pytest.mark.processes
def test_two_processes_give_the_numbers_of_one(devices, processes):
    (first, second), _ = processes
    for run, model in (("lsm1-data", "lsm1"), ("lsm2-sharded", "lsm2")):
        assert first[run]["loss"] == second[run]["loss"] and first[run]["valid"] == second[run]["valid"]
        np.testing.assert_allclose(first[run]["loss"], devices[f"{model}-none"]["loss"], rtol=1e-5)
        np.testing.assert_allclose(first[run]["valid"], devices[f"{model}-none"]["valid"], rtol=1e-5)
        assert "4 of 4 devices" in first[run]["says"] and "in 2 processes" in first[run]["says"]
    shape, part = first["lsm2-sharded"]["parts"]["lsm2/encoder/transformer/block_0/mlp_in/kernel"]
    assert part == [shape[0], shape[1] // 4]


@pytest.mark.processes
def test_each_process_reads_its_share_in_rows_that_all_know(processes):
    (first, second), _ = processes
    places = [[set(batch) for batch in one["lsm2-sharded"]["read"]] for one in (first, second)]
    for one in places:
        assert all(len(batch) == BATCH // 2 for batch in one)
    ours, theirs = (set().union(*batches) for batches in places)
    assert not ours & theirs and ours | theirs >= set(range(STEPS * BATCH))
    # 156 tokens, of which every mask hides at least 78; two rows of four days each, up to a multiple of 128
    expected = [[2, 384, 10, 2, 640]]
    assert first["lsm2-sharded"]["shapes"] == second["lsm2-sharded"]["shapes"] == expected


@pytest.mark.processes
def test_the_first_of_two_processes_writes_and_the_file_is_whole(devices, processes):
    (first, _), folder = processes
    for run, rows in (("lsm1-data", STEPS), ("lsm2-sharded", STEPS)):
        saved = lsmlib.load_model(folder / f"{run}.keras")
        kept = saved.optimizer.variables
        assert len((folder / run / "log.csv").read_text().splitlines()) == rows + 1
        assert int(saved.optimizer.iterations) == STEPS and all(np.isfinite(v.numpy()).all() for v in kept)
        assert {v.path: list(v.shape) for v in saved.variables} == {
            path: sizes[0] for path, sizes in first[run]["parts"].items() if not path.startswith("adam")
        }
    assert sorted(path.suffix for path in folder.glob("*.keras")) == [".keras"] * 2


def test_rows_for_any_day_hold_the_same_days():
    draw = np.random.default_rng(0)
    patches = draw.standard_normal((4, 156, 10)).astype(np.float32)
    kind = draw.integers(0, 3, (4, 156)) * (draw.random((4, 1)) < 0.8)
    short = pack_days(patches, kind == 1, kind == 2, 2)
    long = pack_days(patches, kind == 1, kind == 2, 2, longest=(300, 280))
    assert long["values"].shape == long["target"].shape == (2, 640, 10)
    for name, values in short.items():
        beyond = long[name][:, values.shape[1] :]
        np.testing.assert_array_equal(long[name][:, : values.shape[1]], values)
        assert (beyond == (-1 if name == "source" else 0)).all()


def test_parameters_are_counted():
    for size, model in ((NANO, lsmlib.LSM1("nano")), (LSM2_SIZES["tiny"], lsmlib.LSM2("tiny"))):
        assert 0 <= model.count_params() / count_parameters(size) - 1 < 0.08
    assert count_parameters(LSM1_SIZES["base"]) == pytest.approx(110.7e6, rel=0.01)
    assert count_parameters(LSM1_SIZES["large"]) == pytest.approx(328.1e6, rel=0.01)


@pytest.mark.parametrize(("memory", "chosen"), [(10e9, "ModelParallel"), (11e9, "DataParallel")])
def test_the_choice_is_by_size_and_memory(monkeypatch, memory, chosen):
    """LSM-1 large: 16 bytes for each of 328 million parameters are 5.2 GB."""
    made = []
    monkeypatch.setattr(distribution, "_device_memory", lambda: memory)
    monkeypatch.setattr(distribution.jax, "device_count", lambda: 8)
    monkeypatch.setattr(distribution, "_split", lambda size, count: None)
    for name in ("DataParallel", "ModelParallel"):
        monkeypatch.setattr(keras.distribution, name, lambda name=name, **options: made.append(name))
    lsmlib.distribute(LSM1_SIZES["large"], 64)
    lsmlib.distribute(NANO, 64)
    assert made == [chosen, "DataParallel"]


def test_one_device_needs_no_distribution(monkeypatch):
    monkeypatch.setattr(distribution.jax, "device_count", lambda: 1)
    for choice in ("auto", "data", "sharded", "none"):
        assert lsmlib.distribute(NANO, 7, choice) is None and keras.distribution.distribution() is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((NANO, 16, "fsdp"), "choice is 'fsdp'; expected one of 'auto', 'data', 'sharded', 'none'"),
        ((NANO, 12), "batch_size is 12; expected a multiple of the 8 devices"),
        ((NANO, 0), "batch_size is 0"),
        ((NANO, 16, "auto", "gpu"), "device is 'gpu', but JAX computes on 'cpu' here"),
        ((NANO, 16, "auto", "cuda"), "device is 'cuda'; expected None or one of 'cpu', 'gpu', 'tpu'"),
        ((Size(Stack(1, 20, 2, 64), Stack(1, 16, 2, 32)), 16, "sharded"), "cannot be split among 8 devices"),
    ],
)
def test_refusals(monkeypatch, arguments, words):
    monkeypatch.setattr(distribution.jax, "device_count", lambda: 8)
    with pytest.raises(ValueError, match=words):
        lsmlib.distribute(*arguments)


def test_a_cpu_that_was_asked_for_beside_a_gpu(monkeypatch):
    monkeypatch.setattr(distribution.jax, "default_backend", lambda: "gpu")
    with pytest.raises(ValueError, match=r"computes on 'gpu' here.*JAX_PLATFORMS=cpu"):
        lsmlib.distribute(NANO, 16, device="cpu")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("10.0.0.1:80", 2, None), "expected all three"),
        (("10.0.0.1:80", 2, 2), "index is 2; expected a whole number, 0 to 1"),
    ],
)
def test_processes_that_cannot_be_joined(arguments, words):
    with pytest.raises(ValueError, match=words):
        lsmlib.join_processes(*arguments)


def test_no_cluster_is_known_here():
    """From the command, and in a process in which JAX has not begun."""
    command = [sys.executable, "-m", "lsmlib.pretrain", "--model", "lsm2", "--data", "none.zarr", "--cluster", "auto"]
    known = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "OMPI_", "TPU_"))}
    run = subprocess.run(command, env=known, capture_output=True, text=True)
    assert run.returncode == 2 and "JAX cannot tell which processes belong together" in run.stderr
    assert "Traceback" not in run.stderr
