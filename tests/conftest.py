"""Settings that hold for every test; they must stand before anything imports Keras or matplotlib."""

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("MPLBACKEND", "agg")
# as in the Makefile: the simulator takes 20 seconds to compile, and processes that tests start compile it again
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).resolve().parents[1] / "build" / "jax-cache"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import pytest
from hypothesis import settings

from tests.optimised import optimise_simulator

# the first example of a property pays for JAX's compilation, so no deadline; the same examples in every run
settings.register_profile("lsmlib", deadline=None, derandomize=True)
settings.load_profile("lsmlib")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers begin with notebooks: a long test that came last would keep one of them, and the others idle."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: item.get_closest_marker("notebook") is None)


@pytest.fixture(scope="session", autouse=True)
def optimised_simulator() -> None:
    """Many tests simulate, and some long."""
    optimise_simulator()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Recordings of people: LSMLIB_DATA (`make test DATA=folder`), or beside the repository; without, tests skip."""
    folder = Path(os.environ.get("LSMLIB_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data" / "real")
    if not folder.is_dir():
        pytest.skip("no recordings of people here: `make test DATA=folder`, see lsmlib.datasets")
    return folder
