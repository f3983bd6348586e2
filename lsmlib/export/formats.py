"""The formats: which packages each needs, how it is written, and how it is loaded and run again to be checked.

Routes that were tried and are not taken: Keras writes no LiteRT from its JAX backend; TensorFlow's converter takes no
SavedModel of ``jax2tf`` with seed generators in it, ``tf2onnx`` none at all; ``jax2onnx`` works, and pins an Orbax that
is older than the one that checkpoints here need.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Run = Callable[[np.ndarray], np.ndarray]  # signals [b, t, s] to embeddings [b, w]
OPSET = 18  # of ONNX: of 2022, read by every runtime since


class Format(NamedTuple):
    """A format."""

    title: str
    suffix: str  # of its file; of SavedModel, a folder, none
    packages: dict[str, str]  # what to import, and what each is called where packages are installed from
    write: Callable[[Any, Path], None]  # a module of ``make_graph``
    load: Callable[[Path], Run]

    def absent(self) -> list[str]:
        """Packages that are not installed."""
        return [name for module, name in self.packages.items() if find_spec(module) is None]


def _write_savedmodel(module: Any, path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(module, str(path), signatures=module.embed.get_concrete_function())


def _load_savedmodel(path: Path) -> Run:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))  # held by the function: its variables live as long as it does
    return lambda signals: loaded.signatures["serving_default"](signals=tf.constant(signals))["embedding"].numpy()


def _write_litert(module: Any, path: Path) -> None:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.embed.get_concrete_function()], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    path.write_bytes(converter.convert())


def _load_litert(path: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner()
    return lambda signals: run(signals=signals)["embedding"]


def _write_onnx(module: Any, path: Path) -> None:
    import tf2onnx

    handlers = {"Erfc": (_write_erfc, []), "SelectV2": (_write_select, [])}
    tf2onnx.convert.from_function(
        module.embed, module.embed.input_signature, opset=OPSET, custom_op_handlers=handlers, output_path=str(path)
    )


def _write_erfc(context: Any, node: Any, name: str, arguments: Any) -> None:
    """TensorFlow computes GELU by erfc, which ONNX does not have: erfc(x) = 1 - erf(x)."""
    one = context.make_const(f"{node.name}/one", np.float32(1))
    erf = context.make_node("Erf", node.input)
    _replace(context, node, "Sub", [one.output[0], erf.output[0]])


def _write_select(context: Any, node: Any, name: str, arguments: Any) -> None:
    """By itself, tf2onnx multiplies both choices by zeros and ones and adds them up: the NaN of a gap would stay."""
    _replace(context, node, "Where", node.input)


def _replace(context: Any, node: Any, operation: str, inputs: list[str]) -> None:
    made = {"outputs": node.output, "name": node.name, "shapes": node.output_shapes, "dtypes": node.output_dtypes}
    context.remove_node(node.name)
    context.make_node(operation, inputs, **made)


def _load_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda signals: session.run(["embedding"], {"signals": signals})[0]


TENSORFLOW = {"tensorflow": "tensorflow"}
FORMATS = {
    "savedmodel": Format("SavedModel", "", TENSORFLOW, _write_savedmodel, _load_savedmodel),
    "litert": Format(
        "LiteRT", ".tflite", {**TENSORFLOW, "ai_edge_litert": "ai-edge-litert"}, _write_litert, _load_litert
    ),
    "onnx": Format(
        "ONNX", ".onnx", {**TENSORFLOW, "tf2onnx": "tf2onnx", "onnxruntime": "onnxruntime"}, _write_onnx, _load_onnx
    ),
}
