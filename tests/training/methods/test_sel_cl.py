"""Sel-CL: pairs, degrees and losses against plain loops, and its guards."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hmw_core.errors import UsageError
from tests.contracts.test_every_method import LABEL, N_SAMPLES
from tests.training.methods.test_moit import run
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.neighbour_votes import agreeing, balanced_clean_set
from training.methods.sel_cl import (
    SelCL,
    SelCLPlus,
    classes,
    confident_pairs,
    degrees,
    pair_threshold,
    similarity_loss,
)
from training.recipes import recipe_fields

CPU = torch.device("cpu")
N = 40


def method(kind=SelCL, epochs=6, n_samples=N_SAMPLES, **arguments):
    torch.manual_seed(0)
    config = RunConfig(method="sel_cl", method_args=arguments, batch_size=20, epochs=epochs)
    return kind(config, Sizes(n_samples, 4, 1, (8, 8), CPU))


def made_up(seed=0, n_classes=4):
    """Return embeddings, labels and votes of N samples."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(n_classes, (N,), generator=generator)
    embedding = F.normalize(torch.randn(N, 3, generator=generator), dim=1)
    shares = F.one_hot(label, n_classes) * 0.4 + 0.6 * torch.rand(
        N, n_classes, generator=generator
    ).softmax(dim=1)
    return embedding, label, shares


def looped_pairs(embedding, label, clean, beta):
    """Return the pairs of N samples, N x N bool, from their definition."""
    cosine = (embedding.double() @ embedding.double().T).numpy()
    firsts = [
        cosine[i, j]
        for i in range(N)
        for j in range(N)
        if i != j and label[i] == label[j] and clean[i] and clean[j]
    ]
    threshold = np.quantile(firsts, beta, method="lower")
    pairs = np.zeros((N, N), dtype=bool)
    for i in range(N):
        for j in range(N):
            both = bool(clean[i] and clean[j])
            near = cosine[i, j] >= threshold - 1e-6
            pairs[i, j] = i != j and bool(label[i] == label[j]) and (both or near)
    return pairs, threshold


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 0.25), (0.75, 0.35), (0.25, 0.0)])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_pairs_against_plain_loops(alpha, beta, seed):
    embedding, label, shares = made_up(seed)
    agreed = [int((label[agreeing(shares, label)[1]] == c).sum()) for c in range(4)]
    clean = balanced_clean_set(shares, label, 4, alpha)
    quota = math.floor(np.quantile(agreed, alpha))
    sizes = [int((label == c).sum()) for c in range(4)]
    assert label[clean].bincount(minlength=4).tolist() == [min(quota, size) for size in sizes]
    pairs, threshold = looped_pairs(embedding, label, clean, beta)
    mine = pair_threshold(embedding, label, clean, beta)
    assert mine.item() == pytest.approx(threshold, abs=2.1e-6)
    both = clean[:, None] & clean
    matrix = confident_pairs(embedding @ embedding.T, label[:, None] == label, both, mine)
    matrix.fill_diagonal_(False)
    assert np.array_equal(matrix.numpy(), pairs)
    assert degrees(embedding, label, clean, mine).tolist() == pairs.sum(axis=1).tolist()
    if beta == 0:  # every pair of a label as near as the least near confident pair
        cosine = embedding @ embedding.T
        least = cosine[both & (label[:, None] == label)].min()
        assert pairs[((label[:, None] == label) & (cosine >= least)).fill_diagonal_(False)].all()


def test_confident_samples_without_a_pair():
    embedding, label, _ = made_up()
    clean = torch.zeros(N, dtype=torch.bool)
    clean[label.eq(0).nonzero()[0]] = True
    threshold = pair_threshold(embedding, label, clean, 0.25)
    assert threshold == torch.inf
    assert degrees(embedding, label, clean, threshold).sum() == 0


