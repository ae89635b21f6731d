"""What every criterion must do, whatever it computes."""

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA, NAMED, VARIANTS
from hmw_core.criteria.compute import compute_scores, score_of, scores_by_epoch, why_absent
from hmw_core.criteria.criterion import FAMILIES
from hmw_core.criteria.epoch_signals import OUTPUTS, stored_columns
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.over_epochs import OVER
from hmw_core.log.schema import SIGNAL_NAMES
from hmw_core.statistics.ranking import auroc

N_SAMPLES, N_CLASSES, N_EPOCHS, N_FEATURES = 48, 8, 6, 12
MISSED = 7  # a sample that no epoch saw
LATE = 11  # one that the last epoch missed


def write_learning(folder, epochs=N_EPOCHS, n_classes=N_CLASSES):
    """Write a run that fits true labels first, with misses; features are logged at the end."""
    rng = np.random.default_rng(3)
    true = np.arange(N_SAMPLES) % n_classes
    given = np.where(np.arange(N_SAMPLES) % 5 == 0, (true + 3) % n_classes, true)
    vectors = rng.normal(size=(n_classes, N_FEATURES))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=true,
        n_classes=n_classes,
        n_epochs=N_EPOCHS,
        alpha=3.0,
        beta=2.0,
    )
    with writer:
        for epoch in range(1, epochs + 1):
            fitted = 0.2 + 0.8 * epoch / N_EPOCHS
            features = vectors[true] * fitted + 0.35 * rng.normal(size=(N_SAMPLES, N_FEATURES))
            features += vectors[given] * 0.5 * fitted**2
            cosine = features @ vectors.T / np.linalg.norm(features, axis=1, keepdims=True)
            missed = (MISSED, LATE) if epoch in (3, N_EPOCHS) else (MISSED,)
            ids = np.setdiff1d(np.arange(N_SAMPLES), missed)
            writer.record(ids, logits=6 * cosine[ids], cosine=cosine[ids])
            writer.end_epoch(epoch)
            writer.flush()
            writer.log_features(epoch, features, vectors)
    return RunReader(folder)


@pytest.fixture(scope="module")
def learning(tmp_path_factory):
    return write_learning(tmp_path_factory.mktemp("criteria") / "learning")


@pytest.fixture(scope="module")
def cut_short(tmp_path_factory):
    return write_learning(tmp_path_factory.mktemp("criteria") / "short", epochs=4)


@pytest.mark.parametrize("name", NAMED)
def test_one_score_a_sample_by_sample_id(name, learning):
    score = score_of(NAMED[name], learning)
    assert score.index.tolist() == list(range(N_SAMPLES))
    seen = score.drop(index=[MISSED, LATE])
    assert np.isfinite(seen).all()
    assert seen.nunique() > 1


@pytest.mark.parametrize("name", [n for n in NAMED if NAMED[n].whole is None])
def test_a_sample_that_was_not_seen_has_no_score(name, learning):
    score = score_of(NAMED[name], learning)
    assert np.isnan(score[MISSED])
    assert np.isnan(score[LATE]) == (NAMED[name].over == "last")


# Variability is left out: where nothing is memorised, as here, clean samples vary most.
@pytest.mark.parametrize("name", [name for name in NAMED if name != "variability"])
def test_direction_is_that_of_most_samples(name, learning):
    criterion = NAMED[name]
    mislabeled = learning.samples()["is_mislabeled"]
    values = [
        auroc(score_of(criterion, learning, epoch), mislabeled, criterion.higher_means)
        for epoch in (3, 5, N_EPOCHS)
    ]
    assert max(values) > 0.55


@pytest.mark.parametrize("name", NAMED)
def test_reads_what_a_log_has_and_says_where_it_is_from(name):
    criterion = NAMED[name]
    assert stored_columns(criterion.reads) <= {*SIGNAL_NAMES, *OUTPUTS, "features"}
    assert criterion.title
    assert criterion.unit
    assert criterion.source
    assert criterion.family in FAMILIES
    assert criterion.over in OVER
    made_from = (criterion.slice, criterion.whole, criterion.members)
    assert sum(part is not None for part in made_from) == 1


def test_a_variant_is_in_no_menu():
    assert not set(VARIANTS) & set(CRITERIA)
    assert len(VARIANTS) == 11


