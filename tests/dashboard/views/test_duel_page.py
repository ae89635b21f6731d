"""The page of the duel: numbers, parts, the review queue, unknown labels, and bad addresses."""

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.log import verdicts
from hmw_core.log.verdicts import Verdict
from tests.conftest import write_run
from tests.dashboard.views.steps import in_address, open_page, said, shown_samples


def rivals(folder, name="rivals", *, known=True):
    """Write a run in which the last loss flags hard clean samples that IAM keeps.

    Samples 0-9 are mislabeled, 10-19 clean and hard: right until the last epoch, when their loss
    is the largest of all.
    """
    n, n_classes = 60, 5
    true = np.arange(n) % n_classes
    given = np.where(np.arange(n) < 10, (true + 1) % n_classes, true)
    writer = RunWriter.create(
        folder / name,
        given_label=given,
        true_label=true if known else None,
        n_classes=n_classes,
        n_epochs=4,
        images=np.random.default_rng(0).integers(0, 256, (n, 8, 8), dtype=np.uint8),
    )
    for epoch in range(1, 5):
        logits = 4.0 * np.eye(n_classes)[true]
        if epoch == 4:
            logits[10:20] = 9.0 * np.eye(n_classes)[(true[10:20] + 1) % n_classes]
        writer.record(np.arange(n), logits=logits)
        writer.end_epoch(epoch)
    writer.finish()
    return RunReader(folder / name)


def plain_said(page):
    return said(page).replace("*", "")


def test_the_papers_pair_says_how_many_are_clean(folder):
    rivals(folder)
    page = open_page("duel", run="rivals")
    assert not page.error
    text = plain_said(page)
    assert "10 most suspicious samples: as many as are mislabeled" in text
    assert "Last loss flags, IAM keeps: 10 samples, of which 10 of 10 really are clean" in text
    assert "IAM flags, Last loss keeps: 10 samples, of which 0 of 10 really are clean" in text
    assert "IAM is better" in text
    assert "-100.0 points" in text
    assert "The paper's claim" in text


def test_a_part_is_shown_and_becomes_a_review_queue(folder, monkeypatch):
    rivals(folder)
    page = open_page("duel", run="rivals", duel="pictures")
    assert sorted(map(int, shown_samples(page))) == list(range(10, 20))
    page.button_group(key="part").set_value("only B").run()
    ids = [int(i) for i in shown_samples(page)]
    assert sorted(ids) == list(range(10))
    gone = []
    monkeypatch.setattr("streamlit.switch_page", lambda page, query_params=None: gone.append(page))
    next(b for b in page.button if b.label.startswith("Review")).click().run()
    assert gone == ["views/pages/fix.py"]
    kept = page.session_state["review selection"]
    assert kept["sample_ids"] == ids
    assert kept["run"] == "rivals"
    assert "IAM flags, Last loss keeps" in kept["what"]


def test_other_criteria_budgets_and_epochs_stand_in_the_address(folder):
    rivals(folder)
    page = open_page(
        "duel", run="rivals", criterion="mean_loss", against="aum", budget="5", epoch="3"
    )
    assert not page.warning
    assert in_address(page, "against") == "aum"
    assert "this run does not tell which is better" in plain_said(page)
    assert "The paper's claim" not in said(page)


def test_unknown_labels_are_judged_by_verdicts(folder):
    run = rivals(folder, known=False)
    page = open_page("duel", run="rivals", budget="10")
    assert "no flag can be called right" in said(page)
    assert "Nobody has judged" in said(page)
    curve = open_page("duel", run="rivals", budget="10", duel="budgets")
    assert "knows no true label, so no flag" in said(curve)
    given = run.samples()["given_label"]
    said_of = [Verdict(10, "keep", int(given[10])), Verdict(0, "relabel", int(given[0]), 0)]
    verdicts.append(run, said_of)
    table = open_page("duel", run="rivals", budget="10").dataframe[0].value.set_index("part")
    assert table.loc["Last loss flags, IAM keeps", "label was wrong"] == 0
    assert table.loc["IAM flags, Last loss keeps", "label was wrong"] == 1
    assert table["judged"].sum() == 2


def test_a_read_only_server_reviews_nothing(folder, monkeypatch):
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    rivals(folder)
    page = open_page("duel", run="rivals", duel="pictures")
    assert next(b for b in page.button if b.label.startswith("Review")).disabled


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ({"against": "magic"}, "there is no “magic”"),
        ({"criterion": "iam", "against": "iam"}, "a duel is between two criteria"),
        ({"budget": "9999"}, "it cannot be “9999”"),
        ({"epoch": "77"}, "there is no “77”"),
    ],
)
def test_an_address_that_cannot_be_gets_a_word(folder, address, answer):
    write_run(folder / "tiny")
    assert answer in said(open_page("duel", run="tiny", **address))


def test_a_log_without_pictures_cosines_or_epochs(folder):
    write_run(folder / "bare", pictures=False, with_cosine=False)
    page = open_page("duel", run="bare", duel="pictures")
    page.button_group(key="part").set_value("both").run()
    assert not page.error
    assert "keeps no pictures" in said(page)
    RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5).finish()
    page = open_page("duel", run="new")
    assert "No epoch is finished yet" in said(page)


def test_names_with_markup_stay_names(folder):
    write_run(folder / "html", class_names=["<img src=x>", "$5", "*b*", "[c](d)", "e"])
    page = open_page("duel", run="html", budget="20", duel="pictures")
    page.button_group(key="part").set_value("both").run()
    for block in page.get("html"):
        assert "<img src=x" not in block.proto.body
