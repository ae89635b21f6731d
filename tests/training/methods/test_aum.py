"""AUM's arithmetic against the authors' package and numpy, and what is dropped at the edges."""

import numpy as np
import pandas as pd
import pytest
import torch

from hmw_core.errors import UsageError
from tests.contracts.test_every_method import LABEL, N_SAMPLES, epoch_data, make_method
from training.config import RunConfig
from training.data.prepare import load_data
from training.loop import Training
from training.methods.aum import dropped, flagged, flagged_by_all, margins, threshold_sets


def test_margins_are_those_of_the_authors_package(tmp_path):
    package = pytest.importorskip("aum")
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(12) % 4
    calculator = package.AUMCalculator(str(tmp_path))
    total = torch.zeros(12)
    for _ in range(5):
        logits = torch.randn(12, 4, generator=generator)
        calculator.update(logits, label, list(range(12)))
        total += margins(logits, label)
    calculator.finalize()
    theirs = pd.read_csv(tmp_path / "aum_values.csv").set_index("sample_id")["aum"].sort_index()
    np.testing.assert_allclose(total / 5, theirs, atol=1e-6)


def test_the_limit_is_numpys_percentile():
    aum = torch.randn(300, generator=torch.Generator().manual_seed(0))
    is_threshold = torch.arange(300) % 6 == 0
    limit = np.percentile(aum[is_threshold].numpy(), 99)  # between the largest two of fifty
    found = flagged(aum, is_threshold, 99.0)
    assert torch.equal(found, (aum < limit) & ~is_threshold)
    by_hand = torch.tensor([0.0, 1.0, 2.0, 0.98, 0.99, 1.0])
    known = torch.tensor([True, True, False, False, False, False])
    assert flagged(by_hand, known, 99.0).tolist() == [False, False, False, True, False, False]


def test_threshold_sets_are_disjoint_and_hang_on_the_seed():
    first, second = threshold_sets(1000, 9, seed=0)
    assert first.sum() == second.sum() == 100
    assert not (first & second).any()
    assert torch.equal(threshold_sets(1000, 9, seed=0)[1], second)
    assert not torch.equal(threshold_sets(1000, 9, seed=1)[1], second)
    assert threshold_sets(3, 100, seed=0).sum(dim=1).tolist() == [1, 1]


def test_only_samples_flagged_whenever_they_were_judged():
    is_flagged = torch.tensor([[True, True, False, False], [True, False, True, False]])
    is_threshold = torch.tensor([[False, False, True, False], [False, False, False, True]])
    flags, is_judged = flagged_by_all(is_flagged, is_threshold)
    assert flags.tolist() == [True, False, True, False]
    assert is_judged.all()
    flags, is_judged = flagged_by_all(is_flagged[:1], is_threshold[:1])
    assert flags.tolist() == [True, True, False, False]
    assert is_judged.tolist() == [True, True, False, True]
    assert not flagged_by_all(is_flagged[:0], is_threshold[:0])[1].any()


def test_no_class_is_dropped_whole():
    label = torch.tensor([0, 0, 1, 1, 2])
    flags = torch.tensor([True, True, True, False, False])
    assert dropped(flags, label, 4).tolist() == [False, False, True, False, False]
    assert not dropped(torch.ones(5, dtype=torch.bool), label, 4).any()
    assert not dropped(torch.zeros(5, dtype=torch.bool), label, 4).any()


def run(method, epoch):
    rows, flags = set(), {}

    def record(sample_id, log, state=None):
        if log is not None:
            rows.update(sample_id.tolist())
        if state is not None:
            flags.update(zip(sample_id.tolist(), state["aum_flag"].tolist(), strict=True))

    method.set_epoch(epoch)
    torch.manual_seed(epoch)
    method.run_epoch(epoch, epoch_data(epoch), record)
    return rows, flags


def test_rows_flags_and_rates_by_stage():
    method = make_method("aum", epochs=9)
    assert [stage.n_epochs for stage in method.stages] == [2, 2, 5]
    everyone = set(range(N_SAMPLES))
    thresholds = [set(mask.nonzero()[:, 0].tolist()) for mask in method.is_threshold]
    assert method.set_epoch(2) == method.set_epoch(4) == 0.02
    assert method.set_epoch(9) < 0.02
    assert run(method, 1) == (everyone - thresholds[0], {})
    assert run(method, 2)[1].keys() == everyone - thresholds[0]
    rows, flags = run(method, 3)
    assert rows == everyone - thresholds[1]
    assert flags.keys() == everyone - thresholds[0]
    # Only the second epoch counts, so the mean is that epoch's margin.
    assert method.n_counted.tolist() == [1, 0]
    before = {name: value.clone() for name, value in method.network.state_dict().items()}
    assert run(method, 4)[1].keys() == everyone
    method.is_dropped.copy_(LABEL == 3)
    method.is_dropped[3] = False
    rows, flags = run(method, 5)
    assert rows == {row for row in everyone if row % 4 != 3 or row == 3}
    assert flags.keys() == everyone
    assert method.epoch_metrics()["n_dropped"] == 11
    assert method.n_passes(5) == pytest.approx(37 / 48)
    assert any(not torch.equal(before[n], v) for n, v in method.network.state_dict().items())


def test_the_extra_class_is_gone_from_the_last_training():
    method = make_method("aum", epochs=9)
    method.optimizers[0].param_groups[0]["weight_decay"] = 0.0
    for epoch in range(1, 5):
        run(method, epoch)
    run(method, 5)
    extra = method.network.last_layer.weight[-1].clone()
    run(method, 6)
    assert torch.equal(method.network.last_layer.weight[-1], extra)


def test_too_few_epochs_are_refused():
    with pytest.raises(UsageError, match=r"stages of identify 1, identify again 1 epochs"):
        make_method("aum", epochs=2)


def test_wrong_labels_of_digits_are_flagged_and_right_ones_are_not():
    config = RunConfig(
        method="aum",
        noise="symmetric",
        noise_rate=0.3,
        epochs=21,
        batch_size=64,
        method_args={"identify_epochs": 10},
        device="cpu",
        threads=1,
    )
    training = Training(config, load_data(config))
    for epoch in range(1, 21):
        training.train_epoch(epoch, lambda *_: None)
    is_mislabeled = training.data.given_label != training.data.true_label
    is_dropped = training.method.is_dropped.numpy()
    assert is_dropped[is_mislabeled].mean() > 0.9
    assert is_dropped[~is_mislabeled].mean() < 0.1
