"""Models to files and back: whole files only, and only into the architecture that they came from."""

import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np

from lsmlib.distribution import gathered

SIGNATURE = "lsmlib_weights"  # where a file of weights holds the names and shapes of all of them, as JSON


class SavedModel(keras.Model):
    """A Keras model whose files name every weight with its shape, and are refused where these differ.

    Keras alone would load the first blocks of a deeper model into a shallower one without a word. And a first step that
    fails leaves the weights that it began with: Keras takes them out of the model for the time of training.
    """

    _taken: tuple[Any, ...] = ()  # values, while Keras has them

    def fit(self, *args: Any, **options: Any) -> Any:
        """Train as Keras does; if that fails, the model keeps its weights.

        Raises:
            ValueError: if it was compiled with a loss; these models have their own.
        """
        if getattr(self, "loss", None) is not None:
            raise ValueError(
                f"compiled with the loss {self.loss!r}; expected none, because {type(self).__name__} computes its own: "
                "model.compile(optimizer)"
            )
        try:
            return super().fit(*args, **options)
        except BaseException:
            for variable, value in zip(self._own_variables(), self._taken, strict=False):
                if variable._value is None and not value.is_deleted():
                    variable.assign(value)
            raise
        finally:
            self._taken = ()

    def _get_jax_state(self, **asked: bool) -> Any:
        if asked.get("purge_model_variables"):
            self._taken = tuple(variable._value for variable in self._own_variables())
        return super()._get_jax_state(**asked)

    def _own_variables(self) -> list[Any]:
        optimizer = self.optimizer.variables if getattr(self, "optimizer", None) is not None else []
        return [*self.trainable_variables, *self.non_trainable_variables, *optimizer, *self.metrics_variables]

    def save(self, filepath: str | Path, overwrite: bool = True, **options: Any) -> None:
        """Save as Keras does, but aside, and then put the whole file into place.

        Of several processes that train together, all must ask for it; the first writes.

        Raises:
            ValueError: if the file's name does not end in ``.keras``.
            FileExistsError: if the file exists and ``overwrite`` is False.
        """
        path = Path(filepath)
        if path.suffix != ".keras":
            raise ValueError(f"the file is {path.name!r}; expected a name that ends in .keras")
        aside = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}.keras")
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists; pass overwrite=True, or another name")
        with gathered(self):
            if jax.process_index():
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                super().save(aside, **options)
                aside.replace(path)
            finally:
                aside.unlink(missing_ok=True)

    def load_weights(self, filepath: str | Path, **options: Any) -> None:
        """Load weights as Keras does, all or none: Keras finds out what does not fit while it is loading."""
        before = [np.array(weight.value) for weight in self.weights]
        try:
            super().load_weights(filepath, **options)
        except Exception:
            for weight, value in zip(self.weights, before, strict=True):
                weight.assign(value)
            raise

    def save_own_variables(self, store: Any) -> None:
        """Write the names and shapes of all weights."""
        store[SIGNATURE] = np.frombuffer(json.dumps(self._signature()).encode(), np.uint8)

    def load_own_variables(self, store: Any) -> None:
        """Compare names and shapes in the file with those of this model.

        Raises:
            ValueError: if they differ, or the file has none.
        """
        if SIGNATURE not in store.keys():
            raise ValueError("the file does not say which weights it holds; expected one saved from a model of lsmlib")
        theirs = {name: tuple(shape) for name, shape in json.loads(bytes(np.asarray(store[SIGNATURE]))).items()}
        ours = {name: tuple(shape) for name, shape in self._signature().items()}
        if theirs == ours:
            return
        differ = [
            f"{name} is {theirs.get(name, 'absent')} in the file and {ours.get(name, 'absent')} in the model"
            for name in sorted(theirs.keys() | ours.keys())
            if theirs.get(name) != ours.get(name)
        ]
        raise ValueError(
            f"the file is of another architecture: {len(differ)} of {len(ours)} weights differ, among them "
            f"{'; '.join(differ[:3])}. Make the model with the size and patches it was saved with, or use "
            "lsmlib.load_model, which reads them from a .keras file"
        )

    def _signature(self) -> dict[str, list[int]]:
        """Shapes of all weights by name; the model's own name, which may be chosen, is left out."""
        return {weight.path.split("/", 1)[1]: list(weight.shape) for weight in self.weights}


def load_model(path: str | Path) -> keras.Model:
    """Load a model that ``model.save("….keras")`` wrote, with its weights, random state and optimizer.

    Nothing in the file is executed.

    Args:
        path: of the ``.keras`` file.

    Raises:
        ValueError: if there is no such file, it is cut off or none of lsmlib's models, or its weights do not fit.
    """
    import lsmlib.models.lsm1
    import lsmlib.models.lsm2
    import lsmlib.models.sensorlm
    import lsmlib.training  # noqa: F401  Keras finds classes that are registered, and importing registers them

    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}; expected one written by model.save('….keras')")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is cut off, or was never one; expected a file written by model.save('….keras')")
    model = keras.saving.load_model(path)
    if not isinstance(model, SavedModel):
        raise ValueError(f"{path} holds a {type(model).__name__}; expected a model of lsmlib. Use keras.saving")
    return model
