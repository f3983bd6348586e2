"""Figures show the numbers that they were given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from lsmlib import plots_probes as plots
from lsmlib.evaluate import Predictions

TABLE = pd.DataFrame(
    [
        ("exercise", "a", "AUROC", 0.9, 0.85, 0.95), ("exercise", "b", "AUROC", 0.6, 0.5, 0.7),
        ("age", "a", "MAE", 9.0, 8.0, 10.0), ("sex", "a", "AUROC", 0.7, 0.65, 0.75),
    ],
    columns=["task", "method", "metric", "value", "low", "high"],
)  # fmt: skip


def test_scores_are_dots_on_their_intervals():
    axes = plots.plot_scores(TABLE, "AUROC", chance=0.5).axes[0]
    dots = {line.get_label(): line.get_xydata() for line in axes.lines if line.get_marker() in ("o", "s")}
    np.testing.assert_array_equal(dots["a"][:, 0], [0.9, 0.7])
    np.testing.assert_array_equal(dots["b"][:, 0], [0.6])
    assert len({line.get_marker() for line in axes.lines if line.get_label() in dots}) == 2  # seen without colours
    ends = {tuple(segment[:, 0]) for lines in axes.collections for segment in lines.get_segments()}
    assert ends == {(0.85, 0.95), (0.65, 0.75), (0.5, 0.7)}
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["exercise", "sex"]  # age has no AUROC
    assert np.abs(dots["a"][:, 1] - [0, 1]).max() < 0.5  # beside their task's name
    with pytest.raises(ValueError, match=r"no row has metric 'F2'; expected one of \['AUROC', 'MAE'\]"):
        plots.plot_scores(TABLE, "F2")


def test_curves_run_over_shots_through_their_means():
    scores = pd.DataFrame({
        "method": "a", "metric": "AUROC", "shots": [10, 1, 100, 1], "draw": [0, 0, 0, 1],
        "value": [0.75, 0.5, 0.9, 0.75],
    })  # fmt: skip
    axes = plots.plot_few_shot(scores, "AUROC").axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[1, 0.625], [10, 0.75], [100, 0.9]])
    drawn = {tuple(point) for point in axes.collections[0].get_offsets().tolist()}
    assert drawn == {(1, 0.5), (1, 0.75), (10, 0.75), (100, 0.9)}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "10", "100"]


def test_confusion_is_shares_of_the_true_class():
    truth = np.array(["run", "run", "run", "swim"])
    taken = np.array([0, 0, 1, 1])
    figure = plots.plot_confusion(Predictions(truth, np.eye(2)[taken], np.arange(4), np.array(["run", "swim"])))
    axes = figure.axes[0]
    drawn = np.asarray(axes.collections[0].get_array()).reshape(2, 2)
    np.testing.assert_allclose(drawn, [[200 / 3, 100 / 3], [0, 100]])
    assert [text.get_text() for text in axes.texts] == ["67", "33", "", "100"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["run (3)", "swim (1)"]
    with pytest.raises(ValueError, match="expected classes"):
        plots.plot_confusion(Predictions(np.arange(3.0), np.arange(3.0), np.arange(3), np.array([])))


def test_robustness_is_dots_beside_what_there_was():
    table = pd.DataFrame(
        [
            ("anxiety", "a", "nothing", "macro F1", 0.8, 0.7, 0.9), ("anxiety", "a", "PPG", "macro F1", 0.6, 0.5, 0.7),
            ("anxiety", "b", "nothing", "macro F1", 0.7, 0.6, 0.8), ("anxiety", "b", "PPG", "macro F1", 0.3, 0.2, 0.4),
        ],
        columns=["task", "embedder", "setting", "metric", "value", "low", "high"],
    )  # fmt: skip
    (axes,) = plots.plot_robustness(table).axes
    dots = {line.get_label(): line.get_xdata().tolist() for line in axes.lines if line.get_marker() in ("o", "s")}
    assert dots == {"a": [0.6], "b": [0.3]}
    assert [line.get_xdata()[0] for line in axes.lines if line.get_ls() == ":"] == [0.8, 0.7]
    ends = {tuple(segment[:, 0]) for lines in axes.collections for segment in lines.get_segments()}
    assert ends == {(0.5, 0.7), (0.2, 0.4)}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["PPG"]
    with pytest.raises(ValueError, match="no row has metric 'AUC'"):
        plots.plot_robustness(table, "AUC")


@pytest.mark.parametrize("method", ["PCA", "t-SNE"])
def test_maps_keep_apart_what_is_apart(method):
    draw = np.random.default_rng(0)
    labels = np.array(["a", "b", ""])[np.arange(60) % 3]
    embedding = draw.standard_normal((60, 5)) + 20 * (labels == "b")[:, None]
    axes = plots.plot_embedding(embedding, labels, method).axes[0]
    first, second = (line.get_xydata() for line in axes.lines)
    assert [len(first), len(second)] == [20, 20]  # rows without a class are left out
    centre = [points.mean(axis=0) for points in (first, second)]
    spread = max(points.std() for points in (first - centre[0], second - centre[1]))
    assert np.linalg.norm(centre[0] - centre[1]) > 3 * spread
    assert [line.get_label() for line in axes.lines] == ["a (20)", "b (20)"]
    assert to_rgba(axes.lines[0].get_color()) != to_rgba(axes.lines[1].get_color())


def test_maps_refuse():
    with pytest.raises(ValueError, match="method is 'UMAP'"):
        plots.plot_embedding(np.zeros((5, 2)), np.full(5, "a"), "UMAP")
    with pytest.raises(ValueError, match="5 embeddings and 4 labels"):
        plots.plot_embedding(np.zeros((5, 2)), np.full(4, "a"))
    with pytest.raises(ValueError, match="1 rows have a class"):
        plots.plot_embedding(np.zeros((5, 2)), np.array(["a", "", "", "", ""]))
