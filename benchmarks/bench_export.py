"""Exported encoders against Keras: bytes, and milliseconds a row, one row at a time, as on a device.

    python benchmarks/bench_export.py            print the table
    python benchmarks/bench_export.py --write    also put it into benchmarks/README.md

Each model is exported to each format and loaded by that format's runtime, all in one process; ways take turns. A row is
a simulated day or window, of which half is missing, or one without a gap. Keras is ``model.embed`` without its checks:
the same packing on the host, and a compiled program. Times are medians over the turns.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from side_by_side import cpu_name

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- bench_export: begin -->", "<!-- bench_export: end -->"

TURNS = 9
MUST_BYTES, MUST_MILLISECONDS = 10e6, 100.0


def models() -> dict[str, tuple[Any, bool, tuple[int | None, ...]]]:
    """Models, whether they read windows, and for how many tokens there is room in their graphs."""
    import lsmlib

    return {
        "LSM-1 tiny (`lsm1_tiny_simulated`)": (lsmlib.load_preset("lsm1_tiny_simulated"), True, (None,)),
        "LSM-2 nano (`lsm2_nano_simulated`)": (lsmlib.load_preset("lsm2_nano_simulated"), False, (None, 2048)),
        "LSM-2 tiny, untrained": (lsmlib.LSM2("tiny"), False, (None, 2048, 1024)),
    }


def rows_of(model: Any, windows: bool) -> dict[str, Any]:
    """One complete, and one half of whose tokens are missing, as the model is given them."""
    from lsmlib.export.rows import as_windows, draw_rows
    from lsmlib.windows import fill_gaps

    complete, half = draw_rows(model.grid, None)[[0, 7]]
    return {"half": (half, as_windows(fill_gaps(half[None]) if windows else half[None])), "complete": (complete, as_windows(complete[None]))}
