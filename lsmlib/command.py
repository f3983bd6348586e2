"""The command ``python -m lsmlib.pretrain``: ``lsmlib.pretrain`` for machines without a notebook, one process a host.

It adds nothing to what a notebook would do: open a Cohort, split off people, make a model, train it, save it.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import lsmlib

EXAMPLES = """
one machine, all of its devices:
  python -m lsmlib.pretrain --model lsm2 --size base --data cohort.zarr --steps 10000 --save lsm2.keras

a TPU VM pod, the same command on every host; JAX finds the others by itself:
  gcloud compute tpus tpu-vm ssh NAME --zone ZONE --worker=all --command "
    python -m lsmlib.pretrain --cluster auto --device tpu --dtype mixed_bfloat16 --model lsm2 --size base
      --data gs://BUCKET/cohort.zarr --steps 100000 --batch-size 512 --log-dir run --save lsm2.keras"

Slurm, a task for each GPU (sbatch this file):
  #!/bin/bash
  #SBATCH --nodes=4 --ntasks-per-node=8 --gpus-per-node=8 --cpus-per-task=8
  srun python -m lsmlib.pretrain --cluster auto --device gpu --dtype mixed_bfloat16 --model lsm1 --size large \\
    --data /shared/windows.zarr --steps 100000 --batch-size 4096 --log-dir /shared/run --save /shared/lsm1.keras

two processes that nothing else brings together; the second likewise with --process 1:
  python -m lsmlib.pretrain --cluster 10.0.0.1:8476 --processes 2 --process 0 --model lsm2 --data cohort.zarr

Every process runs the same command with the same seed, reads its own part of every batch, and must reach the data;
--batch-size counts rows over all of them. Only the first process writes. LSM-1's windows are cut by every process for
itself, from all days: with many processes, cut them once, lsmlib.save_cohort(lsmlib.cut_windows(cohort), FILE), and
give these as --data.
"""


def make_parser() -> argparse.ArgumentParser:
    """All options of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m lsmlib.pretrain",
        description="Train LSM-1 or LSM-2 on a saved Cohort, without labels, on one device or many hosts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", required=True, choices=["lsm1", "lsm2"])
    add("--size", default="tiny", help="nano, tiny, small, base, or for lsm1 large (default: tiny)")
    add("--data", required=True, help="a Cohort, or windows, from save_cohort: a path, gs://… or s3://…")
    add("--valid", help="likewise, of other people; without it a tenth of the people is split off by split_people")
    add("--minutes", type=int, help="lsm1: length of the windows that are cut from days (default: 300)")
    add("--stride", type=int, help="lsm1: minutes from one window's start to the next (default: as --minutes)")
    add("--steps", type=int, default=1000, help="batches to learn from (default: 1000)")
    add("--batch-size", type=int, default=64, help="rows of a batch, all processes together (default: 64)")
    add("--seed", type=int, default=0, help="of weights, masks and the order of rows (default: 0)")
    add("--learning-rate", type=float, default=1e-3, help="at its peak (default: 1e-3)")
    add("--dtype", default="float32", help="float32, or mixed_bfloat16 for accelerators (default: float32)")
    add("--log-dir", help="folder for log.csv and TensorBoard's files")
    add("--checkpoint-dir", help="folder to go on from after an interruption")
    add("--checkpoint-every", type=int, help="steps between two checkpoints")
    add("--accumulate", type=int, default=1, help="batches read before weights change once (default: 1)")
    add("--rematerialise", action="store_true", help="less memory, a third more work")
    add("--data-on-device", choices=["float32", "float16", "bfloat16"], help="keep all rows there, as such numbers")
    add("--save", metavar="FILE.keras", help="where to put the trained model")
    add("--distribution", default="auto", help="auto, data, sharded or none; see lsmlib.distribute (default: auto)")
    add("--device", choices=["cpu", "gpu", "tpu"], help="stop unless JAX computes there (default: what it finds)")
    add("--cluster", metavar="auto|HOST:PORT", help="train together with other processes; auto: on TPU pods and Slurm")
    add("--processes", type=int, metavar="N", help="with --cluster HOST:PORT: how many there are")
    add("--process", type=int, metavar="I", help="with --cluster HOST:PORT: which one this is, from 0 on")
    return parser


def main(argv: Sequence[str] | None = None) -> dict[str, list[float]]:
    """Run the command; the arguments are the process's own by default. What ``lsmlib.pretrain`` returns is returned."""
    parser = make_parser()
    args = parser.parse_args(argv)
    lsmlib.nn.keep_freed_memory()  # before there are threads
    if args.checkpoint_every and not args.checkpoint_dir:
        parser.error("--checkpoint-every needs --checkpoint-dir")
    try:
        _start(args)
        model, train, valid = _make(args)
    except ValueError as error:
        parser.error(str(error))
    import jax

    speaks = jax.process_index() == 0
    if speaks:
        print(f"{args.model} {args.size}, {train.sizes['day']} rows", flush=True)
    history = lsmlib.pretrain(
        model, train, steps=args.steps, batch_size=args.batch_size, seed=args.seed, learning_rate=args.learning_rate,
        valid=valid, log_dir=args.log_dir, checkpoint_dir=args.checkpoint_dir,
        checkpoint_every=args.checkpoint_every, accumulate=args.accumulate, rematerialise=args.rematerialise,
        data_on_device=args.data_on_device,
    )  # fmt: skip
    if args.save:
        model.save(args.save)
    if speaks:
        print(f"loss {history['loss'][-1]:.4f}, on other people {history['valid_loss'][-1]:.4f}", flush=True)
    return history


def _start(args: argparse.Namespace) -> None:
    """Processes, devices and their distribution: all that must stand before the model is made."""
    import jax

    from lsmlib.models.sizes import LSM1_SIZES, LSM2_SIZES, size_of

    if args.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    if args.cluster == "auto" and (args.processes, args.process) == (None, None):
        lsmlib.join_processes()
    elif (args.cluster, args.processes, args.process) != (None, None, None):
        lsmlib.join_processes(args.cluster, args.processes, args.process)
    size = size_of(args.size, LSM1_SIZES if args.model == "lsm1" else LSM2_SIZES)
    lsmlib.distribute(size, args.batch_size, args.distribution, args.device)


def _make(args: argparse.Namespace) -> tuple[Any, Any, Any]:
    """The model, and what it learns from and is evaluated on."""
    train = lsmlib.open_cohort(args.data)
    if args.valid:
        valid = lsmlib.open_cohort(args.valid)
    else:
        train, valid = lsmlib.split_people(train, (0.9, 0.1))  # the same people whatever --seed
    if args.model == "lsm1":
        train, valid = (_cut(cohort, args.minutes, args.stride) for cohort in (train, valid))
        return lsmlib.LSM1(args.size, minutes=train.sizes["minute"], seed=args.seed, dtype=args.dtype), train, valid
    if (args.minutes, args.stride) != (None, None):
        raise ValueError("--minutes and --stride cut windows for lsm1; lsm2 reads days as they are")
    return lsmlib.LSM2(args.size, minutes=train.sizes["minute"], seed=args.seed, dtype=args.dtype), train, valid


def _cut(cohort: Any, minutes: int | None, stride: int | None) -> Any:
    if "start_minute" in cohort.variables and (minutes, stride) == (None, None):
        return cohort
    return lsmlib.cut_windows(cohort, minutes=300 if minutes is None else minutes, stride=stride)
