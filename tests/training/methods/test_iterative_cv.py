"""INCV's numbers against those worked out outside, and its rounds on planted predictions."""

import pytest
import torch

from hmw_core.errors import UsageError
from hmw_core.objective.batch import Forward
from tests.contracts.test_every_method import LABEL, N_SAMPLES, epoch_data, make_method
from training.config import RunConfig
from training.data.prepare import load_data
from training.loop import Training
from training.methods import iterative_cv
from training.methods.base import Sizes
from training.methods.iterative_cv import (
    IterativeCV,
    estimated_rate,
    halves,
    joined,
    n_kept,
    removal_share,
    wrong_share,
)


def test_the_chain_from_agreement_to_what_is_kept():
    rates = [estimated_rate(agreement, 10) for agreement in (0.9, 0.7, 0.5, 0.3)]
    assert rates == [0.052, 0.166, 0.3, 0.476]
    removed = [removal_share(rate) for rate in rates]
    assert removed == pytest.approx([0.0549, 0.1990, 0.4286, 0.9084], abs=5e-5)
    kept = [n_kept(128, wrong_share(rate, 9), 10, 10) for rate in rates]
    assert kept == [128, 127, 125, 117]
    assert n_kept(128, wrong_share(0.476, 9), 5, 10) == round(128 * (1 - 0.084 / 2))


def test_the_ends_are_defined():
    assert [estimated_rate(agreement, 2) for agreement in (1.0, 0.5, 0.0)] == [0.0, 0.5, 0.5]
    assert estimated_rate(0.0, 100) == 0.99
    assert [removal_share(rate) for rate in (0.0, 0.9, 1.0)] == [0.0, 2.0, 2.0]
    assert [wrong_share(rate, c) for rate in (0.0, 1.0) for c in (1, 9)] == [0, 0, 1, 1]
    assert wrong_share(0.4, 1) == pytest.approx(0.16 / 0.52)
    assert n_kept(1, 1.0, 10, 10) == n_kept(128, 1.0, 10, 10) == 1


def test_halves_are_random_and_of_equal_size():
    left = torch.arange(11) > 1
    half = halves(left, torch.Generator().manual_seed(0))
    assert (half[:2] == -1).all()
    assert [int((half == part).sum()) for part in (0, 1)] == [5, 4]
    assert not torch.equal(half, halves(left, torch.Generator().manual_seed(1)))
    assert (halves(left & False, torch.Generator()) == -1).all()


def test_batches_are_joined_by_others_none_twice():
    selected, others = torch.arange(10), torch.arange(100, 130)
    order, size, n_selected = joined(selected, others, 4)
    assert (size, n_selected) == (6, [4, 4, 2])  # at most half a batch joins
    assert order.tolist() == [0, 1, 2, 3, 100, 101, 4, 5, 6, 7, 102, 103, 8, 9, 104]
    order, size, n_selected = joined(selected, others[:5], 8)
    assert (size, n_selected) == (12, [8, 2])  # 5 x 8 / 10
    assert len(order) == 15
    assert joined(selected, others[:0], 4)[1:] == (4, [4, 4, 2])
    assert joined(selected, others, 1)[0].tolist() == list(range(10))
    assert joined(selected, others, 64)[1:] == (69, [10])


def planted(monkeypatch, method, wrong, loss):
    """Let both networks predict the given label but where `wrong`, with a loss like `loss`."""

    def says(network, data, order):
        rows = order
        logits = torch.zeros(len(rows), 4)
        shown = torch.where(wrong[rows], (LABEL[rows] + 1) % 4, LABEL[rows])
        logits[torch.arange(len(rows)), shown] = 1.0 + loss[rows]
        for batch in data.plain(rows):
            yield Forward(logits, torch.zeros(len(rows), 1), torch.zeros(4, 1)), batch

    monkeypatch.setattr(iterative_cv, "evaluated", says)


def run(method, epoch, **options):
    rows, said = [set(), set()], {}

    def record(sample_id, log, network=1, state=None):
        if log is not None:
            rows[network - 1].update(sample_id.tolist())
        for name, values in (state or {}).items():
            pairs = zip(sample_id.tolist(), values.tolist(), strict=True)
            said.setdefault(name, {}).update(pairs)

    method.set_epoch(epoch)
    torch.manual_seed(epoch)
    method.run_epoch(epoch, epoch_data(epoch, **options), record)
    return rows, said


