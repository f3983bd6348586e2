"""Running a model over more rows than fit at once."""

from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np
from tqdm.auto import tqdm


def run_in_batches(
    function: Callable[[Any, dict[str, Any]], Any], model: keras.Model, inputs: dict[str, np.ndarray], batch_size: int
) -> np.ndarray:
    """Apply ``function(model, inputs)``, which must not change the model, to rows of ``inputs``; float32 ``[rows, …]``.

    Every batch has the same number of rows, the last one padded with copies of its own rows, so one program is
    compiled for all.
    """
    rows = len(next(iter(inputs.values())))
    batch_size = min(batch_size, rows)
    program = _compiled(function, model)
    state = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]
    results = []
    for start in tqdm(range(0, rows, batch_size), desc=function.__name__.strip("_"), leave=False, disable=rows <= 512):
        taken = np.minimum(np.arange(start, start + batch_size), rows - 1)
        result = program(*state, {name: values[taken] for name, values in inputs.items()})
        results.append(keras.ops.convert_to_numpy(result))
    return np.concatenate(results)[:rows].astype(np.float32, copy=False)


def _compiled(function: Callable[[Any, dict[str, Any]], Any], model: keras.Model) -> Callable[..., Any]:
    """The program, compiled once for each model and function."""
    programs = model.__dict__.setdefault("_programs", {})
    if function not in programs:

        def program(trainable: list[Any], fixed: list[Any], inputs: dict[str, Any]) -> Any:
            variables = [*model.trainable_variables, *model.non_trainable_variables]
            values = [*trainable, *fixed]
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function(model, inputs)

        programs[function] = jax.jit(program) if keras.backend.backend() == "jax" else program
    return programs[function]
