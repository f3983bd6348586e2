"""A program in a process of its own whose compiled code is fast: `make test` does not optimise, and some compute long.

LLVM's lowest level of optimisation gives programs as fast as its usual one, and takes three quarters of the time.
"""

import importlib
import os
import subprocess
import sys

import jax

FLAGS = "--xla_backend_optimization_level=1"
STAGES = ("_people", "_live", "_body", "_sensors", "_single", "_episodes")  # of the simulator, each a program


def run_optimised(program: str, *arguments: str) -> str:
    """Run a program in Python and give what it prints."""
    environment = {**os.environ, "XLA_FLAGS": FLAGS, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def optimise_simulator() -> None:
    """Let the simulator compile as in those programs: a block of days then takes a sixth of the time."""
    module, options = importlib.import_module("lsmlib.simulate"), {"xla_backend_optimization_level": 1}
    for name in STAGES:
        setattr(module, name, jax.jit(getattr(module, name).__wrapped__, compiler_options=options))
    record = jax.jit(module._record.__wrapped__, static_argnames=("names", "gaps"), compiler_options=options)
    module._record = record
