"""The first sentences of pages: their counts by hand, and a sentence for all that is missing."""

import numpy as np
import pandas as pd
import pytest

from dashboard.figures.base import CannotShow
from dashboard.presenters import lesson as sentences
from dashboard.presenters.lesson import lesson, paper_lesson
from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.laboratory.contest import contest_of
from tests.conftest import write_run

N, WRONG = 100, 40


def written(folder, n=N, n_wrong=WRONG, *, known=None, names=None, strength=1.0) -> RunReader:
    """Write an epoch of four classes: the first `n_wrong` of n samples are mislabeled.

    With `known`, the true label of each `known`th sample alone is known; with 0, of none.
    """
    true = np.arange(n) % 4
    given = np.where(np.arange(n) < n_wrong, (true + 1) % 4, true)
    if known:
        true = np.where(np.arange(n) % known == 0, true, -1)
    writer = RunWriter.create(
        folder, given_label=given, true_label=None if known == 0 else true, n_classes=4, n_epochs=1,
        class_names=names,
    )  # fmt: skip
    logits = np.random.default_rng(0).normal(0, 1, (n, 4))
    logits[np.arange(n), np.where(true < 0, given, true)] += strength
    writer.record(np.arange(n), logits=logits, weight=np.ones(n))
    writer.end_epoch(1)
    writer.finish("finished")
    return RunReader(folder)


@pytest.fixture
def run(tmp_path) -> RunReader:
    return written(tmp_path / "run")


def flagging(n_hits: int) -> np.ndarray:
    """Return suspicion by which `n_hits` of the wrong ones are among the 40 flagged."""
    flagged = np.r_[np.arange(n_hits), np.arange(WRONG, 2 * WRONG - n_hits)]
    return np.isin(np.arange(N), flagged).astype(float)


def give(monkeypatch, **scores) -> None:
    """Let a run have these scores, and no others."""
    table = pd.DataFrame(scores)
    monkeypatch.setattr(sentences, "score_table", lambda run, names, *_: table[list(names)])
    monkeypatch.setattr(
        sentences, "without_absent", lambda of, run: {n: c for n, c in of.items() if n in table}
    )


def test_it_counts_what_iam_and_the_last_loss_find(tiny_run):
    assert lesson(tiny_run) == (
        "Over all classes, IAM finds 6 of the 6 wrong labels among its 6 most suspicious [4, 6]; "
        "the last loss finds 6 [4, 6], a difference that may be chance."
    )


def test_its_counts_are_those_of_the_contest(run):
    hits = contest_of(run, n_resamples=0).values["recall"] * WRONG
    said = lesson(run)
    assert f"IAM finds {round(hits['iam'])} of the 40 wrong labels" in said
    assert f"the last loss finds {round(hits['last_loss'])} [" in said
    assert 0 < hits["last_loss"] < WRONG


def test_what_loses_is_said_as_what_wins(monkeypatch, run):
    give(monkeypatch, iam=-flagging(10), last_loss=flagging(30))
    assert lesson(run) == (
        "Over all classes, IAM finds 10 of the 40 wrong labels among its 40 most suspicious "
        "[6, 16]; the last loss finds 30 [24, 34]."
    )


@pytest.mark.parametrize(
    ("n_hits", "said"),
    [
        (38, "[33, 39]."),
        (31, "[25, 35], not told apart from IAM."),
        (30, None),
    ],
)
def test_a_criterion_that_finds_more_is_named(monkeypatch, run, n_hits, said):
    give(monkeypatch, iam=-flagging(30), last_loss=flagging(20), mean_loss=flagging(n_hits))
    best = f" Of all 3 main criteria, mean loss finds the most: {n_hits} {said}"
    assert lesson(run) == (
        "Over all classes, IAM finds 30 of the 40 wrong labels among its 40 most suspicious "
        f"[24, 34]; the last loss finds 20 [14, 26].{best if said else ''}"
    )


def test_of_equal_scores_as_many_count_as_chance_would_flag(monkeypatch, run):
    give(monkeypatch, iam=np.zeros(N), last_loss=flagging(20))
    assert "IAM finds 16 of the 40 wrong labels" in lesson(run)


