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
    for start in _starts(rows, batch_size, function):
        taken = np.minimum(np.arange(start, start + batch_size), rows - 1)
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
        pack: makes inputs from days' numbers; -1 stands for no day, see ``take_days``.
        counts: the length of each day, ``[d]``.
        batch_size: days at once.

    Yields:
        Numbers of days, the inputs made from them, and the result. Packs are of ``batch_size`` days, or of the next
        power of two where there are fewer, so that few programs are compiled; what a pack has beyond its days is no
        day.
    """
    program, state = _compiled(function, model), _state(model)
    order = np.argsort(counts, kind="stable")
    batch_size = min(batch_size, 1 << (len(order) - 1).bit_length())
    for start in _starts(len(order), batch_size, function):
        days = order[start : start + batch_size]
        inputs = pack(np.pad(days, (0, batch_size - len(days)), constant_values=-1))
        yield days, inputs, to_host(program(*state, inputs))


def take_days(values: np.ndarray, days: np.ndarray) -> np.ndarray:
    """These days of ``[d, …]``; NaN, or False, where one is -1: nothing is observed there, so it costs nothing."""
    taken = values[days]
    taken[days < 0] = False if taken.dtype == bool else np.nan
    return taken


def _starts(rows: int, size: int, function: Callable[..., Any]) -> Any:
    """Of each batch; a bar shows where it takes long."""
    return tqdm(range(0, rows, size), desc=function.__name__.strip("_"), leave=False, disable=rows <= 512)


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