def test_no_two_have_one_title():
    titles = [criterion.title for criterion in NAMED.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", NAMED)
def test_the_epoch_asked_for_is_the_last_one_used(name, learning, cut_short):
    short = score_of(NAMED[name], cut_short)
    np.testing.assert_allclose(score_of(NAMED[name], learning, epoch=4), short, rtol=1e-6)
    assert not np.allclose(score_of(NAMED[name], learning), short, rtol=1e-6, equal_nan=True)


def test_scores_by_epoch_are_those_of_each_epoch_alone(learning):
    passed = dict(scores_by_epoch(learning, NAMED, [2, 5, 6], first=2))
    assert list(passed) == [2, 5, 6]
    for epoch, scores in passed.items():
        alone = {n: score_of(c, learning, epoch, first=2) for n, c in NAMED.items()}
        for name, expected in alone.items():
            np.testing.assert_array_equal(scores[name], expected, err_msg=f"{name} at {epoch}")


def test_a_window_uses_no_epoch_before_it(learning, tmp_path):
    whole = compute_scores(learning, NAMED)
    window = compute_scores(learning, NAMED, first=4)
    for name, criterion in NAMED.items():
        same = np.allclose(whole[name], window[name], rtol=1e-9, equal_nan=True)
        # gamma sums the epochs up to the last by itself, and what looks at one epoch stays.
        assert same == (criterion.over == "last"), name
    streaming = {n: c for n, c in NAMED.items() if c.over == "mean" and c.slice is not None}
    single = [compute_scores(learning, streaming, epoch, first=epoch) for epoch in (4, 5, 6)]
    expected = np.nanmean(np.stack(single)[:, np.arange(N_SAMPLES) != MISSED], axis=0)
    found = window[list(streaming)].drop(index=MISSED)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_class_alone_has_the_scores_it_has_among_all(learning):
    of_class = compute_scores(learning, NAMED, given_label=3)
    assert of_class.index.tolist() == np.sort(learning.sample_ids(3)).tolist()
    np.testing.assert_array_equal(of_class, compute_scores(learning, NAMED).loc[of_class.index])


def test_kept_scores_are_those_computed_and_follow_the_log(tmp_path):
    run = write_learning(tmp_path / "r", epochs=5)
    names = list(NAMED)
    computed = compute_scores(run, NAMED, 4, first=2)
    for _ in range(2):  # made, then read
        np.testing.assert_array_equal(score_table(run, names, 4, first=2), computed)
    kept = list((run.folder / "cache").glob("*.parquet"))
    assert len(kept) >= len([n for n in names if why_absent(run, NAMED[n]) is None])
    writer = RunWriter.resume(run.folder, last_epoch=3)
    ids = np.arange(N_SAMPLES)
    logits = np.random.default_rng(0).normal(size=(N_SAMPLES, N_CLASSES))
    writer.record(ids, logits=logits, cosine=np.tanh(logits))
    writer.end_epoch(4)
    writer.finish()
    again = score_table(RunReader(run.folder), ["jensen_shannon", "iam_k3"], 4, first=2)
    assert not np.allclose(again, computed[["jensen_shannon", "iam_k3"]], equal_nan=True)


def test_what_a_log_cannot_give_is_absent_with_the_reason(tmp_path):
    small = write_learning(tmp_path / "small", n_classes=4)
    assert "k = 3 needs 5 classes" in why_absent(small, NAMED["iam_k3"])
    assert score_of(NAMED["iam_k3"], small).isna().all()
    with RunWriter.create(
        tmp_path / "r", given_label=[0, 1, 2], n_classes=8, n_epochs=1, outputs="none"
    ) as writer:
        writer.record([0, 1, 2], logits=np.eye(3, 8))
        writer.end_epoch(1)
    run = RunReader(tmp_path / "r")
    assert "--outputs full" in why_absent(run, NAMED["el2n"])
    assert "no features" in why_absent(run, NAMED["neighbour_disagreement"])
    assert score_of(NAMED["tkum_k3"], run).isna().all()


@pytest.mark.parametrize("name", MAIN_CRITERIA)
def test_the_logged_auroc_is_that_of_the_score(name, tiny_run):
    criterion = NAMED[name]
    mislabeled = tiny_run.samples()["is_mislabeled"].to_numpy(bool)
    expected = auroc(score_of(criterion, tiny_run, epoch=3), mislabeled, criterion.higher_means)
    logged = tiny_run.metrics().set_index("epoch")[f"auroc_{name}"]
    assert logged[3] == pytest.approx(expected)


@pytest.mark.parametrize("name", MAIN_CRITERIA)
def test_direction_separates_the_mislabeled_of_the_tiny_run(name, tiny_run):
    score = score_of(NAMED[name], tiny_run)
    mislabeled = tiny_run.samples()["is_mislabeled"].to_numpy(bool)
    suspicion = score if NAMED[name].higher_means == "mislabeled" else -score
    assert suspicion[mislabeled].min() > suspicion[~mislabeled].max()