def test_classes_in_chunks(monkeypatch):
    embedding, label, shares = made_up()
    clean = balanced_clean_set(shares, label, 4)
    whole = pair_threshold(embedding, label, clean, 0.35)
    degree = degrees(embedding, label, clean, whole)
    monkeypatch.setattr("training.methods.sel_cl.CHUNK", 3)
    assert len(list(classes(embedding, label))) > 4
    assert pair_threshold(embedding, label, clean, 0.35) == pytest.approx(whole.item(), abs=2e-6)
    assert torch.equal(degrees(embedding, label, clean, whole), degree)


def test_classes_permuted_are_the_same_pairs():
    embedding, label, shares = made_up()
    clean = balanced_clean_set(shares, label, 4)
    other = torch.tensor([2, 0, 3, 1])[label]
    threshold = pair_threshold(embedding, label, clean, 0.25)
    assert threshold == pair_threshold(embedding, other, clean, 0.25)
    assert torch.equal(
        degrees(embedding, label, clean, threshold), degrees(embedding, other, clean, threshold)
    )


def test_the_similarity_loss_against_plain_loops():
    logits = torch.tensor([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 3.0]])
    target = torch.tensor([[0.0, 0.7, 0.3], [0.7, 1.0, 0.0], [0.0, 0.1, 0.5]])
    probs = logits.double().softmax(dim=1)
    terms = []
    for i in range(3):
        for j in range(3):
            if i != j:
                same, aim = float(probs[i] @ probs[j]), float(target[i, j])
                terms.append(-aim * math.log(same) - (1 - aim) * math.log(1 - same))
    assert similarity_loss(logits, target).item() == pytest.approx(sum(terms) / 6, rel=1e-5)
    sure = torch.tensor([[200.0, 0.0], [200.0, 0.0]], requires_grad=True)  # 1 exactly
    similarity_loss(sure, torch.zeros(2, 2)).backward()
    assert torch.isfinite(sure.grad).all()


def test_the_contrast_of_pictures_against_plain_loops():
    trained = method()
    rng = torch.Generator().manual_seed(0)
    embedding, keys, past = (
        F.normalize(torch.randn(n, 128, generator=rng), dim=1) for n in (2, 4, 3)
    )
    trained.instances.put(past, torch.zeros(3, dtype=torch.int64), torch.tensor([7, 11, 9]))
    sample_id = torch.tensor([9, 5, 6, 7])
    mine = trained._instance_losses(embedding, keys, sample_id, trained.instances.past())
    for i, expected in enumerate(mine):
        # The third past key is the first picture's own: it is no negative.
        others = [key for place, key in enumerate(past) if i or place != 2]
        scores = [math.exp(float(embedding[i] @ key) / 0.1) for key in (*keys, *others)]
        assert expected.item() == pytest.approx(-math.log(scores[i] / sum(scores)), rel=1e-4)


def test_the_warm_up_learns_no_label_and_the_check_begins_with_its_last_epoch():
    trained = method(warmup_epochs=2)
    before = trained.network.last_layer.weight.clone()
    assert run(trained, 1) == {}
    assert run(trained, 2).keys() == {"knn_agreement", "selcl_member", "selcl_degree"}
    assert torch.equal(trained.network.last_layer.weight, before)
    assert (trained.stage(2), trained.stage(3)) == ("warm-up", "train")
    said = run(trained, 3)
    assert not torch.equal(trained.network.last_layer.weight, before)
    counts = LABEL[said["selcl_member"]].bincount(minlength=4)
    assert (counts == counts[0]).all()
    assert (said["selcl_degree"][said["selcl_member"]] >= counts[0] - 1).all()
    assert -1 <= trained.epoch_metrics()["pair_threshold"] <= 1


def test_classifies_confident_samples_only(monkeypatch):
    trained = method()
    run(trained, 1)
    confident, seen = trained.is_clean.clone(), []
    original = trained._classified
    monkeypatch.setattr(
        trained, "_classified", lambda b, d: (seen.append(b.sample_id), original(b, d))[1]
    )
    run(trained, 2)
    drawn = torch.cat(seen)
    assert len(drawn) == N_SAMPLES
    assert confident[drawn].all()


