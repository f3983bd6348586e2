"""Linear probes: what can be read from features of windows by the simplest of models, judged on other people.

A learner is a function ``(train, labels, test) → scores``: the rows to learn from ``[n]``, their labels ``[n]``, the
rows to predict ``[m]``; it returns numbers ``[m]``, or scores ``[m, c]`` of the classes in sorted order. Probes,
fine-tuned and supervised models are all learners, so one judge serves for all.

A ``Prepare`` fits what rows are read through before the linear model sees them: it takes features ``[n, w]`` of which
labels are not asked, and returns an object with ``transform``, such as a fitted pipeline of scikit-learn.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.evaluate.metrics import Predictions, score_predictions
from lsmlib.evaluate.pooling import average_people, is_known
from lsmlib.evaluate.tasks import find_task, label_windows

try:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits
except ImportError as error:
    raise ImportError("probes need scikit-learn: pip install 'lsmlib[notebooks]'") from error

Learner = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Prepare = Callable[[np.ndarray], Any]

FOLDS = 5
INNER_FOLDS = 3  # of the training people, to choose the penalty
PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0)  # squared weights of standardised features, against summed losses


def standardise(features: np.ndarray) -> StandardScaler:
    """The usual ``Prepare``: each column by its mean and deviation."""
    return StandardScaler().fit(features)


def probe_table(
    features: Mapping[str, np.ndarray],
    windows: xr.Dataset,
    tasks: Sequence[str],
    seed: int = 0,
    pool: str = "mean",
    prepare: Prepare = standardise,
) -> pd.DataFrame:
    """Probe several feature matrices for several tasks, beside a control whose labels are shuffled.

    For a task that belongs to people (age, sex, …) features are pooled over a person's windows, and a person is scored
    once. The control probes the first matrix for labels that were dealt out anew among rows: what it scores above
    chance is a fault of the procedure.

    Args:
        features: name to ``[d, w]``: embeddings of a model, of one with random weights, hand-made features, …
        windows: the windows ``[d]`` they were computed from; best from people the models were not trained on.
        tasks: names of ``LABEL_TASKS``.
        seed: of folds, shuffling and resamples.
        pool: how a person's windows become one vector; see ``pool_people``.
        prepare: as in ``linear_probe``.

    Returns:
        A row for each task, method and metric; columns ``task, method, metric, value, low, high, rows, people,
        classes``: what ``score_predictions`` returns, how many rows and people were scored, and how many classes there
        are (0: a number).

    Raises:
        ValueError: as ``linear_probe`` does, and for an unknown task.
    """
    if not features:
        raise ValueError("features is empty; expected at least one name and matrix [d, w]")
    tables = []
    for task in tasks:
        labels, of_person = label_windows(windows, task), find_task(task).of == "person"
        for name, matrix in {**features, "shuffled labels": next(iter(features.values()))}.items():
            shuffle = name == "shuffled labels"
            rows = matrix, labels, windows["person"].values
            found = _probe_task(*(average_people(*rows, pool) if of_person else rows), shuffle, seed, prepare)
            scores = score_predictions(found, seed=seed).reset_index()
            sizes = {"rows": len(found.truth), "people": len(set(found.people)), "classes": len(found.classes)}
            tables.append(scores.assign(task=task, method=name, **sizes))
    table = pd.concat(tables, ignore_index=True)
    return table[["task", "method", "metric", "value", "low", "high", "rows", "people", "classes"]]


def linear_probe(
    features: np.ndarray, labels: np.ndarray, people: np.ndarray, seed: int = 0, prepare: Prepare = standardise
) -> Predictions:
    """Predict each row by a linear model that was fitted on other people.

    Five folds over people. Features are standardised on the training people; logistic regression for classes, ridge
    regression for numbers; the penalty of squared weights is the one of ``PENALTIES`` that does best in three folds
    over the training people. Test people take part in none of this.

    Args:
        features: ``[d, w]``, finite.
        labels: ``[d]``: names of classes, ``""`` where unknown; or floats, NaN where unknown. Unknown rows are left
            out.
        people: ``[d]`` whose rows they are.
        seed: of the folds.
        prepare: fitted on the training people in place of standardising.

    Returns:
        The predictions of the rows ``[n]`` with a known label, in their order.

    Raises:
        ValueError: if shapes do not agree, a feature is not finite, there are fewer than two classes, or a class is
            known for fewer than 5 people.
    """
    known = is_known(labels)
    features, labels, people = np.asarray(features)[known], np.asarray(labels)[known], np.asarray(people)[known]
    return cross_predict(linear_learner(features, people, seed=seed, prepare=prepare), labels, people, seed)


def linear_learner(
    features: np.ndarray,
    people: np.ndarray,
    penalty: float | None = None,
    seed: int = 0,
    prepare: Prepare = standardise,
) -> Learner:
    """The learner of ``linear_probe`` on ``features [d, w]``, with this penalty, or one that is chosen (``None``).

    Features are standardised, or what ``prepare`` does, over all rows that are not to be predicted: that needs no
    labels, and the spread of a handful of labelled rows is no measure.
    """
    features = np.asarray(features, np.float32)
    if features.ndim != 2 or len(features) != len(people):
        raise ValueError(f"features have shape {features.shape}; expected [d, w] with d = {len(people)}, as people")
    if not np.isfinite(features).all():
        rows, columns = np.nonzero(~np.isfinite(features))
        raise ValueError(
            f"{len(rows)} features are NaN or infinite, the first in row {rows[0]}, column {columns[0]}; fill them, or "
            "leave such rows or columns out"
        )

    def learn(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
        seen = np.ones(len(features), bool)
        seen[test] = False
        return fit_probe(prepare(features[seen]), features[train], labels, people[train], penalty, seed)(features[test])

    return learn


def fit_probe(
    prepared: Any,
    features: np.ndarray,
    labels: np.ndarray,
    people: np.ndarray,
    penalty: float | None = None,
    seed: int = 0,
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit a linear model once, to predict any rows with it afterwards.

    Args:
        prepared: fitted already, with a ``transform``: what a ``Prepare`` gives.
        features: to learn from ``[n, w]``.
        labels: theirs ``[n]``.
        people: theirs ``[n]``, among whom the penalty is chosen.
        penalty: of squared weights; ``None``: chosen as ``linear_probe`` says.
        seed: of the folds in which it is chosen.

    Returns:
        A function from features ``[m, w]`` to numbers ``[m]``, or to scores ``[m, c]`` of the classes, sorted.
    """
    with threadpool_limits(1):  # matrices this small: threads wait for each other 20 times longer than they work
        # in float32 the solver's line search can run out of digits on a few dozen rows
        x = prepared.transform(np.asarray(features, np.float64))
        chosen = _choose_penalty(x, labels, people, seed) if penalty is None else penalty
        model = linear_model(labels, chosen).fit(x, labels)
    return lambda rows: _predict(model, prepared.transform(rows))


