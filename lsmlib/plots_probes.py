"""Figures of what an embedding knows: scores with intervals, curves over labels, confusions, maps.

Methods and classes differ in colour and in marker, so that the figures can be read without colours.
"""

from collections.abc import Iterator, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from lsmlib.evaluate.metrics import Predictions
from lsmlib.plots import MARKS, _shown_once

MAPS = ("t-SNE", "PCA")


def plot_scores(table: pd.DataFrame, metric: str, chance: float | None = None) -> Figure:
    """One metric of each task and method as a dot with its interval.

    Args:
        table: of ``lsmlib.evaluate.probe_table``.
        metric: one of its metrics; tasks without it are left out.
        chance: where to draw a dotted line.

    Raises:
        ValueError: if the table does not have the metric.
    """
    rows = _of_metric(table, metric)
    tasks, methods = rows["task"].unique().tolist(), rows["method"].unique().tolist()
    figure, axes = plt.subplots(figsize=(8, 0.7 + 0.22 * len(rows) + 0.15 * len(tasks)), layout="constrained")
    step = 0.8 / len(methods)
    for number, (method, colour, mark) in enumerate(_styles(methods)):
        of_method = rows[rows["method"] == method]
        height = np.array([tasks.index(task) for task in of_method["task"]]) + (number - (len(methods) - 1) / 2) * step
        value, low, high = (of_method[name].to_numpy() for name in ("value", "low", "high"))
        axes.hlines(height, low, high, color=colour, lw=2)
        axes.plot(value, height, mark, color=colour, label=method)
    if chance is not None:
        axes.axvline(chance, color="0.5", ls=":", zorder=0)
    axes.set_yticks(range(len(tasks)), [task.replace("_", " ") for task in tasks])
    axes.invert_yaxis()
    axes.set(xlabel=f"{metric} (95 % interval over people{', dotted: chance' if chance is not None else ''})")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return _shown_once(figure)


def plot_few_shot(scores: pd.DataFrame, metric: str, chance: float | None = None) -> Figure:
    """One metric over labelled windows a class: a line a method through its means, a small point a draw.

    Args:
        scores: of ``lsmlib.evaluate.few_shot``.
        metric: one of its metrics.
        chance: where to draw a dotted line.

    Raises:
        ValueError: if the table does not have the metric.
    """
    rows = _of_metric(scores, metric)
    methods = rows["method"].unique().tolist()
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for method, colour, mark in _styles(methods):
        draws = rows[rows["method"] == method]
        mean = draws.groupby("shots")["value"].mean()
        axes.plot(mean.index, mean, f"{mark}-", color=colour, label=method)
        axes.scatter(draws["shots"], draws["value"], s=12, color=colour, marker=mark, alpha=0.6, lw=0)
    if chance is not None:
        axes.axhline(chance, color="0.5", ls=":", zorder=0)
    shots = sorted(rows["shots"].unique())
    axes.set_xscale("log")
    axes.set_xticks(shots, [str(number) for number in shots])
    axes.minorticks_off()
    notes = "mean; points: draws" + ("; dotted: chance" if chance is not None else "")
    axes.set(xlabel="labelled windows a class", ylabel=f"{metric} ({notes})")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return _shown_once(figure)


def plot_confusion(predictions: Predictions) -> Figure:
    """Which class was taken for which: shares of each true class, in per cent, and how many rows it has.

    Raises:
        ValueError: if the predictions are numbers.
    """
    if not len(predictions.classes):
        raise ValueError("these predictions are numbers; expected classes")
    names = [str(name) for name in predictions.classes]
    truth = np.searchsorted(predictions.classes, predictions.truth)
    count = np.zeros((len(names), len(names)), int)
    np.add.at(count, (truth, predictions.scores.argmax(axis=1)), 1)
    rows = count.sum(axis=1)
    share = 100 * count / np.maximum(rows, 1)[:, None]
    side = 2.5 + 0.42 * len(names)
    figure, axes = plt.subplots(figsize=(side + 1, side), layout="constrained")
    words = np.where(share >= 0.5, np.char.mod("%.0f", share), "")
    labelled = [f"{name} ({number})" for name, number in zip(names, rows, strict=True)]
    bar = {"label": "% of the true class", "shrink": 0.6}
    sns.heatmap(
        share, ax=axes, annot=words, fmt="", vmin=0, vmax=100, cmap="Blues", square=True, linewidths=0.5,
        xticklabels=names, yticklabels=labelled, cbar_kws=bar,
    )  # fmt: skip
    axes.set(xlabel="taken for", ylabel="true class (rows)")
    return _shown_once(figure)