def test_what_agrees_is_selected_and_each_network_trains_on_it_and_its_half(monkeypatch):
    method = make_method("iterative_cv", epochs=10)
    assert [stage.n_epochs for stage in method.stages] == [1, 1, 1, 1, 6]
    wrong = torch.arange(N_SAMPLES) >= 24
    planted(monkeypatch, method, wrong, torch.arange(N_SAMPLES) / 100)
    rows, said = run(method, 1)
    assert not rows[0] & rows[1]
    assert rows[0] | rows[1] == set(range(N_SAMPLES))
    assert {row for row, number in said["incv_round"].items() if number == 1} == set(range(24))
    assert said["held_out_loss"].keys() == set(range(N_SAMPLES))
    first = method.half_of == 1
    expected = estimated_rate(float((~wrong)[first].float().mean()), 4)
    assert method.facts() == {"noise_rate": pytest.approx(expected)}
    # Of each half those of largest loss are gone, by number of the selected.
    share = removal_share(expected)
    for part in (0, 1):
        members = (method.half_of == part).nonzero()[:, 0]
        n = int(share * int((~wrong)[members].sum()) + 1e-9)
        by_loss = members[method.held_out_loss[members].argsort(descending=True)]
        assert set(by_loss[:n].tolist()) == set(members[method.is_removed[members]].tolist())
    removed = set(method.is_removed.nonzero()[:, 0].tolist())
    assert removed
    rows, _ = run(method, 2)
    assert rows[0] & rows[1] == set(range(24))
    assert (rows[0] | rows[1]) & removed <= set(range(24))
    for epoch in (3, 4):
        _, said = run(method, epoch)
    assert said["incv_round"].keys() == set(range(N_SAMPLES))
    assert {said["incv_round"][row] for row in range(24, N_SAMPLES)} == {5}
    rows, _ = run(method, 5)  # the warm-up of the main training
    assert rows[0] == rows[1] == set(range(24))
    rows, _ = run(method, 7)
    assert rows[0] == rows[1] > set(range(24))
    assert not rows[0] & (removed - set(range(24)))


@pytest.mark.parametrize("agree", [True, False])
def test_all_or_nothing_selected(monkeypatch, agree):
    method = make_method("iterative_cv", epochs=6)
    wrong = torch.full((N_SAMPLES,), not agree)
    planted(monkeypatch, method, wrong, torch.zeros(N_SAMPLES))
    for epoch in range(1, 7):
        rows, said = run(method, epoch)
        assert all(rows)
    assert rows[0] == set(range(N_SAMPLES))
    assert set(said["incv_round"].values()) == ({1} if agree else {5})
    assert method.facts()["noise_rate"] == pytest.approx(0.0 if agree else 0.75)
    assert method.epoch_metrics() == {"n_selected": N_SAMPLES if agree else 0, "n_removed": 0}
    assert all(torch.isfinite(p).all() for p in method.parameters())


def test_both_networks_begin_a_selection_alike_and_the_main_training_apart():
    method = make_method("iterative_cv", epochs=10)
    seen = []
    original = method._fit

    def spy(place, data, record):
        seen.append(method.networks[place].last_layer.weight.clone())
        original(place, data, record)

    method._fit = spy
    for epoch in (1, 2):
        run(method, epoch)
    for weight in seen:
        assert torch.equal(weight, method.initial.last_layer.weight)
    for epoch in (3, 4, 5):
        run(method, epoch)
    weights = [network.last_layer.weight for network in method.networks]
    assert not torch.equal(*weights)


def test_the_form_of_the_noise_decides():
    sizes = Sizes(48, 4, 1, (8, 8), torch.device("cpu"))

    def method(**fields):
        return IterativeCV(RunConfig(method="iterative_cv", **fields), sizes)

    symmetric, pair = method(), method(noise="pair_flip", noise_rate=0.4)
    assert (symmetric.is_symmetric, symmetric.removes, symmetric._n_wrong_classes()) == (1, 1, 3)
    assert (pair.is_symmetric, pair.removes, pair._n_wrong_classes()) == (0, 0, 1)
    assert pair._n_warmup() == 2 * symmetric._n_warmup() == 20
    symmetric.noise_rate.fill_(0.7)
    assert symmetric._n_warmup() == 20
    told = method(method_args={"noise_form": "asymmetric", "removal": "yes"})
    assert (told.is_symmetric, told.removes) == (False, True)


def test_the_rates_of_a_selection_and_of_the_main_training():
    config = {"epochs": 400, "learning_rate": 0.001, "schedule_at": (0.4, 0.6, 0.8)}
    method = make_method("iterative_cv", optimizer="adam", **config)
    found = [method.set_epoch(epoch) for epoch in (20, 21, 31, 41, 51)]
    assert found == pytest.approx([1e-3, 5e-4, 2.5e-4, 1e-4, 1e-3])
    found = [method.set_epoch(epoch) for epoch in (280, 281, 321, 361)]
    assert found == pytest.approx([1e-3, 1e-4, 1e-5, 1e-6])
    assert method.optimizers[0].param_groups[0]["betas"] == (0.9, 0.999)
    constant = make_method("iterative_cv", epochs=400, schedule="constant")
    assert constant.set_epoch(41) == 0.02


def test_too_few_epochs_are_refused():
    with pytest.raises(UsageError, match="selection 1 1, selection 2 1"):
        make_method("iterative_cv", epochs=4)


@pytest.mark.slow
def test_right_labels_of_digits_are_selected():
    config = RunConfig(
        method="iterative_cv",
        noise="symmetric_exclusive",
        noise_rate=0.3,
        epochs=33,
        batch_size=64,
        method_args={"selection_epochs": 8},
        device="cpu",
        threads=1,
    )
    training = Training(config, load_data(config))
    for epoch in range(1, 33):
        training.train_epoch(epoch, lambda *_: None)
    is_mislabeled = training.data.given_label != training.data.true_label
    is_selected = (training.method.entered > 0).numpy()
    assert is_selected[~is_mislabeled].mean() > 0.9
    assert is_selected[is_mislabeled].mean() < 0.1
