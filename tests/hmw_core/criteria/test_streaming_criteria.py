"""Criteria beyond the main ten, against plain loops over float64 logits or numbers by hand."""

import numpy as np
import pytest
from scipy.special import softmax

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA, NAMED
from hmw_core.criteria.compute import compute_scores, score_of
from hmw_core.criteria.hyperspherical import hm_weight_of
from hmw_core.criteria.over_epochs import OVER
from hmw_core.margins import annealing_weights, hyperspherical_slice, iam_slice, tkum

N, C, EPOCHS = 20, 9, 5
RNG = np.random.default_rng(8)
GIVEN = RNG.integers(0, C, N)
# float16 on both sides, so that what is read back is what was meant.
LOGITS = (4 * RNG.normal(size=(EPOCHS, N, C))).astype(np.float16).astype(np.float64)
COSINE = np.tanh(RNG.normal(size=(EPOCHS, N, C))).astype(np.float16).astype(np.float64)
ROWS = np.arange(N)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streaming") / "r"
    with RunWriter.create(folder, given_label=GIVEN, n_classes=C, n_epochs=EPOCHS) as writer:
        for epoch in range(EPOCHS):
            writer.record(ROWS, logits=LOGITS[epoch], cosine=COSINE[epoch])
            writer.end_epoch(epoch + 1)
    return RunReader(folder)


def probabilities():
    return softmax(LOGITS, axis=2)


def losses():
    return -np.log(probabilities()[:, ROWS, GIVEN])


def found(run, name):
    return score_of(NAMED[name], run).to_numpy()


def test_smoothed_loss_is_the_weighted_mean_of_all_losses(run):
    weights = 0.9 ** np.arange(EPOCHS - 1, -1, -1)
    expected = weights @ losses() / weights.sum()
    np.testing.assert_allclose(found(run, "ema_loss"), expected, rtol=1e-5)


def test_jensen_shannon_is_the_divergence_of_the_two_distributions(run):
    expected = []
    for p, label in zip(probabilities()[-1], GIVEN, strict=True):
        label_only = np.eye(C)[label]
        mean = (p + label_only) / 2
        kl = [
            sum(x * np.log2(x / m) for x, m in zip(side, mean, strict=True) if x > 0)
            for side in (p, label_only)
        ]
        expected.append(sum(kl) / 2)
    np.testing.assert_allclose(found(run, "jensen_shannon"), expected, rtol=1e-5)


def test_of_one_network_jensen_shannon_ranks_as_the_last_loss(run):
    scores = compute_scores(run, {n: CRITERIA[n] for n in ("jensen_shannon", "last_loss")})
    assert scores["jensen_shannon"].rank().tolist() == scores["last_loss"].rank().tolist()


def test_mean_gce_is_the_mean_of_the_loss_of_its_paper(run):
    expected = ((1 - probabilities()[:, ROWS, GIVEN] ** 0.7) / 0.7).mean(axis=0)
    np.testing.assert_allclose(found(run, "mean_gce"), expected, rtol=1e-5)


def test_el2n_is_the_length_of_the_error(run):
    error = probabilities()[-1] - np.eye(C)[GIVEN]
    np.testing.assert_allclose(found(run, "el2n"), np.linalg.norm(error, axis=1), rtol=1e-4)


def test_memorised_samples_do_not_tie(tmp_path):
    """A probability that float32 rounds to 1 still has a loss, and so a rank."""
    logits = np.zeros((4, 3))
    logits[:, 0] = [18, 20, 22, 24]
    with RunWriter.create(tmp_path / "r", given_label=[0] * 4, n_classes=3, n_epochs=1) as writer:
        writer.record(np.arange(4), logits=logits)
        writer.end_epoch(1)
    run = RunReader(tmp_path / "r")
    for name in ("jensen_shannon", "mean_gce"):
        score = found(run, name)
        assert (np.diff(score) < 0).all(), name
        np.testing.assert_allclose(score / found(run, "last_loss"), score[0] / found(
            run, "last_loss")[0], rtol=1e-2)  # fmt: skip


def test_aum_of_probabilities(run):
    p = probabilities()
    others = np.where(np.eye(C, dtype=bool)[GIVEN], -np.inf, p).max(axis=2)
    expected = (p[:, ROWS, GIVEN] - others).mean(axis=0)
    np.testing.assert_allclose(found(run, "aum_of_probabilities"), expected, atol=1e-6)


def test_aum_of_probabilities_where_the_given_one_is_zero(tmp_path):
    with RunWriter.create(tmp_path / "r", given_label=[0], n_classes=3, n_epochs=1) as writer:
        writer.record([0], logits=np.array([[-500.0, 0.0, -500.0]]))
        writer.end_epoch(1)
    assert found(RunReader(tmp_path / "r"), "aum_of_probabilities") == pytest.approx([-1.0])


