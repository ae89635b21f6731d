"""The compiled step against torch's and the specification in numpy."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hmw_core.margins import hyperspherical_slice
from hmw_core.objective import kernels
from hmw_core.objective.losses.stable import cross_entropy
from hmw_core.objective.weighting.hmw import HMWeighting, cosine_to_classes

N_SAMPLES = 40


def a_batch(seed=0, n_rows=16, n_classes=6, n_features=24, scale=1.0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_rows, n_features)).astype(np.float32) * scale
    class_vectors = rng.normal(size=(n_classes, n_features)).astype(np.float32)
    logits = (features @ class_vectors.T / 4).astype(np.float32)
    label = rng.integers(0, n_classes, n_rows)
    return logits, features, class_vectors, label, rng.permutation(N_SAMPLES)[:n_rows]


def compiled(batch, weighting, *, normalize=False, mode=kernels.WEIGHTED, epoch=1):
    return kernels.weighted_cross_entropy(
        *batch,
        normalize,
        mode,
        weighting.slice_sum.numpy(),
        weighting.coefficient_sum.numpy(),
        weighting.coefficient(epoch),
        float(weighting.alpha),
        float(weighting.beta),
        weighting.k,
    )


def by_torch(batch, weighting, *, normalize=False, epoch=1):
    logits, features, class_vectors, label, sample_id = map(torch.from_numpy, batch)
    logits = logits.requires_grad_()
    loss = cross_entropy(F.normalize(logits, dim=1) if normalize else logits, label)
    with torch.no_grad():
        cosine = cosine_to_classes(features, class_vectors)
    weight = weighting(cosine, label, sample_id, epoch)
    (weight * loss).mean().backward()
    return loss.detach(), logits.grad, cosine, weight


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_the_compiled_step_is_torchs(normalize, k, scale):
    ours, theirs = HMWeighting(N_SAMPLES, 9, k=k), HMWeighting(N_SAMPLES, 9, k=k)
    for epoch in (1, 2, 9):  # the sums of earlier epochs count
        batch = a_batch(epoch, scale=scale)
        found = compiled(batch, ours, normalize=normalize, epoch=epoch)
        expected = by_torch(batch, theirs, normalize=normalize, epoch=epoch)
        tolerance = {"rtol": 2e-4, "atol": 1e-7}  # steepness 50 on a rounded cosine
        for name, one, other in zip(
            ("loss", "gradient", "cosine", "weight"), found, expected, strict=True
        ):
            np.testing.assert_allclose(one, other, **tolerance, err_msg=f"{name}, epoch {epoch}")
    np.testing.assert_allclose(ours.slice_sum, theirs.slice_sum, rtol=2e-4)
    torch.testing.assert_close(ours.coefficient_sum, theirs.coefficient_sum)


def test_first_weights_are_the_specifications_slices():
    batch = a_batch()
    weighting = HMWeighting(N_SAMPLES, 9)
    _, _, cosine, weight = compiled(batch, weighting)
    exact = hyperspherical_slice(cosine.astype(np.float64), batch[3], 100.0, 100.0)
    np.testing.assert_allclose(weight, exact, rtol=1e-4)


def test_warm_up_weighs_1_and_records_and_uniform_records_nothing():
    weighting = HMWeighting(N_SAMPLES, 9)
    *_, weight = compiled(a_batch(), weighting, mode=kernels.UNIFORM)
    assert (weight == 1).all()
    assert (weighting.coefficient_sum == 0).all()
    *_, weight = compiled(a_batch(), weighting, mode=kernels.WARM_UP)
    assert (weight == 1).all()
    assert (weighting.slice_sum.numpy()[a_batch()[4]] > 0).all()


def test_a_sample_twice_in_a_batch_has_two_slices():
    batch = a_batch()
    batch[4][1] = batch[4][0]
    weighting, theirs = HMWeighting(N_SAMPLES, 9), HMWeighting(N_SAMPLES, 9)
    *_, weight = compiled(batch, weighting)
    assert weight[0] == weight[1]
    np.testing.assert_allclose(weight, by_torch(batch, theirs)[3], rtol=2e-4)


def test_losses_of_memorised_samples_keep_their_digits():
    batch = a_batch(n_rows=3, n_classes=3)
    batch[0][:] = [[20.0, 0, 0], [22, 0, 0], [25, 0, 0]]
    batch[3][:] = 0
    loss, gradient, *_ = compiled(batch, HMWeighting(N_SAMPLES, 9), mode=kernels.UNIFORM)
    np.testing.assert_allclose(loss, 2 * np.exp([-20.0, -22.0, -25.0]), rtol=1e-5)
    np.testing.assert_allclose(gradient[:, 0], -loss / 3, rtol=1e-5)


@pytest.mark.parametrize("normalize", [False, True])
def test_extreme_rows_are_finite_and_zero_vectors_have_cosine_0(normalize):
    batch = a_batch(n_rows=4, n_classes=3)
    batch[0][:] = [[300, -300, 0], [-300, 300, 0], [0, 0, 0], [1, 1, 1]]
    batch[1][0] = 0
    batch[2][1] = 0
    found = compiled(batch, HMWeighting(N_SAMPLES, 9), normalize=normalize)
    assert all(np.isfinite(values).all() for values in found)
    assert (found[2][0] == 0).all()
    assert (found[2][:, 1] == 0).all()
    assert (found[3] > 0).all()


def test_a_nan_reaches_the_loss_and_the_weight():
    batch = a_batch()
    batch[0][0, 2] = np.nan
    batch[1][1, 2] = np.nan
    loss, _, cosine, weight = compiled(batch, HMWeighting(N_SAMPLES, 9))
    assert np.isnan(loss[0])
    assert np.isnan(cosine[1]).all()
    assert np.isnan(weight[1])
    assert np.isfinite(loss[1:]).all()


def test_ties_and_masked_classes_as_in_torch():
    batch = a_batch(n_rows=4, n_classes=4, n_features=2)
    batch[1][:] = [[1, 0], [0, 1], [1, 1], [-1, 0]]
    batch[2][:] = [[1, 0], [1, 0], [0, 1], [0, 1]]
    expected = by_torch(batch, HMWeighting(N_SAMPLES, 9, k=2))
    found = compiled(batch, HMWeighting(N_SAMPLES, 9, k=2))
    np.testing.assert_allclose(found[3], expected[3], rtol=1e-4)
