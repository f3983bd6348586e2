"""What is watched and written down while a model trains, as Keras callbacks."""

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from lsmlib.distribution import to_host

SNAPSHOT_STEPS = 100  # how often weights are set aside in case the loss stops being a number


class StepHistory(keras.callbacks.Callback):
    """One entry a step; Keras' own History has one an epoch.

    It never asks for the model at a step: Keras would then bring all its variables up to date, which takes as long as a
    small model's step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, list[float]] = {"loss": [], "learning_rate": []}

    @property
    def step(self) -> int:
        """Steps made so far."""
        return len(self.logs["loss"])

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Take the schedule of ``make_optimizer``."""
        self.schedule = self.model.optimizer.schedule

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Note the loss of this step, and the rate that the next one will have."""
        self.logs["loss"].append(float((logs or {})["step_loss"]))
        self.logs["learning_rate"].append(float(self.schedule(self.step)))


class Validation(keras.callbacks.Callback):
    """The loss on other people's windows, every so many steps and after the last."""

    def __init__(self, valid: xr.Dataset, every: int, steps: int, history: StepHistory) -> None:
        super().__init__()
        self.valid, self.every, self.steps, self.history = valid, every, steps, history
        history.logs |= {"valid_step": [], "valid_loss": []}

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Evaluate when it is time."""
        step, logged = self.history.step, self.history.logs
        if step % self.every == 0 or step == self.steps:
            logged["valid_step"].append(step)
            logged["valid_loss"].append(self.model.validation_loss(self.valid))


class StopIfNotFinite(keras.callbacks.Callback):
    """Ends a training whose loss is no number any more, with the last finite weights."""

    def __init__(self, history: StepHistory, log_dir: str | Path | None) -> None:
        super().__init__()
        self.history, self.log_dir, self.saved_step = history, log_dir, 0
        self.saved: list[np.ndarray] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Set the first weights aside."""
        self.saved_step, self.saved = self.history.step, self._copy()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the loss; set weights aside from time to time.

        Raises:
            FloatingPointError: if the loss is not finite.
        """
        step, loss = self.history.step, (logs or {})["step_loss"]
        if not np.isfinite(loss):
            self._stop(loss)
        if step % SNAPSHOT_STEPS == 0:
            values = self._copy()
            if all(np.isfinite(value).all() for value in values):
                self.saved, self.saved_step = values, step

    def _copy(self) -> list[np.ndarray]:
        return [np.array(to_host(variable.value)) for variable in self.model.variables]

    def _stop(self, loss: float) -> None:
        model = self.model
        for variable, value in zip(model.variables, self.saved, strict=True):
            variable.assign(value)
        where = ""
        if self.log_dir is not None:
            Path(self.log_dir).mkdir(parents=True, exist_ok=True)
            path = Path(self.log_dir) / f"last_finite_step_{self.saved_step}.keras"
            model.save(path)
            where = f", and saved to {path}"
        raise FloatingPointError(
            f"the loss is {loss} at step {self.history.step}. The model is back at step {self.saved_step}{where}. "
            "Look for NaN or infinities in the windows; otherwise lower learning_rate"
        )


class LogFiles(keras.callbacks.Callback):
    """``log.csv``, TensorBoard's files, and pictures of what the model fills in, if it does."""

    def __init__(self, log_dir: str | Path, history: StepHistory, examples: xr.Dataset | None) -> None:
        from tensorboardX import SummaryWriter

        super().__init__()
        self.folder, self.history, self.examples = Path(log_dir), history, examples
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = (self.folder / "log.csv").open("w", newline="")
        self.csv = csv.DictWriter(self.file, ["step", "loss", "learning_rate", "valid_loss"])
        self.csv.writeheader()
        self._write_earlier_rows()
        self.board = SummaryWriter(str(self.folder), purge_step=history.step + 1)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Write this step's row, and a picture if it was evaluated."""
        step, logged = self.history.step, self.history.logs
        row: dict[str, Any] = {"loss": logged["loss"][-1], "learning_rate": logged["learning_rate"][-1]}
        if logged.get("valid_step", [])[-1:] == [step]:
            row["valid_loss"] = logged["valid_loss"][-1]
            self._draw(step)
        for name, value in row.items():
            self.board.add_scalar(name, value, step)
        self.csv.writerow({"step": step, **row})
        self.file.flush()

    def close(self) -> None:
        """Close the files."""
        self.file.close()
        self.board.close()

    def _write_earlier_rows(self) -> None:
        """Those of a training that was taken up again: later ones, which it had written, are made anew."""
        logged = self.history.logs
        evaluated = dict(zip(logged.get("valid_step", []), logged.get("valid_loss", []), strict=True))
        for step, row in enumerate(zip(logged["loss"], logged["learning_rate"], strict=True), start=1):
            self.csv.writerow(dict(zip(self.csv.fieldnames, (step, *row, evaluated.get(step, "")), strict=True)))

    def _draw(self, step: int) -> None:
        from lsmlib.plots_models import plot_reconstruction

        if self.examples is None or not hasattr(self.model, "reconstruct"):
            return
        figure = plot_reconstruction(self.model, self.examples)
        figure.savefig(self.folder / f"reconstruction_{step:06d}.png")
        self.board.add_figure("reconstruction", figure, step)


class ProgressBar(keras.callbacks.Callback):
    """A bar with the loss of late, smoothed over about twenty steps."""

    def __init__(self, steps: int, history: StepHistory) -> None:
        super().__init__()
        self.bar = tqdm(total=steps, initial=history.step, desc="pretrain", unit="step")
        self.history, self.smooth = history, float("nan")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move on."""
        loss = self.history.logs["loss"][-1]
        self.smooth = loss if np.isnan(self.smooth) else 0.95 * self.smooth + 0.05 * loss
        self.bar.update()
        self.bar.set_postfix(loss=f"{self.smooth:.4f}", refresh=False)

    def close(self) -> None:
        """Close the bar."""
        self.bar.close()
