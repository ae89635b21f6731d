"""The log's columns by torch, as a device computes them, against numpy's: the specification."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmw_core.log.tables import half_outputs
from hmw_core.margins import HMSettings
from hmw_core.objective import signals as by_torch
from hmw_core.recording.signals import signal_columns


def batch(n_classes, seed, scale=3.0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(9, n_classes)).astype(np.float32) * scale
    cosine = np.tanh(rng.normal(size=(9, n_classes))).astype(np.float32)
    return logits, cosine, rng.integers(0, n_classes, 9)


def assert_equal(logits, cosine, label, hm):
    expected = signal_columns(logits, cosine, label, hm)
    near = None if cosine is None else torch.from_numpy(cosine)
    found = by_torch.signal_columns(torch.from_numpy(logits), near, torch.from_numpy(label), hm)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-5, atol=1e-6, err_msg=name)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.data())
def test_equals_the_specification(n_classes, seed, data):
    k = data.draw(st.integers(1, max(1, n_classes - 2)))
    assert_equal(*batch(n_classes, seed), HMSettings(20.0, 30.0, k))


@pytest.mark.parametrize("n_classes", [2, 5])
def test_without_cosines(n_classes):
    logits, _, label = batch(n_classes, 0)
    assert_equal(logits, None, label, HMSettings())


def test_memorised_samples_keep_their_loss_and_masked_classes_their_names():
    logits = np.array([[40.0, 0.0, -1.0], [2.0, -np.inf, -np.inf]], dtype=np.float32)
    assert_equal(logits, None, np.array([0, 0]), HMSettings())
    loss = by_torch.signal_columns(
        torch.from_numpy(logits), None, torch.tensor([0, 0]), HMSettings()
    )["loss"]
    assert 0 < loss[0] < 1e-16


@pytest.mark.parametrize("keep", ["full", "topk", "none"])
def test_outputs_are_kept_alike(keep):
    logits, cosine, _ = batch(12, 3)
    logits[0, 0] = 1e6  # more than float16 holds
    expected = half_outputs(logits, cosine, keep)
    found = by_torch.half_outputs(torch.from_numpy(logits), torch.from_numpy(cosine), keep)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name].numpy(), values, rtol=1e-6)
        assert np.isfinite(found[name].numpy()).all()