def test_aum_annealed_and_aum_differ_by_the_weights_only(run):
    others = np.where(np.eye(C, dtype=bool)[GIVEN], -np.inf, LOGITS).max(axis=2)
    slices = LOGITS[:, ROWS, GIVEN] - others
    expected = annealing_weights(EPOCHS, EPOCHS) @ slices
    np.testing.assert_allclose(found(run, "aum_annealed"), expected, rtol=1e-5)
    np.testing.assert_allclose(found(run, "aum"), slices.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("k", [3, 5])
def test_margins_with_another_k(run, k):
    weights = annealing_weights(EPOCHS, EPOCHS)
    expected = np.mean([tkum(logits, GIVEN, k) for logits in LOGITS], axis=0)
    np.testing.assert_allclose(found(run, f"tkum_k{k}"), expected, rtol=1e-5)
    expected = weights @ np.array([iam_slice(logits, GIVEN, 1.0, 1.0, k) for logits in LOGITS])
    np.testing.assert_allclose(found(run, f"iam_k{k}"), expected, rtol=1e-4, atol=1e-5)
    # Distances are half of 1 - cosine: margins of cosines, halved, with the sign of closeness.
    under = np.mean([tkum(cosine, GIVEN, k) for cosine in COSINE], axis=0) / 2
    np.testing.assert_allclose(found(run, f"hyperspherical_tkum_k{k}"), -under, rtol=1e-4)
    slices = np.array([iam_slice(cosine, GIVEN, 1.0, 1.0, k) for cosine in COSINE]) / 2
    np.testing.assert_allclose(
        found(run, f"hyperspherical_iam_k{k}"), weights @ slices, rtol=1e-4, atol=1e-5
    )
    slices = np.array([hyperspherical_slice(cosine, GIVEN, 100, 100, k) for cosine in COSINE])
    np.testing.assert_allclose(
        found(run, f"hm_weight_k{k}"), weights @ slices, rtol=1e-3, atol=1e-6
    )


def test_k_1_from_all_logits_is_the_logged_one(run):
    logged = found(run, "hyperspherical_iam")
    slices = np.array([iam_slice(cosine, GIVEN, 1.0, 1.0, 1) for cosine in COSINE]) / 2
    np.testing.assert_allclose(
        logged, annealing_weights(EPOCHS, EPOCHS) @ slices, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(("alpha", "beta", "k"), [(0.0, 7.0, 1), (30.0, 0.5, 4), (100.0, 100.0, 1)])
def test_hm_weight_for_any_scales_is_the_sum_of_its_slices(run, alpha, beta, k):
    weights = annealing_weights(EPOCHS, EPOCHS)
    slices = np.array([hyperspherical_slice(cosine, GIVEN, alpha, beta, k) for cosine in COSINE])
    got = score_of(hm_weight_of(alpha, beta, k), run)
    np.testing.assert_allclose(got, weights @ slices, rtol=1e-3, atol=1e-6)
    if (alpha, beta, k) == (100.0, 100.0, 1):
        np.testing.assert_allclose(got, found(run, "hm_weight"), rtol=1e-3, atol=1e-6)


def test_cartography_and_flips_by_plain_loops(run):
    predicted = LOGITS.argmax(axis=2)  # (epoch, sample)
    fitted = predicted == GIVEN
    np.testing.assert_allclose(found(run, "correctness"), fitted.mean(axis=0))
    deviation = probabilities()[:, ROWS, GIVEN].std(axis=0)
    np.testing.assert_allclose(found(run, "variability"), deviation, rtol=1e-5)
    flips = [sum(a != b for a, b in zip(p, p[1:], strict=False)) for p in predicted.T]
    assert found(run, "prediction_flips").tolist() == flips
    first = [next((e for e in range(EPOCHS) if f[e]), EPOCHS) + 1 for f in fitted.T]
    assert found(run, "first_learned").tolist() == first
    forgotten = [
        sum(a and not b for a, b in zip(f, f[1:], strict=False)) if f.any() else EPOCHS + 1
        for f in fitted.T
    ]
    assert found(run, "forgetting").tolist() == forgotten


NAN = np.nan


@pytest.mark.parametrize(
    ("over", "values", "expected"),
    [
        ("drops", [1, 0, 1, 0], 2),
        ("drops", [1, NAN, 0, 1], 1),  # lost at some time in between
        ("drops", [0, 0, NAN, 0], 4),  # three epochs seen, and one
        ("drops", [NAN, NAN, NAN, NAN], NAN),
        ("first", [0, NAN, 1, 0], 3),
        ("first", [0, 0, 0, NAN], 5),
        ("first", [NAN, NAN, NAN, NAN], NAN),
        ("changes", [4, NAN, 4, 2], 1),
        ("changes", [NAN, 3, NAN, NAN], 0),
        ("deviation", [1, NAN, 3, NAN], 1),
        ("last", [1, 2, 3, NAN], NAN),
        ("ema", [NAN, 5, NAN, NAN], 5),
        ("ema", [1, NAN, NAN, 3], (0.9 * 1 + 3) / 1.9),
        ("mean", [1, NAN, 3, NAN], 2),
    ],
)
def test_running_states_with_missed_epochs(over, values, expected):
    state = OVER[over](1, 4, 1)
    for epoch, value in enumerate(values, start=1):
        state.update(epoch, np.array([value], dtype=np.float64))
    assert state.value()[0] == pytest.approx(expected, nan_ok=True)
