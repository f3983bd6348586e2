"""Records: what is known of each cell that has run, a row each, in one tidy Parquet table.

Each cell writes a file of its own, whole or not at all, because several machines may do so at once; the table,
``records.parquet``, is gathered from these files after each cell and can be made again at any time.
"""

import json
import os
import platform
import uuid
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import pandas as pd

from lsmlib.checkpoints import PACKAGES

TABLE = "records.parquet"
NEEDED = ("cell", "model", "size", "people", "days", "steps", "seed", "flops", "parameters", "hours", "versions")
ALIKE = {  # what has to be the same in all rows that are compared, and what to do if it is not
    "held_out": "they were judged on other people. Compare those of one held-out set",
    "tasks": "they were judged by other tasks. Compare those of one list of tasks",
    "versions": (
        "they were made with other versions. Run the older again, keep one: records[records['versions'] == …], or pass "
        "mixed_versions=True if you know that it makes no difference"
    ),
}


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write the record of a cell into the folder of a grid, and gather the table anew.

    Raises:
        ValueError: if the cell has a record already.
        OSError: if it cannot be written.
    """
    path = record_path(folder, record["cell"])
    if path.exists():
        raise ValueError(f"{record['cell']} has a record already, {path}; delete it to run the cell again")
    save_records(pd.DataFrame([record]), path)
    save_records(_gather(folder), folder / TABLE)


def read_records(place: str | Path, mixed_versions: bool = False) -> pd.DataFrame:
    """Read what cells have left: a row for each that has ended.

    Args:
        place: the folder of a grid, or a table ``….parquet``.
        mixed_versions: whether rows may come from different versions of lsmlib, JAX, Keras or NumPy.

    Returns:
        A tidy table: ``cell`` (its name), ``model``, ``size``, ``people``, ``days``, ``steps``, ``batch_size``,
        ``learning_rate``, ``seed``, ``minutes``; ``parameters``; ``rows`` and ``hours`` of recording it could learn
        from; ``hours_seen`` in all epochs; ``flops`` of the whole training, by formula; ``status`` (``"finished"`` or
        ``"diverged"``); ``train_loss`` (mean of the last tenth of steps), ``valid_loss``; ``random``,
        ``interpolation``, ``extrapolation``, ``sensors`` (MSE in sd² on held-out people, a mean over the tasks of a
        kind); ``probe_…``;
        ``seconds`` of training in the process that ended it, from step ``resumed_at``; ``hardware``, ``versions``,
        ``tasks``; ``held_out`` and ``train``, digests of whose days they were.

    Raises:
        ValueError: if there is none, it is no such table, a cell is there twice, or rows were judged differently.
    """
    place = Path(place)
    if place.is_dir():
        records = _gather(place)
    elif place.is_file():
        try:
            records = pd.read_parquet(place)
        except ValueError as error:  # as PyArrow calls it
            raise ValueError(
                f"{place} is no Parquet table ({error}); expected one of write_record. The columns of a table of your "
                "own go to fit_power_law as they are: fit_power_law(table['hours'], table['loss'])"
            ) from error
    else:
        raise ValueError(f"there is no {place}; expected the folder of a grid, or its {TABLE}")
    if records.empty:
        raise ValueError(f"{place} holds no record yet; run the grid first")
    return check_records(records, mixed_versions)


def check_records(records: pd.DataFrame, mixed_versions: bool = False) -> pd.DataFrame:
    """Check that the rows can be compared, and hand them back.

    Raises:
        ValueError: if a column is missing, a cell is there twice, or rows were judged differently or, unless
            ``mixed_versions``, made with different versions.
    """
    missing = [name for name in NEEDED if name not in records]
    if missing:
        raise ValueError(f"these are no records: they lack {', '.join(missing)}. Expected the table of read_records")
    double = records["cell"][records["cell"].duplicated()]
    if len(double):
        raise ValueError(
            f"{double.iloc[0]} is there more than once ({len(double)} rows too many): a cell counts once. Drop the "
            "others: records.drop_duplicates('cell')"
        )
    for column, advice in ALIKE.items():
        if column not in records or (column == "versions" and mixed_versions):
            continue
        kinds = records[column].value_counts()
        if len(kinds) > 1:
            shown = "; ".join(f"{count} rows with {kind}" for kind, count in kinds.items())
            raise ValueError(f"{column} differs between rows ({shown}): {advice}")
    return records


def finished(records: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The rows that finished, sorted by these columns; raises ``ValueError`` for a column that is not there."""
    missing = [name for name in columns if name not in records]
    if missing:
        raise ValueError(f"there is no column {missing[0]!r}; expected some of {', '.join(map(str, records.columns))}")
    kept = records[records["status"] == "finished"] if "status" in records else records
    return kept.sort_values(list(columns))


def record_path(folder: Path, cell: str) -> Path:
    """Where the record of a cell is, if it has run."""
    return folder / "records" / f"{cell}.parquet"


def describe_machine() -> dict[str, str]:
    """The columns ``hardware`` and ``versions``."""
    devices = jax.devices()
    versions = {package: metadata.version(package) for package in PACKAGES}
    return {
        "hardware": f"{devices[0].device_kind}, {len(devices)} device(s), {platform.machine()}, {os.cpu_count()} cores",
        "versions": json.dumps(versions, sort_keys=True),
    }


def _gather(folder: Path) -> pd.DataFrame:
    paths = sorted((folder / "records").glob("*.parquet"))
    parts = [pd.read_parquet(path) for path in paths]
    # a column that a part lacks, such as a probe added later, is NaN in its rows
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def save_records(table: pd.DataFrame, path: Path) -> None:
    """Write a table of records to ``path``, whole or not at all.

    Raises:
        OSError: if it cannot be written; then what was there is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        table.to_parquet(partial, index=False)
        with partial.open("rb") as opened:
            os.fsync(opened.fileno())
        partial.replace(path)
    except OSError as error:
        raise OSError(
            error.errno, f"{error.strerror or error}, while writing {path}; nothing was changed there"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
