"""The learning order of small logs, worked out by hand; onset, medians and rules at their edges."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.laboratory import learning_order
from hmw_core.laboratory.learning_order import (
    Onset,
    label_wave,
    learning_table,
    medians,
    onsets,
    prediction_changes,
    shares,
    stopping,
)
from hmw_core.laboratory.memorised import fitted
from tests.conftest import write_run

C = 3


def run_of(folder, predicted, given, true=None, test=None, unseen=()):
    """Write a run whose predictions are these (E, N); `unseen` are pairs of epoch and sample."""
    predicted = np.asarray(predicted)
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=true,
        n_classes=C,
        n_epochs=len(predicted),
        outputs="none",
    )
    for epoch, row in enumerate(predicted, start=1):
        ids = np.array([i for i in range(len(row)) if (epoch, i) not in unseen])
        writer.record(ids, logits=5.0 * np.eye(C)[row[ids]])
        writer.end_epoch(epoch, **({} if test is None else {"test_accuracy": test[epoch - 1]}))
    writer.finish()
    return RunReader(folder)


# Samples 0 to 3 are clean of class 0; 4 and 5 are given 1, truly 0; 6 and 7 clean of class 1.
GIVEN = [0, 0, 0, 0, 1, 1, 1, 1]
TRUE = [0, 0, 0, 0, 0, 0, 1, 1]
PREDICTED = [
    [0, 1, 2, 2, 0, 2, 1, 2],
    [0, 0, 1, 2, 0, 1, 1, 1],
    [0, 0, 0, 1, 1, 1, 1, 1],
    [0, 0, 0, 0, 1, 1, 1, 1],
]


@pytest.fixture
def run(tmp_path):
    return run_of(tmp_path / "small", PREDICTED, GIVEN, TRUE, test=[0.5, 0.9, 0.7, 0.9])


def curve(table, run, line, kind, label=None):
    found = shares(table, run, by_class=label is not None)
    part = found[(found["line"] == line) & (found["kind"] == kind)]
    return part[part["given_label"] == (-1 if label is None else label)]["share"].tolist()


def test_shares_worked_out_by_hand(run):
    table = learning_table(run)
    assert curve(table, run, "clean", "now") == pytest.approx([2 / 6, 4 / 6, 5 / 6, 1])
    assert curve(table, run, "clean", "ever") == pytest.approx([2 / 6, 4 / 6, 5 / 6, 1])
    assert curve(table, run, "mislabeled", "now") == [0, 0.5, 1, 1]
    assert curve(table, run, "true", "now") == [0.5, 0.5, 0, 0]
    assert curve(table, run, "true", "ever") == [0.5] * 4
    # A clean sample of class 0 is predicted as 1 by 1, 1, 1 and 0 of 4.
    assert curve(table, run, "chance", "now") == [0.25, 0.25, 0.25, 0]
    assert curve(table, run, "clean", "now", label=1) == [0.5, 1, 1, 1]
    assert curve(table, run, "clean", "now", label=2) == []
    assert curve(table, run, "unknown", "now") == []


def test_first_fits_are_those_of_memorised(tmp_path):
    rng = np.random.default_rng(5)
    given, true = rng.integers(0, C, 50), rng.integers(0, C, 50)
    run = run_of(tmp_path / "random", rng.integers(0, C, (12, 50)), given, true)
    table = learning_table(run)
    first = fitted(run)["first_fitted"].fillna(99)
    wrong = run.samples()["is_mislabeled"]
    for line, of in (("clean", ~wrong), ("mislabeled", wrong)):
        expected = [float((first[of] <= epoch).mean()) for epoch in range(1, 13)]
        assert curve(table, run, line, "ever") == pytest.approx(expected)


def test_a_sample_not_seen_counts_in_no_share_of_the_epoch(tmp_path):
    run = run_of(tmp_path / "gap", PREDICTED, GIVEN, TRUE, unseen={(2, 4), (3, 0)})
    table = learning_table(run)
    assert curve(table, run, "mislabeled", "now") == [0, 1, 1, 1]
    assert curve(table, run, "clean", "now") == pytest.approx([2 / 6, 4 / 6, 4 / 5, 1])
    # Its prediction is compared with the last one there was.
    assert table.groupby("epoch")["compared"].sum().tolist() == [0, 7, 7, 8]
    assert table.groupby("epoch")["changed"].sum().tolist() == [0, 4, 3, 1]


def test_unknown_true_labels_have_a_line_of_their_own(tmp_path):
    run = run_of(tmp_path / "unknown", PREDICTED, GIVEN)
    table = learning_table(run)
    assert set(shares(table, run)["line"]) == {"unknown"}
    assert curve(table, run, "unknown", "now") == pytest.approx([2 / 8, 5 / 8, 7 / 8, 1])
    assert onsets(table, run) == {}
    assert set(medians(table, run)["line"]) == {"unknown"}


def test_partly_unknown_true_labels(tmp_path):
    true = [0, 0, 0, 0, 0, -1, 1, -1]
    run = run_of(tmp_path / "part", PREDICTED, GIVEN, true)
    found = shares(learning_table(run), run)
    sizes = found[found["kind"] == "ever"].groupby("line")["n_samples"].first()
    assert sizes.to_dict() == {"clean": 5, "mislabeled": 1, "true": 1, "unknown": 2}


def memorising(n_epochs=20, start=8, n=120, dips=()):
    """Clean samples always fitted; wrong labels all from `start` on, but for epochs in `dips`."""
    given = np.repeat([0, 1], [n, n])
    true = np.zeros(2 * n, dtype=int)
    predicted = np.zeros((n_epochs, 2 * n), dtype=int)
    for epoch in range(start, n_epochs + 1):
        if epoch not in dips:
            predicted[epoch - 1, n:] = 1
    return predicted, given, true


def test_onset_of_a_clear_change(tmp_path):
    run = run_of(tmp_path / "clear", *memorising())
    found = onsets(learning_table(run), run)
    assert set(found) == {-1, 1}
    assert found[-1] == found[1] == Onset(8.0, 8.0, 8.0, 120)


def test_onset_counts_only_what_stays(tmp_path):
    run = run_of(tmp_path / "dips", *memorising(dips=(10,)))
    assert onsets(learning_table(run), run)[-1].epoch == 11


def test_onset_is_infinite_where_nothing_is_memorised(tmp_path):
    run = run_of(tmp_path / "none", *memorising(start=99))
    found = onsets(learning_table(run), run)[-1]
    assert (found.epoch, found.low, found.high) == (np.inf, np.inf, np.inf)


def test_confusion_of_clean_samples_is_no_memorisation(tmp_path):
    # Clean and mislabeled pictures of class 0 alike are taken for a 1 half of the time.
    given = np.repeat([0, 1], [100, 100])
    predicted = np.tile([0, 1], 100)[None].repeat(6, axis=0)
    run = run_of(tmp_path / "confused", predicted, given, np.zeros(200, dtype=int))
    table = learning_table(run)
    assert curve(table, run, "mislabeled", "now") == [0.5] * 6
    assert onsets(table, run)[-1].epoch == np.inf


def test_onset_interval_widens_with_few_samples_and_covers(tmp_path):
    rng = np.random.default_rng(1)
    widths = []
    for n in (30, 600):
        given = np.repeat([0, 1], [n, n])
        share = np.clip((np.arange(1, 31) - 10) / 60, 0, 1)[:, None]  # 5 % at epoch 13
        when = rng.random(2 * n)[None]
        predicted = np.where((when < share) & (given == 1), 1, 0)
        run = run_of(tmp_path / f"{n}", predicted, given, np.zeros(2 * n, dtype=int))
        found = onsets(learning_table(run), run)[-1]
        assert found.low <= 13 <= found.high
        assert found.low <= found.epoch <= found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0]


def test_medians_are_censored_and_have_order_statistics(tmp_path):
    n = 40
    epochs = np.arange(1, 41)
    first = np.where(np.arange(n) < 30, np.arange(n) + 1, 99)  # ten are never fitted
    predicted = np.where(epochs[:, None] >= first[None], 0, 1)
    run = run_of(tmp_path / "ladder", predicted, np.zeros(n, dtype=int), np.zeros(n, dtype=int))
    found = medians(learning_table(run), run)
    row = found[(found["given_label"] == -1) & (found["event"] == "first")].iloc[0]
    low = int(binom.ppf(0.025, n, 0.5))
    assert (row["median"], row["n_never"], row["n_samples"]) == (20, 10, n)
    assert (row["low"], row["high"]) == (low, n + 1 - low)
    assert binom.cdf(low - 1, n, 0.5) <= 0.025
    good = found[(found["given_label"] == 0) & (found["event"] == "for good")].iloc[0]
    assert good["median"] == 20


def test_a_median_that_is_not_reached_is_infinite(tmp_path):
    predicted = np.zeros((5, 10), dtype=int)
    predicted[:, :6] = 1
    run = run_of(tmp_path / "late", predicted, np.zeros(10, dtype=int), np.zeros(10, dtype=int))
    row = medians(learning_table(run), run).iloc[0]
    assert row["median"] == np.inf
    assert row["n_never"] == 6


def changes(smoothed_from):
    """A table whose share of changed predictions is this, from epoch 2 on."""
    changed = [0, *smoothed_from]
    return pd.DataFrame(
        {
            "epoch": np.arange(1, len(changed) + 1),
            "changed": changed,
            "compared": [0] + [100] * len(smoothed_from),
        }
    )


def test_label_wave_is_the_first_minimum_that_stands():
    falling_then_up = [50, 40, 30, 20, 10, 20] + [30] * 12
    table = changes(falling_then_up)
    known = prediction_changes(table).dropna()
    assert known["smoothed"].iloc[0] == pytest.approx(0.4)
    # Means of three: ..., (20+10+20)/3 at epoch 7 is the smallest.
    assert label_wave(table) == 7
    assert label_wave(changes(list(range(60, 20, -1)))) is None  # still settling
    assert label_wave(changes([50, 40, 30, 20, 10, 20, 30])) is None  # not waited for long enough
    assert label_wave(changes([30, 20, 30] + [25] * 4 + list(range(20, 0, -1)))) is None


def test_stopping_rules_and_what_they_cost(run):
    table = learning_table(run)
    found = stopping(table, run, onsets(table, run)[-1], 0.25).set_index("rule")
    best = found.loc["Best test accuracy"]
    assert (best["epoch"], best["cost"], best["is_oracle"]) == (2, 0, True)  # the earliest of equal
    # Above chance by .25, .75 and 1 from epoch 2 on.
    before = found.loc["Last epoch before the onset"]
    assert before["epoch"] == 1
    assert before["cost"] == pytest.approx(0.4)
    assert before["mislabeled_fitted"] == 0
    # Given labels predicted: 2, 5, 7 and 8 of 8.
    assert found.loc["Train accuracy reaches 75.0 %", "epoch"] == 3
    assert found.loc["Train accuracy reaches 75.0 %", "cost"] == pytest.approx(0.2)
    assert pd.isna(found.loc["Predictions settle (Label Wave)", "epoch"])
    assert found.loc["The last epoch", "epoch"] == 4


def test_stopping_without_test_accuracy_or_true_labels(tmp_path):
    run = run_of(tmp_path / "bare", PREDICTED, GIVEN)
    found = stopping(learning_table(run), run, None)
    assert found["rule"].tolist() == ["Predictions settle (Label Wave)", "The last epoch"]
    assert found[["test_accuracy", "cost", "mislabeled_fitted"]].isna().all(axis=None)
    assert not found["is_oracle"].any()


def test_a_log_without_epochs_or_predictions_says_so(tmp_path):
    writer = write_run(tmp_path / "new", epochs=0, finish=None)
    with pytest.raises(UsageError, match="no finished epoch"):
        learning_table(RunReader(tmp_path / "new"))
    writer.finish("stopped")
    write_run(tmp_path / "old")
    run = RunReader(tmp_path / "old")
    run.info["absent"] = {"predicted_label": "the source has margins alone"}
    with pytest.raises(UsageError, match="margins alone"):
        learning_table(run)


def test_the_table_is_kept_with_the_run_and_anew_when_the_definitions_change(run, monkeypatch):
    first = learning_table(run)
    files = list((run.folder / "cache").iterdir())
    assert len(files) == 1
    pd.testing.assert_frame_equal(learning_table(RunReader(run.folder)), first)
    monkeypatch.setattr(learning_order, "VERSION", -1)
    learning_table(run)
    assert len(list((run.folder / "cache").iterdir())) == 2
