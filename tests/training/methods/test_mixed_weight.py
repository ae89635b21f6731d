"""What a mixed picture weighs: by its own pass, or by its samples' past."""

import pytest
import torch

from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.weighting.hmw import cosine_to_classes
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.mixed_weight import MixedWeighting

CPU = torch.device("cpu")


def weighting(n_classes=4, **fields):
    sizes = Sizes(6, n_classes, 1, (8, 8), CPU)
    return MixedWeighting(RunConfig(weighting="hmw", alpha=2.0, beta=2.0, **fields), sizes)


def passed(seed=0):
    generator = torch.Generator().manual_seed(seed)
    features, vectors = (torch.randn(n, 5, generator=generator) for n in (6, 4))
    return Forward(features @ vectors.T, features, vectors)


def batch(epoch=1):
    label, rows = torch.tensor([0, 1, 2, 3, 0, 1]), torch.arange(6)
    return Batch((torch.zeros(6, 1, 8, 8),), label, rows, epoch)


TARGETS = torch.eye(4)[torch.tensor([0, 1, 2, 3, 0, 1])]
OTHER = torch.tensor([1, 0, 3, 2, 5, 4])


def factor(method, epoch=1, share=0.75, **options):
    return method.of_mixed(passed(), TARGETS, share, OTHER, torch.arange(6), epoch, **options)


def test_a_history_weighs_both_samples_by_their_shares():
    method = weighting(weighting_args={"mixed": "history"})
    assert factor(method).tolist() == [1] * 6  # nothing is known yet
    out = passed()
    own = method.observe(cosine_to_classes(out.features, out.class_vectors), batch())
    assert (own < 1).all()
    assert torch.allclose(factor(method), 0.75 * own + 0.25 * own[OTHER])
    is_labelled = torch.tensor([True, False, True, True, True, True])
    own = torch.where(is_labelled, own, 1.0)
    found = factor(method, is_labelled=is_labelled)
    assert torch.allclose(found, 0.75 * own + 0.25 * own[OTHER])


def test_without_a_history_the_own_pass_says_it():
    gated, ungated = (weighting(weighting_args={"mixed": m}) for m in ("gated", "ungated"))
    assert (factor(ungated) < 1).all()
    closed = factor(gated) == 1
    assert closed.any()
    assert torch.equal(factor(gated)[~closed], factor(ungated)[~closed])


def test_a_warm_up_and_no_weighting_weigh_one():
    assert factor(weighting(warmup_epochs=2), epoch=2).tolist() == [1] * 6
    assert (factor(weighting(warmup_epochs=2, weighting_args={"mixed": "ungated"}), 3) < 1).all()
    plain = MixedWeighting(RunConfig(), Sizes(6, 4, 1, (8, 8), CPU))
    assert factor(plain).tolist() == [1] * 6


def test_fewer_than_four_classes_are_refused_but_for_a_history():
    with pytest.raises(UsageError, match="4 classes, and the data has 3.*mixed history"):
        weighting(n_classes=3)
    weighting(n_classes=3, weighting_args={"mixed": "history"})
    MixedWeighting(RunConfig(), Sizes(6, 2, 1, (8, 8), CPU))
