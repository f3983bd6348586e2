"""Days of any number of tokens, laid one after another in rows: nothing that is masked takes part, and hardly padding.

A token that is masked is attended by none and its vector is thrown away, so an encoder without it gives the same
numbers (``LSM2``). What then remains of each day is uneven: 150 tokens, or 1,500. Here the days of a batch become a few
rows, each of several stretches (``lsmlib.nn.attention``), padded only at a row's end, up to one of a few lengths, since
JAX compiles anew for every length that it meets, which takes as long as some ten steps.
"""

from typing import Any

import jax
import numpy as np

GRAIN = 128  # lengths are multiples of it


def pack_days(
    patches: np.ndarray,
    visible: np.ndarray,
    asked: np.ndarray,
    rows: int,
    longest: tuple[int, int] | None = None,
) -> dict[str, np.ndarray]:
    """Lay out days for an encoder that reads what is visible, and a decoder that reads this and is asked for more.

    Args:
        patches: normalised values float32 ``[b, n, cells]``, NaN where missing.
        visible: tokens for the encoder, bool ``[b, n]``.
        asked: tokens to predict, bool ``[b, n]``; none of them visible.
        rows: ``r``; ``b`` is a multiple of it, and each row holds ``d = b / r`` days, in their order.
        longest: see ``plan_days``.

    Returns:
        What ``plan_days`` gives; for the encoder, ``values`` float32 ``[r, k, cells]`` with zeros for NaN; for the
        decoder, ``target`` float32 ``[r, m, cells]``, and ``scored`` bool ``[r, m, cells]``, where what is asked for
        is known.
    """
    return fill_rows(patches, plan_days(visible, asked, rows, longest))


def plan_days(
    visible: np.ndarray, asked: np.ndarray, rows: int, longest: tuple[int, int] | None = None
) -> dict[str, np.ndarray]:
    """Where every token of ``pack_days`` goes, without its values: what can be known where these are not at hand.

    Args:
        visible: tokens for the encoder, bool ``[b, n]``.
        asked: tokens to predict, bool ``[b, n]``; none of them visible.
        rows: ``r``.
        longest: how many tokens any day can have for the encoder, and for the decoder. Rows are then long enough for
            ``d`` such days, whatever these days hold, so that processes that lay out different days agree on it.

    Returns:
        For the encoder, ``number`` int32 ``[r, k]`` (which token it is) and ``lengths`` int32 ``[r, d]`` (how many
        tokens a day has). For the decoder, which reads each day's visible tokens and then those asked for: ``decoded``
        int32 ``[r, m]`` (which token), ``source`` int32 ``[r, m]`` (its place among the encoder's; -1: asked for), and
        ``decoded_lengths`` int32 ``[r, d]``.
    """
    plan, at = plan_visible(visible, rows, longest and longest[0])
    day, number = np.nonzero(visible | asked)
    order = np.argsort(2 * day + asked[day, number], kind="stable")
    day, number = day[order], number[order]
    row, place, lengths = _places(day, len(visible), rows)
    m = _row_length(lengths, longest and longest[1])
    plan |= {
        "decoded": np.zeros((rows, m), np.int32),
        "source": np.full((rows, m), -1, np.int32),
        "decoded_lengths": lengths,
    }
    plan["decoded"][row, place] = number
    plan["source"][row, place] = at[day, number]
    return plan


def plan_visible(
    visible: np.ndarray, rows: int, longest: int | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """For an encoder alone: ``number`` and ``lengths`` of ``plan_days``, and where tokens are.

    Returns:
        The two, and the place of each token in its row, int32 ``[b, n]``; -1 where it is not visible.
    """
    days, tokens = visible.shape
    if days % rows:
        raise ValueError(f"{days} days cannot be laid out in {rows} rows; expected a multiple of {rows}")
    day, number = np.nonzero(visible)
    row, place, lengths = _places(day, days, rows)
    plan = {"number": np.zeros((rows, _row_length(lengths, longest)), np.int32), "lengths": lengths}
    plan["number"][row, place] = number
    at = np.full((days, tokens), -1, np.int32)
    at[day, number] = place
    return plan, at


def fill_rows(patches: np.ndarray, plan: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A plan with the values of its days ``[b, n, cells]``: ``values``, and for a decoder ``target`` and ``scored``."""

    def take(number: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        taken = np.full((*number.shape, patches.shape[2]), np.nan, np.float32)
        row, place, day = stretches(lengths)
        taken[row, place] = patches[day, number[row, place]]
        return taken

    filled = {**plan, "values": np.nan_to_num(take(plan["number"], plan["lengths"]), copy=False, nan=0.0)}
    if "decoded" in plan:
        target = take(plan["decoded"], plan["decoded_lengths"])
        filled["scored"] = ~np.isnan(target) & (plan["source"] < 0)[:, :, None]
        filled["target"] = np.nan_to_num(target, copy=False, nan=0.0)
    return filled


def unpack_days(packed: dict[str, np.ndarray], values: np.ndarray, tokens: int) -> np.ndarray:
    """Bring what the decoder gave, ``[r, m, …]``, back to its days and tokens: ``[b, n, …]``, NaN for other tokens."""
    lengths = packed["decoded_lengths"]
    row, place, day = stretches(lengths)
    result = np.full((lengths.size, tokens, *values.shape[2:]), np.nan, np.float32)
    result[day, packed["decoded"][row, place]] = values[row, place]
    return result


def stretches(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, place in the row and day of every token of stretches ``[r, d]``, one after another."""
    day = np.repeat(np.arange(lengths.size), lengths.ravel())
    row, place, _ = _places(day, lengths.size, len(lengths))
    return row, place, day


def rows_for(days: int) -> int:
    """How many rows to lay ``days`` out in, on the devices of this process.

    One a device on CPUs, whose attention takes each stretch as long as it is; one a day on others, whose kernels know
    the length of a row but not of several stretches in it.
    """
    if jax.default_backend() != "cpu":
        return days
    return next(rows for rows in range(min(jax.local_device_count(), days), 0, -1) if days % rows == 0)


def round_up(count: int, several_days: bool) -> int:
    """The smallest length for ``count`` tokens: a multiple of ``GRAIN``, or of a quarter of a power of two.

    In a row of several days, of ``4 * GRAIN`` or of half a power of two: sums of days vary more, and would come to more
    lengths, while padding there takes no part in attention.
    """
    least, parts = (4 * GRAIN, 2) if several_days else (GRAIN, 3)
    step = max(least, 2 ** max(int(count).bit_length() - parts, 0))
    return max(-(-count // step) * step, least)


def _row_length(lengths: np.ndarray, longest: int | None) -> int:
    """For the fullest of these rows, lengths of days ``[r, d]``; or for ``d`` days of ``longest`` tokens."""
    days = lengths.shape[1]
    if longest is None:
        return round_up(int(lengths.sum(axis=1).max(initial=0)), days > 1)
    return -(-days * longest // GRAIN) * GRAIN


def _places(day: np.ndarray, days: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and place of each token, given its day in ascending order; and lengths ``[r, d]``."""
    lengths: Any = np.bincount(day, minlength=days).astype(np.int32).reshape(rows, -1)
    row = day // lengths.shape[1]
    first = np.concatenate([[0], np.cumsum(lengths.sum(axis=1))])[row]
    return row, np.arange(len(day)) - first, lengths