def cross_predict(learner: Learner, labels: np.ndarray, people: np.ndarray, seed: int = 0) -> Predictions:
    """Predict each row by a learner that saw other people only, in five folds.

    Args:
        learner: see the module.
        labels: ``[n]``, all known: names of classes, or numbers.
        people: ``[n]``.
        seed: of the folds: of classes, each fold has about the same share of each.

    Raises:
        ValueError: if there are too few people, of any class or altogether, or fewer than two classes.
    """
    classes = check_labels(labels, people)
    scores = np.full((len(labels), len(classes)) if len(classes) else len(labels), np.nan)
    for train, test in split_folds(labels, people, FOLDS, seed):
        found = learner(train, labels[train], test)
        if found.shape != scores[test].shape:
            missing = sorted(set(classes) - set(labels[train]))
            raise ValueError(
                f"the learner returned {found.shape}; expected {scores[test].shape}. Classes that no training person "
                f"has: {missing}"
            )
        scores[test] = found
    return Predictions(labels, scores, people, classes)


def split_folds(
    labels: np.ndarray, people: np.ndarray, folds: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and rows to test on, no person in both, for each of some folds."""
    splitter = (StratifiedGroupKFold if labels.dtype.kind == "U" else GroupKFold)(
        folds, shuffle=True, random_state=seed
    )
    return splitter.split(np.zeros(len(labels)), labels, people)


def drop_rare_classes(labels: np.ndarray, people: np.ndarray, least: int = FOLDS) -> np.ndarray:
    """Labels ``[d]`` with classes that fewer than ``least`` people have made unknown (``""``)."""
    names, kind = np.unique(labels, return_inverse=True)
    owners = np.array([len(set(people[kind == at])) for at in range(len(names))])
    return np.where(owners[kind] >= least, labels, "")


def check_labels(labels: np.ndarray, people: np.ndarray) -> np.ndarray:
    """The sorted classes of labels ``[n]``, none for numbers. Raises ``ValueError`` where nothing can be learned."""
    if labels.ndim != 1 or len(labels) != len(people):
        raise ValueError(f"labels have shape {labels.shape}; expected ({len(people)},), as people")
    if labels.dtype.kind not in "Uf" or not is_known(labels).all():
        raise ValueError(
            f"labels are {labels.dtype} with {(~is_known(labels)).sum()} unknown; expected text or floats, all known"
            if labels.dtype.kind in "Uf"
            else f"labels are {labels.dtype}; expected names of classes as text, or floats"
        )
    if len(set(people)) < FOLDS:
        raise ValueError(f"{len(set(people))} people have a known label; expected at least {FOLDS}, one a fold")
    if labels.dtype.kind == "f":
        return np.array([], np.str_)
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(f"there is one class only, {str(classes[0])!r}; expected at least two to tell apart")
    rare = {str(one): len(set(people[labels == one])) for one in classes}
    rare = {one: number for one, number in rare.items() if number < FOLDS}
    if rare:
        raise ValueError(
            f"too few people for {FOLDS} folds (class: people): {rare}. Use more people, or leave such classes out "
            "with lsmlib.evaluate.drop_rare_classes(labels, people)"
        )
    return classes


def linear_model(labels: np.ndarray, penalty: float) -> LogisticRegression | Ridge:
    """Logistic regression for names of classes, ridge regression for numbers; not fitted yet."""
    return LogisticRegression(C=1 / penalty, max_iter=2000) if labels.dtype.kind == "U" else Ridge(alpha=penalty)


def _probe_task(
    features: np.ndarray, labels: np.ndarray, people: np.ndarray, shuffle: bool, seed: int, prepare: Prepare
) -> Predictions:
    known = is_known(labels)
    features, labels, people = features[known], labels[known], people[known]
    labels = np.random.default_rng(seed).permutation(labels) if shuffle else labels
    return linear_probe(features, labels, people, seed, prepare)


def _predict(model: LogisticRegression | Ridge, x: np.ndarray) -> np.ndarray:
    return model.predict_proba(x) if isinstance(model, LogisticRegression) else model.predict(x)


def _choose_penalty(x: np.ndarray, labels: np.ndarray, people: np.ndarray, seed: int) -> float:
    """The penalty with the least loss on people that were left out of a fit, over three folds."""
    # not folds by class: a class that few people have may be missing on one side, and is then not looked at
    folds = list(GroupKFold(INNER_FOLDS, shuffle=True, random_state=seed).split(x, groups=people))
    return min(PENALTIES, key=lambda penalty: sum(_loss(x, labels, penalty, *fold) for fold in folds))


def _loss(x: np.ndarray, labels: np.ndarray, penalty: float, train: np.ndarray, test: np.ndarray) -> float:
    """Summed loss of the test rows: squared error, or minus the logarithm of what their class was given."""
    model = linear_model(labels, penalty).fit(x[train], labels[train])
    found = _predict(model, x[test])
    if labels.dtype.kind != "U":
        return float(np.square(found - labels[test]).sum())
    known = np.isin(labels[test], model.classes_)
    place = np.searchsorted(model.classes_, labels[test][known])
    return float(-np.log(found[known, place] + 1e-12).sum())
