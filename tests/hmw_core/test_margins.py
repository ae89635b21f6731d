"""Eqs. 4-12 against plain loops, methods.md 4.5's golden values and 4.4's facts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hmw_core.errors import UsageError
from hmw_core.margins import (
    annealing_coefficient,
    annealing_weights,
    check_k,
    cosine_distance,
    hyperspherical_slice,
    iam_slice,
    margin,
    slice_of_distances,
    tkum,
    top_values,
)
from tests.hmw_core.golden import CLASS_VECTORS, FEATURES, GIVEN_LABEL

COSINE = (FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)) @ (
    CLASS_VECTORS / np.linalg.norm(CLASS_VECTORS, axis=1, keepdims=True)
).T

quick = settings(max_examples=60, deadline=None, database=None)
# Few distinct values, so that ties are common.
coarse = st.integers(-6, 6).map(lambda value: value / 4)


@st.composite
def scored_samples(draw, min_classes=3, values=coarse):
    n_samples, n_classes = draw(st.integers(1, 6)), draw(st.integers(min_classes, 7))
    scores = draw(arrays(np.float64, (n_samples, n_classes), elements=values))
    label = draw(arrays(np.int64, n_samples, elements=st.integers(0, n_classes - 1)))
    k = draw(st.integers(1, max(1, n_classes - 2)))
    return scores, label, k


cosines = st.floats(-1, 1, width=32)


def by_loop(scores, label, k):
    """Given, largest other and mean of the next k, sample by sample with full sorts."""
    rows = []
    for row, own in zip(scores.tolist(), label.tolist(), strict=True):
        rest = sorted((value for c, value in enumerate(row) if c != own), reverse=True)
        rows.append((row[own], rest[0], sum(rest[1 : k + 1]) / k))
    return np.array(rows).T


@quick
@given(scored_samples())
def test_top_values_equal_a_loop_also_with_ties(samples):
    scores, label, k = samples
    top = top_values(scores, label, k)
    np.testing.assert_allclose(top[:3], by_loop(scores, label, k), rtol=0, atol=1e-12)
    rows = np.arange(len(label))
    np.testing.assert_array_equal(scores[rows, top.other_label], top.other)
    assert (top.other_label != label).all()


def test_other_label_is_the_first_of_tied_classes_and_never_the_given_one():
    assert top_values([[2.0, 1.0, 1.0, 0.0]], [0]).other_label.tolist() == [1]
    masked = np.full((2, 3), -np.inf)
    assert top_values(masked, [0, 2]).other_label.tolist() == [1, 0]


@quick
@given(scored_samples(), st.floats(0, 50), st.floats(0, 50))
def test_logit_slice_is_eq_4(samples, alpha, beta):
    scores, label, k = samples
    own, other, following = by_loop(scores, label, k)
    np.testing.assert_allclose(margin(scores, label), own - other, atol=1e-12)
    np.testing.assert_allclose(tkum(scores, label, k), other - following, atol=1e-12)
    assert (tkum(scores, label, k) >= -1e-12).all()
    expected = alpha * (own - other) - beta * (other - following)
    np.testing.assert_allclose(iam_slice(scores, label, alpha, beta, k), expected, atol=1e-9)


@quick
@given(scored_samples(), st.randoms(use_true_random=False))
def test_renaming_the_classes_changes_nothing(samples, random):
    scores, label, k = samples
    order = list(range(scores.shape[1]))
    random.shuffle(order)
    renamed = scores[:, order]
    new_label = np.argsort(order)[label]
    for measure in (tkum, lambda s, t, k: hyperspherical_slice(s, t, 3.0, 7.0, k)):
        np.testing.assert_allclose(measure(renamed, new_label, k), measure(scores, label, k))


def test_golden_margins_on_the_sphere():
    top = top_values(-cosine_distance(COSINE), GIVEN_LABEL)
    np.testing.assert_allclose(
        -(top.given - top.other),
        [-0.146447, 0.194975, 0.348263, -0.000003, -0.234465, 0.301511],
        atol=6e-7,
    )
    np.testing.assert_allclose(
        -(top.other - top.topk),
        [-0.353553, -0.094975, -0.060788, -0.103550, -0.190005, -0.025866],
        atol=6e-7,
    )
    np.testing.assert_allclose(
        cosine_distance(COSINE)[0], [0, 0.5, 0.5, 0.146447, 0.990290], atol=6e-7
    )


@pytest.mark.parametrize(
    ("steepness", "golden"),
    [
        (1, [0.619367, 0.680403, 0.677413, 0.700816, 0.692652, 0.699827]),
        (100, [0.500000, 0.000038, 0.001145, 0.250058, 0.500000, 0.037639]),
    ],
)
def test_golden_hyperspherical_slices(steepness, golden):
    slices = hyperspherical_slice(COSINE, GIVEN_LABEL, steepness, steepness)
    np.testing.assert_allclose(slices, golden, atol=6e-7)


def test_small_coefficients_rank_the_easy_sample_below_the_mislabeled_one():
    easy, wrong = hyperspherical_slice(COSINE, GIVEN_LABEL, 1, 1)[:2]
    assert easy < wrong
    easy, wrong = hyperspherical_slice(COSINE, GIVEN_LABEL, 100, 100)[:2]
    assert easy > wrong


@quick
@given(
    scored_samples(values=cosines),
    st.floats(0, 5000, width=32),
    st.floats(0, 5000, width=32),
)
def test_hyperspherical_slice_is_above_0_and_at_most_1(samples, alpha, beta):
    cosine, label, k = samples
    for dtype in (np.float32, np.float64):
        slices = hyperspherical_slice(cosine.astype(dtype), label, alpha, beta, k)
        assert slices.dtype == dtype
        assert ((slices > 0) & (slices <= 1)).all()


def test_zero_coefficients_give_three_quarters_to_everyone():
    np.testing.assert_array_equal(hyperspherical_slice(COSINE, GIVEN_LABEL, 0, 0), 0.75)


def test_a_nan_class_makes_every_quantity_nan_and_only_in_its_row():
    scores = np.array([[1.0, np.nan, 0.0, 2.0], [1.0, 3.0, 0.0, 2.0]])
    for label in ([0, 0], [1, 1]):
        slices = hyperspherical_slice(scores / 4, label, 10.0, 10.0)
        assert np.isnan(slices).tolist() == [True, False]
        assert np.isnan(iam_slice(scores, label, 1.0, 1.0)).tolist() == [True, False]


def test_two_classes_leave_the_aum_term_alone():
    scores, label = np.array([[0.5, -0.25], [0.5, -0.25]]), np.array([0, 1])
    assert np.isnan(top_values(scores, label).topk).all()
    np.testing.assert_allclose(margin(scores, label), [0.75, -0.75])
    np.testing.assert_allclose(iam_slice(scores, label, 2.0, 5.0), [1.5, -1.5])
    expected = [1 / (1 + math.exp(-3.75)), 1 / (1 + math.exp(3.75))]  # 10 * 0.75 / 2
    np.testing.assert_allclose(hyperspherical_slice(scores, label, 10.0, 5.0), expected)
    with pytest.raises(UsageError, match="at least 3 classes"):
        tkum(scores, label)


def test_slice_of_logged_distances_is_the_slice_of_the_cosines():
    top = top_values(-cosine_distance(COSINE), GIVEN_LABEL, 2)
    np.testing.assert_allclose(
        slice_of_distances(-top.given, -top.other, -top.topk, 20.0, 30.0),
        hyperspherical_slice(COSINE, GIVEN_LABEL, 20.0, 30.0, k=2),
    )


@pytest.mark.parametrize(("k", "n_classes"), [(0, 5), (4, 5), (2, 3), (2, 2), (-1, 10)])
def test_a_k_out_of_range_is_named(k, n_classes):
    with pytest.raises(UsageError, match=f"k is {k}, but with {n_classes} classes"):
        top_values(np.zeros((1, n_classes)), [0], k)


def test_the_largest_k_is_two_less_than_the_classes():
    check_k(3, 5)
    assert top_values([[5.0, 4.0, 3.0, 2.0, 1.0]], [0], k=3).topk == 2.0


@pytest.mark.parametrize("label", [[3], [-1]])
def test_a_label_out_of_range_is_named(label):
    with pytest.raises(UsageError, match=r"3 classes: 0\.\.2"):
        margin(np.zeros((1, 3)), label)


@pytest.mark.parametrize(("scores", "label"), [(np.zeros(3), [0]), (np.zeros((2, 3)), [0])])
def test_shapes_that_do_not_fit_are_named(scores, label):
    with pytest.raises(UsageError, match="accepted are"):
        margin(scores, label)


def test_one_class_has_no_margin():
    with pytest.raises(UsageError, match="at least 2 classes"):
        margin(np.zeros((1, 1)), [0])


def test_inputs_are_left_alone_and_half_precision_is_raised():
    scores = np.array([[1.0, 2.0, 3.0]], dtype=np.float16)
    before = scores.copy()
    assert margin(scores, [2]).dtype == np.float32
    np.testing.assert_array_equal(scores, before)
    assert hyperspherical_slice(scores / 4, [2], 100.0, 100.0).dtype == np.float32


def test_no_samples_give_no_values():
    assert margin(np.zeros((0, 3)), np.zeros(0, int)).shape == (0,)


@pytest.mark.parametrize(
    ("start", "golden"),
    [
        (0, [0.435659, 0.325046, 0.160270, 0.079024]),
        (1, [0.521492, 0.257131, 0.126783, 0.094593]),
    ],
)
def test_golden_annealing_weights(start, golden):
    np.testing.assert_allclose(annealing_weights(4, 4, start), golden, atol=6e-7)
    default = annealing_weights(4, 4) if start == 1 else annealing_weights(4, 4, start=0)
    np.testing.assert_allclose(default, golden, atol=6e-7)


@pytest.mark.parametrize(
    ("start", "golden"), [(0, [0.572704, 0.427296]), (1, [0.669762, 0.330238])]
)
def test_golden_annealing_weights_after_two_of_four_epochs(start, golden):
    np.testing.assert_allclose(annealing_weights(2, 4, start), golden, atol=6e-7)


@pytest.mark.parametrize("start", [0, 1])
def test_annealing_is_mild(start):
    weights = annealing_weights(250, 250, start)
    assert weights.sum() == pytest.approx(1)
    assert weights[:125].sum() == pytest.approx(0.78, abs=0.005)
    assert weights[:10].sum() == pytest.approx(0.085, abs=0.001)
    assert (np.diff(weights) < 0).all()
    assert weights[0] / weights[-1] < math.e**2 == pytest.approx(7.39, abs=0.005)


def test_first_coefficient_of_the_code_is_e_squared_and_last_of_the_paper_is_1():
    assert annealing_coefficient(1, 40, start=0) == pytest.approx(math.e**2)
    assert annealing_coefficient(40, 40, start=1) == pytest.approx(1.0)
    coefficients = annealing_coefficient(np.arange(1, 4), 40)
    np.testing.assert_allclose(coefficients / coefficients.sum(), annealing_weights(3, 40))


@pytest.mark.parametrize(
    ("epoch", "n_epochs", "start"), [(0, 4, 1), (5, 4, 1), (1, 0, 1), (1, 4, 2)]
)
def test_an_epoch_or_start_out_of_range_is_refused(epoch, n_epochs, start):
    with pytest.raises(UsageError, match=r"outside 1\.\.|starts at 1"):
        annealing_coefficient(epoch, n_epochs, start)
