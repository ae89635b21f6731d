"""What is computed of cleanlab's own input is what cleanlab computes of it."""

import numpy as np
import pytest

from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import score_of
from hmw_core.errors import UsageError
from hmw_core.importers.write import import_run


@pytest.mark.parametrize(
    ("decimals", "kind"), [(None, np.float64), (None, np.float32), (2, np.float64), (4, np.float32)]
)
def test_scores_and_issues_are_cleanlabs_own(decimals, kind, tmp_path):
    """Of probabilities rounded to two decimals, too, where many tie."""
    rank = pytest.importorskip("cleanlab.rank", reason="its own numbers are compared")
    from cleanlab.filter import find_label_issues

    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 300)
    seen = np.where(rng.random(300) < 0.15, (y + 1) % 3, y)
    probability = 0.4 * np.random.default_rng(2).dirichlet(np.ones(3), 300) + 0.6 * np.eye(3)[seen]
    probability = probability if decimals is None else probability.round(decimals)
    np.savez(tmp_path / "a.npz", labels=y, pred_probs=probability.astype(kind))
    run = import_run("cleanlab", tmp_path / "a.npz", tmp_path / "run")
    probability = probability.astype(kind).astype(np.float64)
    for name in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
        own = rank.get_label_quality_scores(y, probability, method=name)
        assert score_of(CRITERIA[name], run).tolist() == own.tolist(), name
    issues = find_label_issues(y, probability, n_jobs=1)
    assert 20 < issues.sum() < 60
    for name in ("confident_learning", "mean_confident_learning"):
        assert (score_of(CRITERIA[name], run) < 0).tolist() == issues.tolist()
    said = [warning.text for warning in run.warnings]
    assert said == [] if decimals != 2 else "rounded to 2 decimals" in said[0]


def test_rounded_probabilities_of_many_classes(tmp_path):
    """Four decimals of 1,000 classes: the sums lie from 0.998 to 1.002, which cleanlab takes."""
    rng = np.random.default_rng(0)
    probability = rng.dirichlet(np.ones(1000), 50).round(4)
    y = rng.integers(0, 1000, 50)
    np.savez(tmp_path / "a.npz", labels=y, pred_probs=probability)
    run = import_run("cleanlab", tmp_path / "a.npz", tmp_path / "run")
    confidence = score_of(CRITERIA["confidence"], run)
    assert confidence.to_numpy() == pytest.approx(probability[np.arange(50), y], rel=1e-6)
    said = " ".join(warning.text for warning in run.warnings)
    assert "rounded to 4 decimals, so that those of a sample sum to 0.998" in said
    np.savez(tmp_path / "b.npz", labels=y, pred_probs=0.9 * probability)
    with pytest.raises(UsageError, match=r"not probabilities that sum to 1: they sum to 0.8995"):
        import_run("cleanlab", tmp_path / "b.npz", tmp_path / "other")
