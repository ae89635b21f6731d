"""The collector: what is kept of an epoch, and that no array of samples x classes is among it."""

import numpy as np
import pytest
import torch

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA_VERSION
from hmw_core.errors import UsageError
from hmw_core.log.schema import MethodColumn
from hmw_core.margins import HMSettings
from hmw_core.recording.collector import EpochCollector

N, C = 60, 7
KEPT = MethodColumn("kept", "", "true or false", "whether it is kept", "bool", "clean", "mean")
GROUP = MethodColumn("group", "", "0 or 1", "its group", "int32", categories=("clean", "dropped"))


def fill(collector, keep, n_batches=6):
    rng = np.random.default_rng(0)
    for rows in np.array_split(rng.permutation(N), n_batches):
        logits = rng.normal(size=(len(rows), C)).astype(np.float32)
        batch = {"logits": logits, "cosine": np.tanh(logits)}
        collector.put(rows, batch, keep)


def collector():
    return EpochCollector(np.arange(N) % C, C, HMSettings())


def arrays_of(found):
    return [values for parts in found.parts.values() for values in parts]


def test_without_outputs_no_column_is_wider_than_one_number(monkeypatch):
    monkeypatch.setattr("hmw_core.recording.collector.CHUNK", 20 * C)
    ours = collector()
    fill(ours, "none")
    assert len(ours._pending) < 3  # batches of 10: reduced when 20 samples have come
    assert all(values.ndim == 1 for values in arrays_of(ours.take()))


def test_outputs_are_kept_once_in_half_precision():
    ours = collector()
    fill(ours, "full")
    wide = [values for values in arrays_of(ours.take()) if values.ndim == 2]
    assert {values.dtype for values in wide} == {np.dtype(np.float16)}
    assert sum(values.size for values in wide) == 2 * N * C


def test_the_last_of_several_passes_counts_and_state_may_come_apart():
    ours = collector()
    fill(ours, "none")
    last = np.zeros((1, C), dtype=np.float32)
    ours.put([3], {"logits": last, "cosine": last}, "none")
    ours.put_state(np.arange(5), {"kept": np.ones(5, dtype=bool)})
    found = ours.take()
    assert found.columns(np.arange(N))["loss"][3] == pytest.approx(np.log(C))
    kept = found.state_columns(np.arange(N))["kept"]
    assert kept.mask.tolist() == [False] * 5 + [True] * (N - 5)
    assert ours.take() is None


def create(folder, **options):
    return RunWriter.create(
        folder, given_label=np.arange(N) % C, n_classes=C, n_epochs=2, **options
    )


def test_two_networks_and_their_state_in_the_run_folder(tmp_path):
    with create(tmp_path / "r", networks=2, method_state=[KEPT, GROUP]) as log:
        for epoch in (1, 2):
            for network in (1, 2):
                logits = torch.full((N, C), float(network))
                state = {"kept": torch.arange(N) % 2 == 0, "group": torch.arange(N) % 2}
                log.record(torch.arange(N), logits, network=network, state=state)
            log.end_epoch(epoch)
        log.log_features(2, np.ones((N, 3)), network=2)
    first, second = (RunReader(tmp_path / "r", network) for network in (1, 2))
    assert first.n_networks == second.n_networks == 2
    assert (tmp_path / "r/peers/2/signals/epoch-00002.parquet").is_file()
    assert second.signals(["given_logit"])["given_logit"].unique().tolist() == [2.0]
    assert second.feature_epochs() == [2]
    assert first.feature_epochs() == []
    state = second.method_state(["group"], epochs=[2])
    assert state["group"].value_counts().to_dict() == {"clean": N // 2, "dropped": N // 2}
    columns = second.epoch_columns(1, ["kept", "loss"], given_label=2)
    assert columns["kept"].tolist() == [float(i % 2 == 0) for i in range(N) if i % C == 2]
    with pytest.raises(UsageError, match="keeps no 'gmm_posterior'; its method keeps kept, group"):
        first.method_state(["gmm_posterior"])


def test_a_network_that_is_not_there(tmp_path):
    with create(tmp_path / "r") as log:
        with pytest.raises(UsageError, match="network 2 is recorded, but the run logs 1"):
            log.record([0], np.zeros((1, C)), network=2)
        with pytest.raises(UsageError, match="unknown state 'kept'; this run keeps none"):
            log.record([0], np.zeros((1, C)), state={"kept": [1]})
        log.record([0], np.zeros((1, C)))
        log.end_epoch(1)
    with pytest.raises(UsageError, match="run 'r' has one network, so no network 2"):
        RunReader(tmp_path / "r", network=2)


def test_an_epoch_counts_once_both_networks_are_there(tmp_path):
    log = create(tmp_path / "r", networks=2)
    log.record(np.arange(N), np.zeros((N, C)))
    with pytest.raises(UsageError, match="nothing of network 2 was recorded"):
        log.end_epoch(1)
    log.finish("stopped")
    assert RunReader(tmp_path / "r").epochs() == []


def test_names_and_passes_are_checked(tmp_path):
    for name in ("loss", "iam", "aum"):  # columns of the log, and criteria of every run
        taken = MethodColumn(name, "nat", "", "taken", higher_means="clean")
        with pytest.raises(UsageError, match=f"cannot be called '{name}'"):
            create(tmp_path / name, method_state=[taken])
    with pytest.raises(UsageError, match="training or evaluation pass"):
        create(tmp_path / "b", pass_name="test")


@pytest.mark.parametrize(("n_classes", "kept"), [(10, "full"), (1000, "topk")])
def test_auto_keeps_all_logits_up_to_200_megabytes(tmp_path, n_classes, kept):
    label = np.zeros(60_000, dtype=int)
    log = RunWriter.create(tmp_path / "r", given_label=label, n_classes=n_classes, n_epochs=1)
    assert log.info["outputs"] == {"keep": kept, "every": 1}
    log.finish("stopped")


def test_the_methods_own_criterion_is_scored_while_it_trains_and_after_a_resume(tmp_path):
    wrong = np.arange(N) % 10 == 0
    given = np.where(wrong, (np.arange(N) + 1) % C, np.arange(N) % C)

    def write(log, epochs):
        for epoch in epochs:
            kept = ~wrong if epoch == 1 else np.arange(N) % 2 == 0
            log.record(np.arange(N), np.eye(C)[np.arange(N) % C], state={"kept": kept})
            log.end_epoch(epoch)

    options = {"given_label": given, "true_label": np.arange(N) % C, "n_classes": C, "n_epochs": 2}
    with RunWriter.create(tmp_path / "one", method_state=[KEPT], **options) as log:
        write(log, (1, 2))
    log = RunWriter.create(tmp_path / "two", method_state=[KEPT], **options)
    write(log, (1,))
    log.finish("stopped")
    with RunWriter.resume(tmp_path / "two") as log:
        write(log, (2,))
    one, two = RunReader(tmp_path / "one"), RunReader(tmp_path / "two")
    auroc = one.metrics()["auroc_kept"].tolist()
    assert auroc[0] == 1.0
    # After two epochs a clean sample scores 0.5 or 1, a wrong one 0.5 (all of even number): half
    # of the pairs are ties.
    n_even, n_odd = sum(~wrong & (np.arange(N) % 2 == 0)), N // 2
    assert auroc[1] == pytest.approx((n_even + 0.5 * n_odd) / (n_even + n_odd))
    assert two.metrics()["auroc_kept"].tolist() == auroc
    assert one.scores(2, CRITERIA_VERSION)["kept"].equals(two.scores(2, CRITERIA_VERSION)["kept"])
