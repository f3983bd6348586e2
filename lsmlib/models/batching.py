"""Running a model over more rows than fit at once."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import keras
import numpy as np
from tqdm.auto import tqdm

from lsmlib.distribution import to_host


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
    state = _state(model)
    results = []
    for taken in _batches(np.arange(rows), batch_size, function):
        result = program(*state, {name: values[taken] for name, values in inputs.items()})
        results.append(to_host(result))
    return np.concatenate(results)[:rows].astype(np.float32, copy=False)


def run_in_packs(
    function: Callable[[Any, dict[str, Any]], Any],
    model: keras.Model,
    pack: Callable[[np.ndarray], dict[str, np.ndarray]],
    counts: np.ndarray,
    batch_size: int,
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]]:
    """Apply ``function(model, inputs)`` to days of different lengths, those of similar length together.

    Args:
        function: must not change the model.
        model: whose weights to use.
        pack: makes inputs from days' numbers.
        counts: the length of each day, ``[d]``.
        batch_size: days at once.

    Yields:
        Numbers of days, the inputs made from them, and the result. The last pack is as large as the others: what it
        has beyond its days are copies.
    """
    program, state = _compiled(function, model), _state(model)
    order = np.argsort(counts, kind="stable")
    batch_size = min(batch_size, len(order))
    for start, taken in enumerate(_batches(order, batch_size, function)):
        inputs = pack(taken)
        yield order[start * batch_size :][:batch_size], inputs, to_host(program(*state, inputs))


def _batches(rows: np.ndarray, size: int, function: Callable[..., Any]) -> Iterator[np.ndarray]:
    """``size`` of the rows at a time, the last filled up with its last row; a bar shows where it takes long."""
    starts = range(0, len(rows), size)
    for start in tqdm(starts, desc=function.__name__.strip("_"), leave=False, disable=len(rows) <= 512):
        yield rows[np.minimum(np.arange(start, start + size), len(rows) - 1)]


def _state(model: keras.Model) -> tuple[list[Any], list[Any]]:
    return [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]


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