def test_what_a_log_does_not_hold_is_said(monkeypatch, run):
    give(monkeypatch, iam=-flagging(30))
    assert lesson(run).endswith("[24, 34]; this log has no Last loss.")
    give(monkeypatch, confidence=-flagging(30))
    assert "confidence finds 30 of the 40" in lesson(run)
    assert "no IAM and no Last loss" in lesson(run)
    assert paper_lesson(run).startswith("This log has no IAM and no Last loss and no Mean loss")


def test_without_true_labels_it_says_how_far_the_two_agree(monkeypatch, tmp_path):
    unknown = written(tmp_path / "run", known=0)
    assert "not whether wrong labels stand out" in paper_lesson(unknown)
    give(monkeypatch, iam=-np.arange(N, dtype=float), last_loss=np.arange(N) % 97.0)
    assert lesson(unknown) == (
        "Nobody knows which labels are wrong here. Over all classes, IAM and the last loss agree "
        "on 2 of their 5 most suspicious samples; unrelated rankings would agree on 0."
    )
    give(monkeypatch, iam=-np.arange(N, dtype=float))
    assert lesson(unknown).endswith("and this log has no Last loss to compare.")


def test_only_samples_of_known_label_count(tmp_path):
    said = lesson(written(tmp_path / "run", known=2))
    assert "of the 20 wrong labels of the 50 samples of known true label among its 20" in said


@pytest.mark.parametrize(
    ("n_wrong", "said"),
    [
        (0, "all 100 given labels are right"),
        (1, "1 of 100 given labels is wrong, too few"),
        (4, "4 of 100 given labels are wrong, too few"),
        (99, "1 of 100 given labels is right, too few"),
    ],
)
def test_too_few_samples_compare_nothing(tmp_path, n_wrong, said):
    run = written(tmp_path / "run", n_wrong=n_wrong)
    assert said in lesson(run)
    assert said in paper_lesson(run)


def test_a_run_without_an_epoch(tmp_path):
    write_run(tmp_path / "run", epochs=0, finish=None)
    run = RunReader(tmp_path / "run")
    assert lesson(run) == paper_lesson(run) == sentences.NO_EPOCH


def test_a_class_is_called_by_its_name(tmp_path):
    names = ["cat", "<b>", "a long name that goes on and on without an end in sight 3", "d"]
    run = written(tmp_path / "run", names=names)
    assert lesson(run, 0).startswith("In class cat, IAM finds ")
    assert lesson(run, 1).startswith("In class <b>, IAM finds ")
    assert lesson(run, 2).startswith("In class a long name t…ut an end in sight 3, IAM")
    with pytest.raises(CannotShow, match="0 to 3"):
        lesson(run, 4)


@pytest.mark.parametrize(
    ("iam", "loss", "verdict"),
    [
        (1.0, 0.5, "50 % is chance, and the last loss does not separate them."),
        (0.5, 1.0, "and the last loss separates them better, unlike in the paper."),
        (0.8, 0.8, "and the two are not told apart."),
        (1.0, 0.8, "and IAM separates them better."),
    ],
)
def test_the_paper_page_says_who_separates_hard_from_mislabeled(
    monkeypatch, tmp_path, iam, loss, verdict
):
    # 400 clean samples, of which the last 40 are hard, and 80 mislabeled ones.
    run = written(tmp_path / "run", 480, 80)
    hard = np.arange(480) >= 440

    def ranked(share):
        """Return suspicion that puts a wrong sample above this share of the hard ones."""
        scores = np.linspace(0, 1, 480)
        scores[hard] = np.linspace(0, 1, 40)
        scores[:80] = np.where(np.arange(80) % 10 < 10 * share, 2.0, -1.0)
        return scores

    give(monkeypatch, iam=-ranked(iam), last_loss=ranked(loss), mean_loss=hard + 0.0)
    said = paper_lesson(run)
    assert f"above a hard clean one in {100 * iam:.0f} % of pairs [" in said
    assert f"the last loss in {100 * loss:.0f} % of pairs [" in said
    assert verdict in said
    assert said.endswith("Hard: the 10 % of the clean samples that mean loss finds worst.")


def test_hard_is_what_the_page_says_is_hard(run):
    said = paper_lesson(run, hard_by="last_loss")
    assert "that the last loss finds worst, a choice biased against it." in said
    with pytest.raises(UsageError, match="criterion"):
        paper_lesson(run, hard_by="nothing")
