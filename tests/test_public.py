"""The public face: every listed name is there, and importing the package is cheap."""

import os
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


def run_without_a_backend(code):
    """Run code where nobody has chosen a backend for Keras."""
    chosen = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=chosen)


def test_keras_computes_with_jax_when_nobody_chose():
    result = run_without_a_backend("import lsmlib, keras; print(keras.backend.backend())")
    assert result.stdout.strip() == "jax", result.stderr


def test_training_with_another_backend_is_refused():
    code = 'import os; os.environ["KERAS_BACKEND"] = "numpy"; import keras, lsmlib; lsmlib.pretrain(None, None)'
    result = run_without_a_backend(code)
    assert "RuntimeError: Keras computes with 'numpy' in this process" in result.stderr
    assert "import lsmlib before keras" in result.stderr
