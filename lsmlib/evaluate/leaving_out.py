"""For a few dozen people: each is predicted by a linear model that was fitted on all the others.

Five folds waste a fifth of so few. But leaving one out has a trap of its own: without that one, their class is a little
rarer among the others, so a model that has learned nothing but how common classes are scores each person low for what
they are, and its AUROC is 0, not 0.5 (Parker, Günter and Bedo, "Stratification bias in low signal microarray studies",
BMC Bioinformatics, 2007). So here classes weigh the same, whoever is left out.
"""

import numpy as np

from lsmlib.evaluate.metrics import Predictions
from lsmlib.evaluate.probes import INNER_FOLDS, PENALTIES, Prepare, check_labels, standardise, threadpool_limits

try:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
except ImportError as error:
    raise ImportError("probes need scikit-learn: pip install 'lsmlib[notebooks]'") from error


def leave_one_out(
    features: np.ndarray, labels: np.ndarray, people: np.ndarray, seed: int = 0, prepare: Prepare = standardise
) -> Predictions:
    """Predict the class of each person by a logistic regression fitted on all other people.

    The penalty is the one of ``PENALTIES`` with the least log loss in three folds over those others. Nothing, neither
    penalty nor standardising, is learned from whom is predicted.

    Args:
        features: of people, ``[p, w]``, finite: ``pool_people(embeddings, people, "mean_sd")[0]``.
        labels: their classes ``[p]``, as text.
        people: their names ``[p]``, each once.
        seed: of the inner folds.
        prepare: fitted on the other people, in place of standardising; see ``lsmlib.evaluate.probes``.

    Returns:
        Predictions ``[p]``, as ``linear_probe`` gives them.

    Raises:
        ValueError: if shapes do not agree, a feature is not finite, somebody is there twice, labels are numbers, or a
            class has fewer than five people.
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) != len(people) or not np.isfinite(features).all():
        raise ValueError(
            f"features have shape {features.shape}, {(~np.isfinite(features)).sum()} of them NaN or infinite; expected "
            f"finite numbers [p, w] with p = {len(people)}, as people"
        )
    names, count = np.unique(people, return_counts=True)
    if count.max(initial=1) > 1:
        raise ValueError(
            f"{str(names[count.argmax()])!r} has {count.max()} rows; expected one a person: see pool_people"
        )
    classes = check_labels(labels, people)
    if not len(classes):
        raise ValueError("labels are numbers; expected names of classes, as text")
    scores = np.empty((len(labels), len(classes)))
    with threadpool_limits(1):
        for one in range(len(labels)):
            others = np.arange(len(labels)) != one
            prepared = prepare(features[others])
            x, y = prepared.transform(features[others]), labels[others]
            folds = list(StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed).split(x, y))
            penalty = min(PENALTIES, key=lambda penalty, x=x, y=y, folds=folds: _log_loss(x, y, penalty, folds))
            scores[one] = _fit(x, y, penalty).predict_proba(prepared.transform(features[[one]]))[0]
    return Predictions(labels, scores, people, classes)


def _fit(x: np.ndarray, labels: np.ndarray, penalty: float) -> LogisticRegression:
    return LogisticRegression(C=1 / penalty, class_weight="balanced", max_iter=2000).fit(x, labels)


def _log_loss(x: np.ndarray, labels: np.ndarray, penalty: float, folds: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Minus the logarithm of what each person's class was given, summed over people left out of a fit."""
    total = 0.0
    for train, test in folds:
        model = _fit(x[train], labels[train], penalty)
        place = np.searchsorted(model.classes_, labels[test])
        total -= float(np.log(model.predict_proba(x[test])[np.arange(len(test)), place] + 1e-12).sum())
    return total