def test_samples_without_a_partner_are_contrasted_alone(monkeypatch):
    trained, seen = method(memory_epoch=6), []
    run(trained, 1)
    original = trained._instance_losses
    monkeypatch.setattr(
        trained,
        "_instance_losses",
        lambda e, k, s, p: (seen.append(s[: len(e)]), original(e, k, s, p))[1],
    )
    # Everybody is alone, then nobody of a batch of twenty; the last one has eight.
    trained.is_clean.fill_(False)
    trained.threshold.fill_(torch.inf)
    trained.is_clean[0] = True  # for the classification
    run(trained, 2)
    assert sorted(torch.cat(seen).tolist()) == list(range(N_SAMPLES))
    seen.clear()
    trained.is_clean.fill_(True)
    run(trained, 3)
    assert [len(rows) for rows in seen[:2]] == [0, 0]
    assert all(torch.isfinite(p).all() for p in trained.parameters())


def test_the_gradient_of_the_similarity_is_clipped():
    trained = method()
    weight = trained.network.last_layer.weight
    for group in trained.optimizers[0].param_groups:
        group.update(lr=1.0, momentum=0.0, weight_decay=0.0)
    before = weight.detach().clone()
    trained._descend(weight.sum() * 0, 100 * weight.sum())
    assert (before - weight).norm().item() == pytest.approx(0.25, rel=1e-4)
    before = weight.detach().clone()
    trained._descend(weight[0, 0] * 3, weight[0, 1] * 0.1)
    moved = (before - weight)[0, :2]
    assert moved.tolist() == pytest.approx([3.0, 0.1], rel=1e-4)


def test_the_slow_copy_follows_quickly_at_first():
    trained = method(ema_decay=0.5)
    before = trained.slow_projection.linear.weight.clone()
    with torch.no_grad():
        trained.projection.linear.weight.add_(1.0)
    trained._follow()  # keeps 1/10
    moved = trained.slow_projection.linear.weight - before
    torch.testing.assert_close(moved, torch.full_like(moved, 0.9))
    trained.step.fill_(1000)
    trained._follow()  # keeps 1/2
    moved = trained.slow_projection.linear.weight - before
    torch.testing.assert_close(moved, torch.full_like(moved, 0.95))


def test_warm_ups_too_long_for_the_run():
    with pytest.raises(UsageError, match="warm-up of 6 epochs, and here it may have 5"):
        method(warmup_epochs=6)
    with pytest.raises(UsageError, match="warm-up of 3 epochs, and here it may have 2"):
        method(SelCLPlus, warmup_epochs=3, train_epochs=2)
    assert method(epochs=2).args["warmup_epochs"] == 1
    plus = method(SelCLPlus, epochs=2)
    assert [plus.stage(epoch) for epoch in (1, 2)] == ["warm-up", "fine-tune"]
    for epoch in (1, 2):
        run(plus, epoch)


def test_recipes_have_the_published_settings():
    def args(name, *about):
        return recipe_fields(name, *about).get("method_args", {})

    defaults = {a.name: a.default for a in SelCL.arguments}
    assert (defaults["alpha"], defaults["beta"], defaults["memory_per_class"]) == (0.5, 0.25, 1000)
    assert args("Sel-CL", "cifar10", "symmetric", 0.5) == {}
    hundred = {"alpha": 0.75, "beta": 0.35, "memory_per_class": 100}
    assert args("Sel-CL", "cifar100", "symmetric", 0.5) == hundred
    assert args("Sel-CL+", "cifar100", "superclass_shift", 0.4) == hundred | {
        "alpha": 0.25,
        "beta": 0.0,
    }
    assert recipe_fields("Sel-CL", "cifar10", "none")["epochs"] == 250
    plus = RunConfig(**recipe_fields("Sel-CL+", "cifar10", "none"))
    values = SelCLPlus(plus, Sizes(64, 10, 3, (32, 32), CPU)).args
    assert (values["train_epochs"], values["warmup_epochs"], values["memory_epoch"]) == (250, 1, 4)
    web = recipe_fields("Sel-CL+", "webvision", "none")
    assert (web["epochs"], web["batch_size"], web["network"]) == (180, 64, "timm:resnet18")
    assert web["method_args"]["train_epochs"] == 130