def plot_embedding(embedding: np.ndarray, labels: np.ndarray, method: str = "t-SNE", seed: int = 0) -> Figure:
    """Embeddings in two dimensions, a colour and a marker a class; rows without a class are left out.

    Distances between clusters of t-SNE (van der Maaten and Hinton, 2008) mean nothing, neighbours do; PCA is a
    projection.

    Args:
        embedding: ``[d, w]``, standardised here.
        labels: ``[d]`` names of classes, ``""`` where unknown.
        method: ``"t-SNE"`` or ``"PCA"``.
        seed: of t-SNE.

    Raises:
        ValueError: if shapes do not agree, the method is another, or fewer than four rows have a class.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import StandardScaler

    if method not in MAPS:
        raise ValueError(f"method is {method!r}; expected one of {MAPS}")
    if len(embedding) != len(labels):
        raise ValueError(f"{len(embedding)} embeddings and {len(labels)} labels; expected as many")
    known = labels != ""
    if known.sum() < 4:
        raise ValueError(f"{known.sum()} rows have a class; expected at least 4")
    x = StandardScaler().fit_transform(embedding[known])
    if method == "PCA":
        places = PCA(2).fit_transform(x)
    else:
        places = TSNE(perplexity=min(30, (len(x) - 1) / 3), init="pca", random_state=seed).fit_transform(x)
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    classes = np.unique(labels[known]).tolist()
    for one, colour, mark in _styles(classes, "husl"):
        of_class = labels[known] == one
        axes.plot(*places[of_class].T, mark, color=colour, label=f"{one} ({of_class.sum()})", ms=4, mew=0)
    axes.set(xticks=[], yticks=[], xlabel=f"{method}, first dimension", ylabel="second dimension")
    figure.legend(loc="outside right upper", frameon=False, markerscale=2)
    return _shown_once(figure)


def plot_robustness(table: pd.DataFrame, metric: str = "macro F1") -> Figure:
    """A panel a task: scores with this or that taken away, with intervals; dotted lines with nothing taken.

    Args:
        table: of ``lsmlib.evaluate.robustness_table``.
        metric: one of its metrics.

    Raises:
        ValueError: if the table does not have the metric.
    """
    rows = _of_metric(table, metric)
    tasks, embedders = rows["task"].unique().tolist(), rows["embedder"].unique().tolist()
    settings = [setting for setting in rows["setting"].unique() if setting != "nothing"]
    figure, panels = plt.subplots(
        1, len(tasks), figsize=(2 + 3 * len(tasks), 1.2 + 0.36 * len(settings)), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axes, task in zip(panels[0], tasks, strict=True):
        for number, (embedder, colour, mark) in enumerate(_styles(embedders)):
            own = rows[(rows["task"] == task) & (rows["embedder"] == embedder)].set_index("setting")
            axes.axvline(own["value"]["nothing"], color=colour, ls=":", zorder=0, label=f"{embedder}, nothing taken")
            left = own.loc[settings]
            height = np.arange(len(settings)) + (number - (len(embedders) - 1) / 2) * 0.8 / len(embedders)
            axes.hlines(height, left["low"], left["high"], color=colour, lw=2)
            axes.plot(left["value"], height, mark, color=colour, ms=4, label=embedder)
        if metric == "AUROC":
            axes.axvline(0.5, color="0.6", lw=0.8, zorder=-1, label="chance")
        axes.set_title(task.replace("_", " "), loc="left", fontsize=10)
        axes.set(xlabel=metric, yticks=range(len(settings)))
    panels[0, 0].set_yticklabels(settings)
    panels[0, 0].set_ylabel("taken away")
    panels[0, 0].invert_yaxis()
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return _shown_once(figure)


def _styles(names: Sequence[str], palette: str = "deep") -> Iterator[tuple[str, tuple[float, ...], str]]:
    """Each name with its colour and marker."""
    colours = sns.color_palette(palette, len(names))
    for at, (name, colour) in enumerate(zip(names, colours, strict=True)):
        yield name, colour, MARKS[at % len(MARKS)]


def _of_metric(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = table[table["metric"] == metric]
    if rows.empty:
        raise ValueError(f"no row has metric {metric!r}; expected one of {table['metric'].unique().tolist()}")
    return rows
