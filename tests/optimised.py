"""A program in a process of its own whose compiled code is fast: `make test` does not optimise, and some compute long.

LLVM's lowest level of optimisation gives programs as fast as its usual one, and takes three quarters of the time.
"""

import os
import subprocess
import sys

FLAGS = "--xla_backend_optimization_level=1"


def run_optimised(program: str, *arguments: str) -> str:
    """Run a program in Python and give what it prints."""
    environment = {**os.environ, "XLA_FLAGS": FLAGS, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout
