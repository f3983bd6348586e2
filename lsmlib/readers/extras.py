"""What devices give by the minute beside the 26 signals. No model reads it; people do."""

from typing import NamedTuple

from lsmlib.signals import SIGNALS


class Extra(NamedTuple):
    """A per-minute variable beside the 26 signals, kept because the device gives it."""

    unit: str
    low: float
    high: float
    meaning: str


# Each becomes a variable float32 [d, t] of the Cohort, NaN at gaps.
EXTRAS = {
    "counts": Extra("counts/min", 0, 1_000_000, "activity counts of an actigraph; their scale is the device's own"),
    "intensity": Extra("level", 0, 3, "0 sedentary, 1 lightly, 2 fairly, 3 very active"),
    "calories": Extra("kcal/min", 0, 50, "energy spent, as the device estimates it"),
    "standing": Extra("fraction", 0, 1, "share of the minute spent standing"),
    "sitting": Extra("fraction", 0, 1, "share of the minute spent sitting"),
    "lying": Extra("fraction", 0, 1, "share of the minute spent lying"),
    "mets": Extra("MET", 0, 40, "metabolic equivalents, as the device estimates them"),
}
RANGES = {signal.name: (signal.low, signal.high, signal.unit) for signal in SIGNALS} | {
    name: (extra.low, extra.high, extra.unit) for name, extra in EXTRAS.items()
}
