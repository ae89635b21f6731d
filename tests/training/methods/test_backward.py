"""The backward correction against numbers worked out by hand."""

import pytest
import torch

from training.config import RunConfig
from training.methods.backward import BackwardCorrection, backward_losses
from training.methods.base import Sizes

PROBS = torch.tensor([0.7, 0.2, 0.1]).repeat(3, 1)
MATRIX = torch.tensor([[0.8, 0.2, 0.0], [0.0, 0.7, 0.3], [0.1, 0.0, 0.9]])
LABELS = torch.arange(3)


def test_the_golden_losses():
    loss = backward_losses(PROBS.log(), MATRIX.inverse(), LABELS)
    assert loss.tolist() == pytest.approx([0.143454, 1.209559, 2.542489], abs=1e-5)


def test_the_identity_gives_cross_entropy():
    loss = backward_losses(PROBS.log(), torch.eye(3), LABELS)
    assert loss.tolist() == pytest.approx((-PROBS[0].log()).tolist())


def test_the_mean_over_the_labels_of_a_class_is_its_cross_entropy():
    losses = backward_losses(PROBS.log().double(), MATRIX.double().inverse(), LABELS)
    mean = MATRIX.double() @ losses
    assert mean.tolist() == pytest.approx((-PROBS[0].double().log()).tolist(), abs=1e-6)


def test_permuting_the_classes_changes_nothing():
    order = torch.tensor([2, 0, 1])
    loss = backward_losses(PROBS.log(), MATRIX.inverse(), LABELS)
    permuted = MATRIX[order][:, order].inverse()
    theirs = backward_losses(PROBS[:, order].log(), permuted, LABELS)
    assert theirs.tolist() == pytest.approx(loss[order].tolist(), abs=1e-5)


def test_the_gradient_is_the_prediction_minus_a_row_of_the_inverse():
    logits = PROBS.log().clone().requires_grad_()
    losses = backward_losses(logits.log_softmax(dim=1), MATRIX.inverse(), LABELS)
    losses.sum().backward()
    assert torch.allclose(logits.grad, PROBS - MATRIX.inverse(), atol=1e-5)


def test_losses_are_bounded_where_a_probability_is_zero():
    log_probs = torch.tensor([[0.0, -1000.0, -1000.0]])
    inverse = MATRIX.inverse()
    loss = backward_losses(log_probs, inverse, torch.tensor([0]))
    assert abs(loss.item()) <= inverse.abs().sum(dim=1).max() * 16.2  # -log 1e-7


def test_the_posterior_is_the_forward_one_under_the_same_matrix():
    measured = tuple(map(tuple, MATRIX.tolist()))
    sizes = Sizes(9, 3, 1, (8, 8), torch.device("cpu"), measured_transition=measured)
    config = RunConfig(method="backward", method_args={"transition": "true"})
    method = BackwardCorrection(config, sizes)
    losses, posterior = method.corrected_loss(method.transition)(PROBS.log(), LABELS)
    assert losses.tolist() == pytest.approx([0.143454, 1.209559, 2.542489], abs=1e-5)
    through = [0.7 * 0.8 + 0.1 * 0.1, 0.7 * 0.2 + 0.2 * 0.7, 0.2 * 0.3 + 0.1 * 0.9]
    own = [0.7 * 0.8, 0.2 * 0.7, 0.1 * 0.9]
    expected = [a / b for a, b in zip(own, through, strict=True)]
    assert posterior.tolist() == pytest.approx(expected)
