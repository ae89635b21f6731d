"""Criteria against numbers worked out with plain loops from the log."""

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.compute import compute_scores, score_of
from hmw_core.margins import annealing_weights, hyperspherical_slice, iam_slice, margin, tkum

LOGITS = np.array(
    [  # epoch, sample, class
        [[3.0, 1.0, 0.5, 0.0], [0.2, 0.1, 2.0, 1.0]],
        [[4.0, 0.0, 1.0, 0.5], [1.0, 0.5, 3.0, 0.0]],
        [[5.0, 2.0, 0.0, 1.0], [2.5, 0.0, 2.0, 1.0]],
    ]
)
COSINE = np.tanh(LOGITS - 2) * 0.9
GIVEN = np.array([0, 0])


@pytest.fixture
def run(tmp_path) -> RunReader:
    with RunWriter.create(
        tmp_path / "r", given_label=GIVEN, n_classes=4, n_epochs=3, alpha=2.0, beta=3.0
    ) as writer:
        for epoch in (1, 2, 3):
            writer.record([0, 1], logits=LOGITS[epoch - 1], cosine=COSINE[epoch - 1])
            writer.end_epoch(epoch)
    return RunReader(tmp_path / "r")


def loss(logits, label):
    return -np.log(np.exp(logits[label]) / np.exp(logits).sum())


def test_loss_and_confidence(run):
    losses = np.array([[loss(LOGITS[e, i], GIVEN[i]) for i in range(2)] for e in range(3)])
    np.testing.assert_allclose(score_of(CRITERIA["last_loss"], run), losses[2], rtol=1e-6)
    np.testing.assert_allclose(score_of(CRITERIA["mean_loss"], run), losses.mean(0), rtol=1e-6)
    probability = np.exp(-losses).mean(0)
    np.testing.assert_allclose(score_of(CRITERIA["confidence"], run), probability, rtol=1e-6)


def test_margins_by_hand(run):
    # Sample 0: margins 3-1, 4-1, 5-2; nearest two others 1-0.5, 1-0.5, 2-1.
    # Sample 1: margins 0.2-2, 1-3, 2.5-2; nearest two others 2-1, 3-0.5, 2-1.
    np.testing.assert_allclose(score_of(CRITERIA["aum"], run), [8 / 3, -3.3 / 3], rtol=1e-6)
    np.testing.assert_allclose(score_of(CRITERIA["tkum"], run), [2 / 3, 4.5 / 3], rtol=1e-6)
    np.testing.assert_allclose(
        score_of(CRITERIA["iam_no_annealing"], run), [6 / 3, -7.8 / 3], rtol=1e-6
    )


def test_iam_is_the_annealed_sum_of_its_slices(run):
    weights = annealing_weights(3, 3)
    slices = np.array([iam_slice(LOGITS[e], GIVEN, 1.0, 1.0) for e in range(3)])
    np.testing.assert_allclose(score_of(CRITERIA["iam"], run), weights @ slices, rtol=1e-6)


def test_hyperspherical_criteria(run):
    distance = (1 - COSINE) / 2
    given = distance[:, np.arange(2), GIVEN]
    others = np.sort(np.delete(distance, 0, axis=2), axis=2)  # both samples are given class 0
    np.testing.assert_allclose(
        score_of(CRITERIA["hyperspherical_aum"], run), (given - others[..., 0]).mean(0), rtol=1e-5
    )
    np.testing.assert_allclose(
        score_of(CRITERIA["hyperspherical_tkum"], run),
        (others[..., 0] - others[..., 1]).mean(0),
        rtol=1e-5,
    )
    slices = np.array([hyperspherical_slice(COSINE[e], GIVEN, 2.0, 3.0) for e in range(3)])
    np.testing.assert_allclose(
        score_of(CRITERIA["hm_weight"], run), annealing_weights(3, 3) @ slices, rtol=1e-5
    )


def test_a_missed_epoch_is_left_out_of_the_mean(tmp_path):
    with RunWriter.create(tmp_path / "r", given_label=GIVEN, n_classes=4, n_epochs=3) as writer:
        for epoch, ids in ((1, [0, 1]), (2, [0]), (3, [0, 1])):
            writer.record(ids, logits=LOGITS[epoch - 1][ids], cosine=COSINE[epoch - 1][ids])
            writer.end_epoch(epoch)
    run = RunReader(tmp_path / "r")
    margins = np.array([margin(LOGITS[e], GIVEN) for e in (0, 2)])
    assert score_of(CRITERIA["aum"], run)[1] == pytest.approx(margins[:, 1].mean())
    assert np.isnan(score_of(CRITERIA["last_loss"], run, epoch=2)[1])
    assert np.isfinite(score_of(CRITERIA["mean_loss"], run, epoch=2)[1])
    coefficient = np.exp(1 + np.cos(np.pi * np.array([1, 3]) / 3))
    slices = [hyperspherical_slice(COSINE[e], GIVEN, 100, 100)[1] for e in (0, 2)]
    expected = (coefficient * slices).sum() / coefficient.sum()
    assert score_of(CRITERIA["hm_weight"], run)[1] == pytest.approx(expected)


def test_two_classes_have_no_tkum_and_iam_is_the_margin(tmp_path):
    logits = LOGITS[0][:, :2]
    with RunWriter.create(tmp_path / "r", given_label=GIVEN, n_classes=2, n_epochs=1) as writer:
        writer.record([0, 1], logits=logits, cosine=np.tanh(logits))
        writer.end_epoch(1)
    run = RunReader(tmp_path / "r")
    assert score_of(CRITERIA["tkum"], run).isna().all()
    np.testing.assert_allclose(score_of(CRITERIA["iam"], run), margin(logits, GIVEN), rtol=1e-6)


def test_without_cosines_the_hyperspherical_ones_are_absent_not_zero(tmp_path):
    with RunWriter.create(tmp_path / "r", given_label=GIVEN, n_classes=4, n_epochs=1) as writer:
        writer.record([0, 1], logits=LOGITS[0])
        writer.end_epoch(1)
    scores = compute_scores(RunReader(tmp_path / "r"), MAIN_CRITERIA)
    absent = ["hyperspherical_aum", "hyperspherical_tkum", "hm_weight"]
    assert scores[absent].isna().all().all()
    assert scores.drop(columns=absent).notna().all().all()
    assert score_of(CRITERIA["tkum"], RunReader(tmp_path / "r"))[0] == pytest.approx(
        tkum(LOGITS[0], GIVEN)[0]
    )


def test_one_class_gives_the_same_scores_as_all(tiny_run):
    everything = compute_scores(tiny_run, CRITERIA)
    one = compute_scores(tiny_run, CRITERIA, given_label=2)
    ids = tiny_run.samples().query("given_label == 2")["sample_id"]
    assert one.index.tolist() == ids.tolist()
    np.testing.assert_array_equal(one, everything.loc[ids])
