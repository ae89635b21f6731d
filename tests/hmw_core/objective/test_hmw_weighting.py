"""The torch weight against margins.py, the table form of Eq. 7, and every option on its own."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmw_core.errors import UsageError
from hmw_core.margins import HMSettings, annealing_weights, hyperspherical_slice
from hmw_core.objective.weighting.hmw import HMWeighting, cosine_to_classes
from tests.hmw_core import golden as example

CLASS_VECTORS = torch.tensor(example.CLASS_VECTORS, dtype=torch.float32)
FEATURES = torch.tensor(example.FEATURES, dtype=torch.float32)
GIVEN_LABEL = torch.tensor(example.GIVEN_LABEL)
SAMPLE_ID = torch.arange(6)
COSINE = cosine_to_classes(FEATURES, CLASS_VECTORS)

quick = settings(max_examples=40, deadline=None, database=None)


def random_epochs(n_epochs=5, n_samples=7, n_classes=6, seed=0):
    """Cosines (epoch, sample, class) and labels (sample,)."""
    rng = np.random.default_rng(seed)
    cosine = rng.uniform(-1, 1, (n_epochs, n_samples, n_classes)).astype(np.float32)
    return cosine, rng.integers(n_classes, size=n_samples)


def train(weighting, cosine, label, epochs):
    """Run whole epochs in shuffled batches of three; return the weights of the last one."""
    weight = torch.full((len(label),), torch.nan)
    for epoch in epochs:
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(len(label)))
        for batch in order.split(3):  # the last batch has one sample
            weight[batch] = weighting(
                torch.from_numpy(cosine[epoch - 1])[batch],
                torch.from_numpy(label)[batch],
                batch,
                epoch,
            )
    return weight


def table_form(cosine, label, *, start=1, horizon=None, **kwargs):
    """Eq. 7 as printed: a table of slices, times the softmax of Eq. 8."""
    slices = np.stack([hyperspherical_slice(c, label, **kwargs) for c in cosine])
    return annealing_weights(len(cosine), horizon or len(cosine), start) @ slices


@pytest.mark.parametrize(
    ("steepness", "golden"),
    [
        (1.0, [0.619367, 0.680403, 0.677413, 0.700816, 0.692652, 0.699827]),
        (100.0, [0.500000, 0.000038, 0.001145, 0.250058, 0.500000, 0.037639]),
    ],
)
def test_golden_slices_are_the_first_weights(steepness, golden):
    weighting = HMWeighting(6, 4, alpha=steepness, beta=steepness)
    weight = weighting(COSINE, GIVEN_LABEL, SAMPLE_ID, 1)
    np.testing.assert_allclose(weight, golden, atol=3e-6)


def test_defaults_are_the_papers():
    weighting = HMWeighting(6, 4)
    assert weighting.settings == HMSettings(100.0, 100.0, 1, 1)
    assert weighting.warmup_epochs == 0
    assert (weighting.history, weighting.terms) == ("ca", "both")


@quick
@given(st.integers(3, 8), st.integers(0, 2**32 - 1), st.booleans(), st.data())
def test_slices_equal_margins_py_also_with_ties(n_classes, seed, tied, data):
    k = data.draw(st.integers(1, n_classes - 2))
    alpha, beta = data.draw(st.tuples(st.floats(0, 200), st.floats(0, 200)))
    cosine, label = random_epochs(1, 9, n_classes, seed)
    if tied:
        cosine = np.round(cosine * 2) / 2
    ours = HMWeighting(9, 1, alpha, beta, k).slices(
        torch.from_numpy(cosine[0]), torch.from_numpy(label)
    )
    expected = hyperspherical_slice(cosine[0], label, alpha, beta, k)
    np.testing.assert_allclose(ours, expected, rtol=2e-5, atol=1e-37)
    assert ((ours > 0) & (ours <= 1)).all()


def test_two_class_slices_equal_margins_py():
    cosine, label = random_epochs(1, 9, n_classes=2)
    ours = HMWeighting(9, 1, alpha=30.0, terms="aum").slices(
        torch.from_numpy(cosine[0]), torch.from_numpy(label)
    )
    np.testing.assert_allclose(ours, hyperspherical_slice(cosine[0], label, 30.0, 9.0), rtol=2e-5)


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("n_seen", [1, 2, 5])
def test_running_sum_equals_the_table(start, n_seen):
    cosine, label = random_epochs()
    weighting = HMWeighting(7, 5, 20.0, 30.0, k=3, annealing_start=start)
    weight = train(weighting, cosine, label, range(1, n_seen + 1))
    expected = table_form(
        cosine[:n_seen], label, start=start, horizon=5, alpha=20.0, beta=30.0, k=3
    )
    np.testing.assert_allclose(weight, expected, rtol=1e-5)


def test_annealing_start_matters():
    cosine, label = random_epochs()
    paper, code = (
        train(HMWeighting(7, 5, 20.0, 30.0, annealing_start=start), cosine, label, range(1, 6))
        for start in (1, 0)
    )
    assert (paper - code).abs().max() > 1e-3


def test_horizon_is_a_parameter():
    cosine, label = random_epochs()
    weight = train(HMWeighting(7, 50, 20.0, 30.0), cosine, label, range(1, 6))
    expected = table_form(cosine, label, horizon=50, alpha=20.0, beta=30.0)
    np.testing.assert_allclose(weight, expected, rtol=1e-5)
    assert np.abs(expected - table_form(cosine, label, alpha=20.0, beta=30.0)).max() > 1e-3


@quick
@given(st.integers(0, 2**32 - 1))
def test_weight_is_above_0_and_at_most_1(seed):
    cosine, label = random_epochs(n_epochs=4, seed=seed)
    weight = train(HMWeighting(7, 4), cosine, label, range(1, 5))
    assert ((weight > 0) & (weight <= 1)).all()


def test_resume_equals_no_interruption(tmp_path):
    cosine, label = random_epochs()
    whole = train(HMWeighting(7, 5, 20.0, 30.0), cosine, label, range(1, 6))
    first = HMWeighting(7, 5, 20.0, 30.0)
    train(first, cosine, label, range(1, 4))
    torch.save(first.state_dict(), tmp_path / "checkpoint.pt")
    second = HMWeighting(7, 5, 20.0, 30.0)
    second.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    assert torch.equal(train(second, cosine, label, range(4, 6)), whole)


def test_a_sample_missed_in_an_epoch_keeps_its_own_denominator():
    cosine, label = random_epochs(n_epochs=3)
    weighting = HMWeighting(7, 3, 20.0, 30.0)
    everyone, without_first = torch.arange(7), torch.arange(1, 7)
    for epoch, seen in [(1, everyone), (2, without_first), (3, everyone)]:
        weight = weighting(
            torch.from_numpy(cosine[epoch - 1])[seen],
            torch.from_numpy(label)[seen],
            seen,
            epoch,
        )
    slices = [hyperspherical_slice(c[:1], label[:1], 20.0, 30.0)[0] for c in cosine]
    coefficient = [math.exp(1 + math.cos(math.pi * j / 3)) for j in (1, 3)]
    expected = (coefficient[0] * slices[0] + coefficient[1] * slices[2]) / sum(coefficient)
    assert weight[0].item() == pytest.approx(expected, rel=1e-5)


def test_a_sample_twice_in_a_batch_has_two_slices():
    cosine, _ = random_epochs(n_epochs=1, n_samples=2)
    weighting = HMWeighting(5, 3, 20.0, 30.0)
    weight = weighting(torch.from_numpy(cosine[0]), torch.tensor([0, 1]), torch.tensor([4, 4]), 1)
    expected = hyperspherical_slice(cosine[0], [0, 1], 20.0, 30.0).mean()
    np.testing.assert_allclose(weight, [expected, expected], rtol=1e-5)


def test_warmup_weighs_1_but_its_slices_count_later():
    cosine, label = random_epochs()
    weighting = HMWeighting(7, 5, 20.0, 30.0, warmup_epochs=3)
    for epoch in (1, 2, 3):
        assert (train(weighting, cosine, label, [epoch]) == 1).all()
    weight = train(weighting, cosine, label, [4])
    expected = table_form(cosine[:4], label, horizon=5, alpha=20.0, beta=30.0)
    np.testing.assert_allclose(weight, expected, rtol=1e-5)


def test_history_uniform_mean():
    cosine, label = random_epochs()
    weighting = HMWeighting(7, 5, 20.0, 30.0, history="uniform_mean")
    weight = train(weighting, cosine, label, range(1, 6))
    expected = np.mean([hyperspherical_slice(c, label, 20.0, 30.0) for c in cosine], axis=0)
    np.testing.assert_allclose(weight, expected, rtol=1e-5)


def test_history_current():
    cosine, label = random_epochs()
    weighting = HMWeighting(7, 5, 20.0, 30.0, history="current")
    weight = train(weighting, cosine, label, range(1, 6))
    expected = hyperspherical_slice(cosine[-1], label, 20.0, 30.0)
    np.testing.assert_allclose(weight, expected, rtol=1e-5)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def one_weight(scores, **kwargs):
    weighting = HMWeighting(1, 1, alpha=2.0, beta=3.0, **kwargs)
    return weighting(torch.tensor([scores]), torch.tensor([0]), torch.tensor([0]), 1).item()


# Cosines .5 (given), .75, .25, -.5: distances .25, .125, .375, .75, so M = .125 and U = -.25.
SCORES = [0.5, 0.75, 0.25, -0.5]
AUM_TERM, TKUM_TERM = sigmoid(-2 * 0.125), math.exp(-3 * 0.25)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (AUM_TERM + TKUM_TERM) / 2),
        ({"terms": "aum"}, AUM_TERM),
        ({"terms": "tkum"}, TKUM_TERM),
        ({"k": 2}, (AUM_TERM + math.exp(3 * (0.125 - (0.375 + 0.75) / 2))) / 2),
    ],
)
def test_terms_and_factor(options, expected):
    assert one_weight(SCORES, **options) == pytest.approx(expected, rel=1e-6)


@quick
@given(st.floats(0.01, 100), st.integers(0, 2**32 - 1))
def test_lengths_of_features_and_class_vectors_do_not_matter(scale, seed):
    rng = np.random.default_rng(seed)
    stretch = torch.from_numpy(rng.uniform(0.01, 100, (5, 1)).astype(np.float32))
    stretched = cosine_to_classes(FEATURES * scale, CLASS_VECTORS * stretch)
    np.testing.assert_allclose(stretched, COSINE, atol=1e-6)


def test_cosine_of_a_zero_vector_is_0_and_its_slice_finite():
    cosine = cosine_to_classes(torch.zeros(1, 3), CLASS_VECTORS)
    assert torch.equal(cosine, torch.zeros(1, 5))
    weight = HMWeighting(1, 1)(cosine, torch.tensor([0]), torch.tensor([0]), 1)
    assert weight.item() == pytest.approx(0.75)  # every distance .5: nothing speaks either way


def test_cosine_is_float32_under_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cosine = cosine_to_classes(FEATURES, CLASS_VECTORS)
        weight = HMWeighting(6, 1)(cosine, GIVEN_LABEL, SAMPLE_ID, 1)
    assert cosine.dtype == weight.dtype == torch.float32
    assert torch.equal(cosine, COSINE)


def test_half_precision_similarity_is_raised_before_it_is_amplified():
    half = COSINE.bfloat16()
    np.testing.assert_allclose(
        HMWeighting(6, 1)(half, GIVEN_LABEL, SAMPLE_ID, 1),
        HMWeighting(6, 1)(half.float(), GIVEN_LABEL, SAMPLE_ID, 1),
    )


def test_weight_has_no_gradient():
    features = FEATURES.clone().requires_grad_()
    weight = HMWeighting(6, 1)(
        cosine_to_classes(features, CLASS_VECTORS), GIVEN_LABEL, SAMPLE_ID, 1
    )
    assert not weight.requires_grad


def test_batch_of_one_and_of_none():
    weighting = HMWeighting(6, 1)
    assert weighting(COSINE[:1], GIVEN_LABEL[:1], SAMPLE_ID[:1], 1).shape == (1,)
    assert weighting(COSINE[:0], GIVEN_LABEL[:0], SAMPLE_ID[:0], 1).shape == (0,)


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": -1.0},
        {"beta": math.nan},
        {"k": 0},
        {"annealing_start": 2},
        {"warmup_epochs": -1},
        {"history": "mean"},
        {"terms": "none"},
        {"n_epochs": 0},
    ],
)
def test_an_option_out_of_range_is_refused_when_built(options):
    with pytest.raises(UsageError):
        HMWeighting(**{"n_samples": 6, "n_epochs": 4, **options})


def test_two_classes_need_the_aum_term_alone():
    for terms in ("both", "tkum"):
        with pytest.raises(UsageError, match='use terms="aum"'):
            HMWeighting(1, 1, terms=terms).check_classes(2)
    HMWeighting(1, 1, terms="aum", k=5).check_classes(2)


def test_a_k_too_large_is_refused_at_the_check_and_at_the_call():
    weighting = HMWeighting(6, 1, k=4)
    with pytest.raises(UsageError, match="k is 4, but with 5 classes"):
        weighting.check_classes(5)
    with pytest.raises(UsageError, match="k is 4, but with 5 classes"):
        weighting(COSINE, GIVEN_LABEL, SAMPLE_ID, 1)


def test_an_epoch_beyond_the_horizon_is_refused():
    with pytest.raises(UsageError, match=r"outside 1\.\.4"):
        HMWeighting(6, 4)(COSINE, GIVEN_LABEL, SAMPLE_ID, 5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_weight_on_a_gpu_neither_waits_nor_differs():
    cosine, label = random_epochs(2, n_samples=300, n_classes=10)
    weighting = HMWeighting(300, 2, 20.0, 30.0).cuda()
    batches = [
        (torch.from_numpy(c).cuda(), torch.from_numpy(label).cuda(), torch.arange(300).cuda(), e)
        for e, c in enumerate(cosine, start=1)
    ]
    weighting.slices(*batches[0][:2])  # loads kernels, which may wait
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        weights = [weighting(*batch) for batch in batches]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    expected = table_form(cosine, label, alpha=20.0, beta=30.0)
    np.testing.assert_allclose(weights[-1].cpu(), expected, rtol=1e-4)
