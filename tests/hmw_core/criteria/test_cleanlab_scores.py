"""Our criteria against the aum and cleanlab packages, fed the logits that the log keeps."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA
from hmw_core.criteria.cleanlab_scores import confident_learning, label_quality
from hmw_core.criteria.compute import compute_scores, score_of, why_absent

N, C, EPOCHS = 400, 6, 4
METHODS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")


def write(folder: Path, logits: np.ndarray, given: np.ndarray, missed: dict | None = None):
    """Write logits (epochs, N, C) as a run; `missed` says which samples an epoch did not see."""
    n_classes = logits.shape[2]
    with RunWriter.create(
        folder, given_label=given, n_classes=n_classes, n_epochs=len(logits)
    ) as writer:
        for epoch, of_epoch in enumerate(logits, start=1):
            ids = np.setdiff1d(np.arange(len(given)), (missed or {}).get(epoch, []))
            writer.record(ids, logits=of_epoch[ids])
            writer.end_epoch(epoch)
    return RunReader(folder)


def learning(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that float16 holds exactly, and labels of which a fifth is wrong."""
    rng = np.random.default_rng(seed)
    true = np.arange(N) % C
    given = np.where(np.arange(N) % 5 == 0, (true + 1 + rng.integers(0, 2, N)) % C, true)
    logits = rng.normal(0, 1.5, (EPOCHS, N, C))
    logits[:, np.arange(N), true] += 3
    logits[:, np.arange(N), given] += np.arange(EPOCHS)[:, None] * 0.7
    return logits.astype(np.float16).astype(np.float64), given


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities, written as one would by hand."""
    return np.array([np.exp(row - row.max()) / np.exp(row - row.max()).sum() for row in logits])


def places(score) -> np.ndarray:
    return pd.Series(np.asarray(score)).rank().to_numpy()


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    logits, given = learning()
    return write(tmp_path_factory.mktemp("cleanlab") / "run", logits, given), logits, given


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("epoch", [2, EPOCHS])
def test_scores_are_those_of_cleanlab_called_by_hand(logged, method, epoch):
    from cleanlab.rank import get_label_quality_scores

    run, logits, given = logged
    theirs = get_label_quality_scores(given, softmax(logits[epoch - 1]), method=method)
    ours = score_of(CRITERIA[method], run, epoch)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    np.testing.assert_array_equal(places(ours), places(theirs))
    assert CRITERIA[method].higher_means == "clean"


@pytest.mark.parametrize("name", ["confident_learning", "mean_confident_learning"])
def test_issues_come_first_in_cleanlabs_own_order(logged, name):
    from cleanlab.filter import find_label_issues

    run, logits, given = logged
    each = np.array([softmax(of_epoch) for of_epoch in logits])
    probabilities = each[-1] if name == "confident_learning" else each.mean(axis=0)
    issues = find_label_issues(
        given, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    assert 10 < len(issues) < N / 2
    score = score_of(CRITERIA[name], run)
    first = score.sort_values(kind="stable").index[: len(issues)]
    assert first.tolist() == issues.tolist()
    assert set(score.index[score < 0]) == set(issues)
    others = score.drop(index=issues)
    confidence = probabilities[np.arange(N), given]
    np.testing.assert_allclose(others, confidence[others.index], rtol=1e-12)


def test_self_confidence_ranks_as_the_logged_loss(logged):
    run, _, _ = logged
    scores = compute_scores(run, {n: CRITERIA[n] for n in ("self_confidence", "last_loss")})
    np.testing.assert_array_equal(places(scores["self_confidence"]), places(-scores["last_loss"]))


def test_aum_ranks_as_the_aum_package_does(logged, tmp_path):
    aum = pytest.importorskip("aum", reason="compares with the aum package")
    import torch

    run, logits, given = logged
    calculator = aum.AUMCalculator(str(tmp_path / "aum"))
    for of_epoch in logits.astype(np.float32):
        for batch in np.array_split(np.random.default_rng(1).permutation(N), 5):
            calculator.update(
                torch.from_numpy(of_epoch[batch]), torch.from_numpy(given[batch]), batch.tolist()
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # aum sorts in place; not ours to mend
        calculator.finalize()
    theirs = pd.read_csv(tmp_path / "aum" / "aum_values.csv").set_index("sample_id")["aum"]
    ours = score_of(CRITERIA["aum"], run)
    np.testing.assert_allclose(ours, theirs.sort_index(), rtol=1e-5, atol=1e-6)
    assert places(ours).tolist() == places(theirs.sort_index()).tolist()


def test_a_sample_that_was_not_seen_has_no_score_and_changes_no_other(tmp_path):
    logits, given = learning(1)
    missed = [3, 50, 51]
    run = write(tmp_path / "run", logits, given, {EPOCHS: missed})
    seen = np.setdiff1d(np.arange(N), missed)
    alone = confident_learning(softmax(logits[-1][seen]), given[seen])
    score = score_of(CRITERIA["confident_learning"], run)
    assert score[missed].isna().all()
    np.testing.assert_allclose(score[seen], alone, rtol=1e-12)
    over_all = score_of(CRITERIA["mean_confident_learning"], run)
    assert over_all.notna().all()
    kept = np.array([softmax(of_epoch)[50] for of_epoch in logits[:-1]]).mean(axis=0)
    assert over_all[50] % 1 == pytest.approx(kept[given[50]])


def test_a_class_without_a_sample_is_no_trouble(tmp_path):
    logits, given = learning(2)
    given = np.where(given == 4, 1, given)
    run = write(tmp_path / "run", logits, given)
    scores = compute_scores(run, {n: CRITERIA[n] for n in (*METHODS, "confident_learning")})
    assert scores.notna().all(axis=None)
    assert (scores["confident_learning"] < 0).any()


def test_one_given_label_has_no_confident_joint_and_says_so(tmp_path):
    logits, _ = learning(3)
    run = write(tmp_path / "run", logits, np.full(N, 2))
    assert "two classes with samples" in why_absent(run, CRITERIA["confident_learning"])
    assert np.isnan(confident_learning(softmax(logits[-1]), np.full(N, 2))).all()
    assert score_of(CRITERIA["self_confidence"], run).notna().all()


def test_without_the_logits_the_reason_is_said(tmp_path):
    logits, given = learning()
    with RunWriter.create(
        tmp_path / "run", given_label=given, n_classes=C, n_epochs=1, outputs="none"
    ) as writer:
        writer.record(np.arange(N), logits=logits[0])
        writer.end_epoch(1)
    run = RunReader(tmp_path / "run")
    for name in (*METHODS, "confident_learning"):
        assert "its outputs hold no logits" in why_absent(run, CRITERIA[name])
        assert score_of(CRITERIA[name], run).isna().all()


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_has_no_score_or_rules_a_class_out(bad):
    from hmw_core.criteria.epoch_signals import EpochSignals

    logits, given = learning(4)
    broken = logits[-1].copy()
    broken[7, (given[7] + 1) % C] = bad
    probabilities = EpochSignals({"logits": broken.astype(np.float32)})["probabilities"]
    found = confident_learning(probabilities, given)
    assert np.isnan(found[7]) == (bad != -np.inf)
    assert np.isfinite(np.delete(found, 7)).all()


def test_memorised_samples_tie_as_the_least_suspicious():
    """37 logits ahead, the probability is 1 in float64."""
    logits = np.array([[60.0, 0, 0], [45.0, 0, 0], [45.0, 20, 0], [8.0, 0, 0], [0.0, 9, 0]])
    given = np.zeros(5, dtype=int)
    probabilities = softmax(logits)
    for method in ("self_confidence", "normalized_margin"):
        score = label_quality(probabilities, given, method)
        assert places(score).tolist() == [4.5, 4.5, 3.0, 2.0, 1.0]


def test_cleanlabs_entropy_turns_over_where_a_label_is_sure():
    """As its source says; where this fails, cleanlab has mended it and our text is out of date."""
    logits = np.zeros((5, 3))
    logits[:, 0] = [-9, 2, 12, 25, 45]
    score = label_quality(softmax(logits), np.zeros(5, dtype=int), "confidence_weighted_entropy")
    assert score[0] < score[1] < score[2]
    assert score[2] > 0.99
    assert score[3] < 0.01
    assert score[4] == 0.0
    assert "falls back to 0" in CRITERIA["confidence_weighted_entropy"].source


def test_no_import_of_cleanlab_before_it_is_needed():
    import subprocess
    import sys

    code = "import sys; from hmw_core import CRITERIA, RunReader; RunReader, CRITERIA"
    code += "; sys.exit('cleanlab' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
