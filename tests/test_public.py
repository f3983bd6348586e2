"""The public face: every listed name is there, and importing the package is cheap."""

import subprocess
import sys
import types

import lsmlib


def test_every_public_name_can_be_had():
    for name in lsmlib.__all__:
        assert getattr(lsmlib, name) is not None


def test_public_functions_and_classes_are_documented():
    for name in lsmlib.__all__:
        value = getattr(lsmlib, name)
        if isinstance(value, types.ModuleType | types.FunctionType | type):
            assert value.__doc__, f"lsmlib.{name} has no docstring"


def test_import_loads_nothing_heavy():
    heavy = "jax", "keras", "tensorflow", "xarray", "matplotlib"
    code = f"import sys, lsmlib; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
