"""What a training method keeps of each sample is a criterion of that run, everywhere."""

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import score_of
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import criteria_of, pick_criterion
from hmw_core.errors import UsageError
from hmw_core.laboratory.contest import contest_of
from hmw_core.laboratory.contest_tables import by_epoch
from hmw_core.laboratory.detection import detect
from hmw_core.laboratory.duel import paired_criteria
from hmw_core.laboratory.hard import Hard
from hmw_core.laboratory.stability import ranks_by_epoch
from hmw_core.laboratory.thresholds import threshold_table
from hmw_core.log.schema import MethodColumn
from hmw_core.review.corrected_labels import corrected_labels
from hmw_core.review.queue import queue
from hmw_core.samples.sample_table import sample_table

N = 40
WRONG = np.arange(N) % 4 == 0
COLUMNS = (
    MethodColumn("kept", "share", "0 or 1", "kept by its peer", "bool", "clean", "mean"),
    MethodColumn("gmm_posterior", "1", "[0, 1]", "chance of a clean label", higher_means="clean"),
    MethodColumn("part", "group", "0 or 1", "labeled or not", "int32", categories=("l", "u")),
)


def write(folder, epochs=3, columns=COLUMNS):
    """A run of two networks; the second's posterior is the first's turned round."""
    rng = np.random.default_rng(0)
    true = np.arange(N) % 5
    given = np.where(WRONG, (true + 1) % 5, true)
    writer = RunWriter.create(
        folder, given_label=given, true_label=true, n_classes=5, n_epochs=3, networks=2,
        method_state=columns, dataset_name="tiny",
    )  # fmt: skip
    for epoch in range(1, epochs + 1):
        for network in (1, 2):
            posterior = np.where(WRONG, 0.1, 0.9) + 0.01 * rng.random(N)
            state = {
                # Every wrong sample is kept in the first epoch only, every right one in all.
                "kept": ~WRONG | (epoch == 1),
                "gmm_posterior": posterior if network == 1 else 1 - posterior,
                "part": WRONG.astype(np.int32),
            }
            logits = rng.normal(size=(N, 5))
            if columns is not COLUMNS:
                state = None
            writer.record(np.arange(N), logits, network=network, state=state)
        writer.end_epoch(epoch)
    writer.finish()
    return RunReader(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("method") / "two")


def test_columns_that_say_their_direction_are_criteria_of_the_run(run):
    assert list(criteria_of(run)) == [*CRITERIA, "kept", "gmm_posterior"]
    kept = pick_criterion(run, "kept")
    assert (kept.title, kept.family, kept.higher_means) == ("Kept", "method", "clean")
    assert kept.source == "the run's training method: kept by its peer, 0 or 1"


def test_epochs_are_drawn_together_as_the_column_says(run):
    table = score_table(run, ["kept", "gmm_posterior", "aum"])
    assert table["kept"].tolist() == pytest.approx(np.where(WRONG, 1 / 3, 1.0).tolist())
    state = run.method_state(["gmm_posterior"], epochs=[3])["gmm_posterior"]
    assert table["gmm_posterior"].to_numpy() == pytest.approx(state.to_numpy())
    assert score_table(run, ["kept"], epoch=1)["kept"].eq(1.0).all()
    of_class = score_table(run, ["kept"], given_label=1)
    pd.testing.assert_frame_equal(of_class, table.loc[of_class.index, ["kept"]])


def test_each_network_has_its_own(run):
    second = RunReader(run.folder, network=2)
    for reader, expected in ((run, 1.0), (second, 0.0)):
        found = detect(reader, ["gmm_posterior"], n_resamples=50)
        assert found.loc[found["contest"] == "all", "auroc"].item() == expected
    assert score_table(second, ["kept"])["kept"].equals(score_table(run, ["kept"])["kept"])


def test_kept_scores_follow_the_methods_files(run, tmp_path):
    own = write(tmp_path / "own")
    before = score_table(own, ["gmm_posterior"])
    writer = RunWriter.resume(own.folder, last_epoch=2)
    for network in (1, 2):
        state = {"gmm_posterior": np.full(N, 0.25), "kept": ~WRONG, "part": np.zeros(N, np.int32)}
        writer.record(np.arange(N), np.eye(5)[np.arange(N) % 5], network=network, state=state)
    writer.end_epoch(3)
    writer.finish()
    again = score_table(RunReader(own.folder), ["gmm_posterior"])
    assert again["gmm_posterior"].eq(0.25).all()
    assert not before.equals(again)


def test_the_laboratory_the_samples_and_the_review_take_them(run):
    contest = contest_of(run, ["gmm_posterior", "aum"], hard=Hard("kept", 0.2), n_resamples=20)
    assert contest.values.loc["gmm_posterior", "auroc"] == 1.0
    curve = by_epoch(run, ["kept"], [1, 3])
    assert curve.loc[curve["measure"] == "auroc", "value"].tolist() == [0.5, 1.0]
    assert paired_criteria(run, "gmm_posterior", "aum")["rank_a"].min() == 1
    assert set(ranks_by_epoch(run, "kept", [1, 3])) == {"1", "3"}
    assert threshold_table(run, "gmm_posterior").loc["gaussian", "n_flagged"] == WRONG.sum()
    assert "rank_kept" in sample_table(run, ["kept"])
    first = queue(run, "gmm_posterior")["sample_id"].iloc[: WRONG.sum()]
    assert WRONG[first].all()
    labels = corrected_labels(run, "gmm_posterior", n_flagged=int(WRONG.sum()))
    assert labels["is_flagged"].to_numpy(bool).tolist() == WRONG.tolist()
    assert labels.attrs["provenance"]["criterion"] == "gmm_posterior"


def test_another_runs_column_is_refused_with_the_names_of_this_one(run, tmp_path):
    other = write(tmp_path / "other", columns=COLUMNS[:1] + COLUMNS[2:])
    with pytest.raises(UsageError, match=r"unknown criterion 'gmm_posterior'; known: .*, kept$"):
        score_table(other, ["gmm_posterior"])
    assert score_of(pick_criterion(other, "kept"), other).isna().all()  # listed, never recorded
