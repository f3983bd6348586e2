"""How well the labels of a Cohort can be told from its signals by hand-made features: what there is to learn at all.

A simulator can leak its labels, and so can a split. The table therefore holds its own controls: labels shuffled among
people must score like chance, and so must gaps alone; age and body mass show what needs no device at all.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.evaluate.features import hand_features

FOLDS = 5
METRICS = {"hypertension": "AUROC", "anxiety": "AUROC", "homa_ir": "R² of log"}


def label_table(cohort: xr.Dataset, seed: int = 0) -> pd.DataFrame:
    """Score each label by five-fold cross-validation over people: nobody is in both training and test.

    The model is the mean of a ridge-penalised linear one and of boosted trees (for AUROC, of their ranks), with one
    fixed setting for all: nothing is chosen by looking at a score.

    Args:
        cohort: a Cohort with labels; people whose label is unknown are left out of its row.
        seed: of the folds, the trees and the shuffling.

    Returns:
        A row for each label that is known for at least 50 people; columns: ``metric`` (chance is 0.5 for AUROC, 0 for
        R²), ``people``, and the scores of models that see ``all signals`` (hand-made features), ``signal means only``,
        ``age + BMI``, ``gaps only`` (each signal's share of missing minutes), and all signals of ``shuffled labels``.

    Raises:
        ImportError: if scikit-learn is not installed.
        ValueError: if no label is known for at least 50 people, or a label does not vary among them.
    """
    features = hand_features(cohort)
    facts = cohort[["age", "bmi", *METRICS]].to_dataframe()[["person", "age", "bmi", *METRICS]]
    facts = facts.groupby("person", sort=False).first().loc[features.index]
    statistic = features.columns.get_level_values("statistic")
    all_signals = features.loc[:, statistic != "missing"]
    seen = {
        "all signals": all_signals,
        "signal means only": features.loc[:, statistic == "mean"],
        "age + BMI": facts[["age", "bmi"]],
        "gaps only": features.loc[:, statistic == "missing"],
    }
    rows = {}
    for name, metric in METRICS.items():
        known = facts[name].notna().to_numpy()
        if known.sum() < 10 * FOLDS:
            continue
        label = facts[name].to_numpy(float)[known]
        if metric == "AUROC" and np.bincount(label.astype(int), minlength=2).min() < FOLDS:
            raise ValueError(f"{name} is the same for nearly all people; expected at least {FOLDS} with and without")
        scores = {title: cross_validate(frame.to_numpy()[known], label, seed) for title, frame in seen.items()}
        shuffled = np.random.default_rng(seed).permutation(label)
        scores["shuffled labels"] = cross_validate(all_signals.to_numpy()[known], shuffled, seed)
        rows[name] = {"metric": metric, "people": int(known.sum()), **scores}
    if not rows:
        raise ValueError(f"no label of {list(METRICS)} is known for at least {10 * FOLDS} people")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("label")


def cross_validate(features: np.ndarray, label: np.ndarray, seed: int = 0) -> float:
    """Mean score over folds: AUROC of a label of 0 and 1, R² of the logarithm of any other, which must be positive.

    Args:
        features: ``[person, feature]``, one row a person; NaN where unknown.
        label: ``[person]``.
        seed: of the folds and the trees.

    Returns:
        The score; NaN if no feature is known of anybody.
    """
    try:
        from scipy.stats import rankdata
        from sklearn.metrics import r2_score, roc_auc_score
        from sklearn.model_selection import KFold, StratifiedKFold
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError("scoring labels needs scikit-learn: pip install 'lsmlib[notebooks]'") from error

    binary = set(np.unique(label)) == {0, 1}
    label = label if binary else np.log(label)
    folds = (StratifiedKFold if binary else KFold)(FOLDS, shuffle=True, random_state=seed)
    scores = []
    with threadpool_limits(1):  # for so few people, threads inside a model wait for each other more than they work
        for train, test in folds.split(features, label):
            known = ~np.isnan(features[train]).all(axis=0)
            if not known.any():
                return np.nan
            guesses = list(_predict(features[train][:, known], label[train], features[test][:, known], binary, seed))
            if binary:
                scores.append(roc_auc_score(label[test], np.mean([rankdata(guess) for guess in guesses], axis=0)))
            else:
                scores.append(r2_score(label[test], np.mean(guesses, axis=0)))
    return float(np.mean(scores))


def _predict(known: np.ndarray, label: np.ndarray, new: np.ndarray, binary: bool, seed: int) -> Iterator[np.ndarray]:
    """Predictions for new people by a linear model and by trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # The penalty grows with the number of features: many of them say the same, each with noise of its own.
    width = known.shape[1]
    linear = LogisticRegression(C=1.0 / width, max_iter=1000) if binary else Ridge(alpha=width)
    prepare = SimpleImputer(strategy="median"), StandardScaler()
    trees = (HistGradientBoostingClassifier if binary else HistGradientBoostingRegressor)(
        learning_rate=0.08, max_iter=60, max_leaf_nodes=6, min_samples_leaf=30, max_bins=32, l2_regularization=10.0,
        max_features=0.3, early_stopping=False, random_state=seed,
    )  # fmt: skip
    for model in (make_pipeline(*prepare, linear), trees):
        model.fit(known, label)
        yield model.predict_proba(new)[:, 1] if binary else model.predict(new)
