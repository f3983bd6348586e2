"""The command ``python -m lsmlib.report COHORT FOLDER``."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str] | None = None) -> Path:
    """Open a saved Cohort and write the report about it; what ``lsmlib.report`` returns is returned."""
    parser = argparse.ArgumentParser(
        prog="python -m lsmlib.report",
        description="Write one HTML page about a Cohort: its gaps, imputed days, how far to trust them, captions.",
    )
    add = parser.add_argument
    add("cohort", help="a Cohort from save_cohort: a path, gs://… or s3://…")
    add("folder", help="where report.html goes; made if it is not there")
    add("--model", default="lsm2_nano_simulated", help="a preset, or a .keras file (default: lsm2_nano_simulated)")
    add("--title", default="", help="above the page")
    add("--days", type=int, default=40, help="at most so many days are looked at (default: 40)")
    add("--seed", type=int, default=0, help="of the choice of days and of what is hidden (default: 0)")
    args = parser.parse_args(argv)
    os.environ.setdefault("KERAS_BACKEND", "jax")  # before anything imports Keras
    import lsmlib

    try:
        model = lsmlib.load_model(args.model) if args.model.endswith(".keras") else args.model
        path = lsmlib.reporting.report(
            lsmlib.open_cohort(args.cohort), args.folder, model=model, title=args.title, days=args.days, seed=args.seed
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(path)
    return path
