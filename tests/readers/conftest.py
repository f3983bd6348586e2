"""Recordings of people, where somebody has put them beside the repository; they are not part of it."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings: ``LSMLIB_REAL_DATA``, or ``../shared/data/real`` beside the repository."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"
    folder = Path(os.environ.get("LSMLIB_REAL_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no recordings of people in {folder}; set LSMLIB_REAL_DATA to where they are")
    return folder
