"""Losses: methods.md 4.5's golden values, limits, and extreme logits."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses import LOSSES
from tests.hmw_core import golden as example

CLASS_VECTORS = torch.tensor(example.CLASS_VECTORS, dtype=torch.float32)
FEATURES = torch.tensor(example.FEATURES, dtype=torch.float32)
LOGITS = FEATURES @ CLASS_VECTORS.T
GIVEN_LABEL = torch.tensor(example.GIVEN_LABEL)


def loss(name, logits=LOGITS, label=GIVEN_LABEL, **args):
    forward = Forward(logits, torch.zeros(len(logits), 3), torch.zeros(logits.shape[1], 3))
    batch = Batch(torch.zeros(len(logits), 1, 2, 2), label, torch.arange(len(logits)), 1)
    return LOSSES[name](len(logits), logits.shape[1], **args)(forward, batch)


@pytest.mark.parametrize(
    ("name", "args", "golden"),
    [
        ("ce", {}, [0.9601, 1.5115, 1.9065, 1.3842, 0.9863, 1.7678]),
        ("ce", {"normalize_logits": True}, [1.1536, 1.5158, 1.8322, 1.4231, 1.0442, 1.6806]),
        ("sce", {}, [5.7801, 7.3300, 8.0324, 7.0413, 5.8741, 7.8148]),
        ("sce", {"a": 6, "b": 0.1}, [6.3289, 9.7871, 12.2232, 8.9953, 6.4956, 11.3706]),
    ],
)
def test_golden_values(name, args, golden):
    np.testing.assert_allclose(loss(name, **args), golden, atol=6e-5)


def test_gce_is_its_formula_with_the_papers_q():
    prob = LOGITS.double().softmax(dim=1)[torch.arange(6), GIVEN_LABEL]
    np.testing.assert_allclose(loss("gce"), (1 - prob**0.7) / 0.7, rtol=1e-6)


def test_gce_runs_from_cross_entropy_to_the_absolute_error():
    np.testing.assert_allclose(loss("gce", q=1e-7), loss("ce"), rtol=1e-5)
    prob = LOGITS.softmax(dim=1)[torch.arange(6), GIVEN_LABEL]
    np.testing.assert_allclose(loss("gce", q=1.0), 1 - prob, rtol=1e-6)


def test_normalized_logits_bound_the_cross_entropy_of_ten_classes():
    best, worst = torch.full((1, 10), -1.0), torch.full((1, 10), 1.0)
    best[0, 0], worst[0, 0] = 9.0, -9.0  # any other row of length 1 lies between
    label = torch.tensor([0])
    ends = [loss("ce", x * 7, label, normalize_logits=True).item() for x in (best, worst)]
    assert ends == pytest.approx([1.420, 3.289], abs=6e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_normalizing_is_dividing_by_the_length_whatever_the_scale(name):
    unit = loss(name, F.normalize(LOGITS, dim=1))
    np.testing.assert_allclose(loss(name, 50 * LOGITS, normalize_logits=True), unit, rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_logits_give_finite_losses_and_gradients(name):
    logits = torch.tensor([[300.0, -300, 0], [-300, 300, 0], [0, 0, 0]], requires_grad=True)
    values = loss(name, logits, torch.tensor([0, 0, 1]))
    values.sum().backward()
    assert values.isfinite().all()
    assert logits.grad.isfinite().all()
    assert values[0] < 1e-4 < values[1]


def test_sce_clamps_are_the_papers():
    logits = torch.tensor([[-200.0, 200, 0, 0]])  # probabilities 0 1 0 0
    right, wrong = (loss("sce", logits, torch.tensor([t]), a=0, b=1).item() for t in (1, 0))
    assert wrong == pytest.approx(-math.log(1e-4), rel=1e-6)
    assert right == pytest.approx(-3 * 1e-7 * math.log(1e-4), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("gce", {"q": 0.0}),
        ("gce", {"q": 1.5}),
        ("sce", {"a": -1.0}),
        ("sce", {"a": 0.0, "b": 0.0}),
        ("sce", {"a": math.nan}),
    ],
)
def test_a_parameter_out_of_range_is_refused(name, args):
    with pytest.raises(UsageError, match=f"{name} needs"):
        LOSSES[name](6, 5, **args)


def test_zero_logits_survive_normalizing():
    logits = torch.zeros(1, 4, requires_grad=True)
    value = loss("ce", logits, torch.tensor([0]), normalize_logits=True)
    value.sum().backward()
    assert value.item() == pytest.approx(math.log(4))
    assert logits.grad.isfinite().all()


def test_cross_entropy_is_torchs_with_its_gradient():
    logits = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)).double() * 5
    label = torch.arange(50) % 7
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    value = loss("ce", ours, label)
    expected = F.cross_entropy(theirs, label, reduction="none")
    value.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("name", ["ce", "gce"])
def test_losses_of_memorised_samples_stay_ranked(name):
    logits = torch.tensor([[20.0, 0, 0], [22, 0, 0], [25, 0, 0]])
    values = loss(name, logits, torch.zeros(3, dtype=torch.int64))
    expected = 2 * np.exp([-20.0, -22, -25])  # both losses agree to first order
    np.testing.assert_allclose(values, expected, rtol=1e-5)
