"""The review page with every kind of run: what its panel gets, and what the page says."""

import json
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from dashboard.presenters.reviewing import bulk_verdicts, counted, now
from hmw_core import RunWriter
from hmw_core.log import verdicts
from hmw_core.log.class_changes import ClassChange
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import Verdict
from hmw_core.review.queue import queue
from tests.conftest import write_run
from tests.dashboard.views.steps import open_page, said, shown_samples


def panel(page: AppTest) -> dict:
    """Return what the panel gets."""
    (found,) = page.get("bidi_component")
    return json.loads(found.proto.json)


def keep(run: RunReader, sample_id: int, reviewer: str = "Ann", verdict: str = "keep") -> None:
    given = int(run.samples()["given_label"][sample_id])
    verdicts.append(run, [Verdict(sample_id, verdict, given, reviewer=reviewer, criterion="iam")])


def test_queue_in_the_order_of_the_criterion_with_its_direction(folder):
    write_run(folder / "tiny")
    page = open_page("review", run="tiny", criterion="mean_loss")
    told = panel(page)
    order = queue(RunReader(folder / "tiny"), "mean_loss")["sample_id"].tolist()
    items = told["items"]
    drawn = {item["sample_id"] for item in items if item["stream"] == "audit"}
    ranked = [item["sample_id"] for item in items if item["stream"] == "ranked"]
    assert len(drawn) >= 4
    assert ranked[:9] == [i for i in order if i in ranked[:9]]
    assert set(ranked[:9]) | drawn >= set(order[:9])
    assert "Most suspicious first: highest mean loss" in said(page)
    assert not page.warning
    assert not page.error


def test_class_of_the_address(folder):
    write_run(folder / "tiny")
    page = open_page("review", run="tiny", **{"class": "2"})
    given = RunReader(folder / "tiny").samples()["given_label"]
    told = panel(page)
    assert {int(given[item["sample_id"]]) for item in told["items"]} == {2}
    assert told["total"] == int((given == 2).sum())


def test_true_labels_are_not_sent_until_asked_for(folder):
    write_run(folder / "tiny")
    page = open_page("review", run="tiny")
    assert all("true_label" not in item for item in panel(page)["items"])
    page.toggle(key="review true labels").set_value(True).run()
    assert all(item["true_label"] is not None for item in panel(page)["items"])


def test_rank_and_score_are_hidden_while_random_checks_come(folder):
    write_run(folder / "tiny")
    page = open_page("review", run="tiny")
    assert {item["stream"] for item in panel(page)["items"]} == {"ranked", "audit"}
    assert not any("rank" in item["where"] for item in panel(page)["items"])
    page.number_input(key="review audit").set_value(0).run()
    assert panel(page)["items"][0]["where"].startswith("sample ")
    assert "rank 1 of 60" in panel(page)["items"][0]["where"]
    assert {item["stream"] for item in panel(page)["items"]} == {"ranked"}


def test_judged_samples_are_passed_over_and_can_be_seen_again(folder):
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    ids = queue(run, "iam")["sample_id"].tolist()
    keep(run, ids[0])
    keep(run, ids[1], "Bo", "unsure")
    page = open_page("review", run="tiny", criterion="iam")
    shown = [item["sample_id"] for item in panel(page)["items"]]
    assert not set(ids[:2]) & set(shown)
    assert panel(page)["count"] == "2 of 60 judged (Ann 1, Bo 1)"
    page.selectbox(key="review mode").select("open").run()
    assert [item["sample_id"] for item in panel(page)["items"]] == [ids[1]]
    page.selectbox(key="review mode").select("all").run()
    assert [item["sample_id"] for item in panel(page)["items"]][:2] == ids[:2]


def test_everything_judged_says_so(folder):
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    for sample_id in queue(run, "iam", given_label=1)["sample_id"]:
        keep(run, int(sample_id))
    page = open_page("review", run="tiny", **{"class": "1"})
    page.number_input(key="review audit").set_value(0).run()
    told = panel(page)
    assert told["items"] == []
    assert not told["more"]
    assert "are judged" in told["end"]


def test_selection_of_another_page(folder):
    write_run(folder / "tiny")
    selection = {"run": "tiny", "sample_ids": [3, 10, 20], "what": "a lasso <b>here</b>"}
    page = open_page("review", {"review selection": selection}, run="tiny")
    told = panel(page)
    assert {item["sample_id"] for item in told["items"]} == {3, 10, 20}
    assert {item["stream"] for item in told["items"]} == {"selection"}
    assert all(item["where"].split(" of ")[1].startswith("60") for item in told["items"])
    assert "a lasso <b>here</b>" in said(page)
    next(b for b in page.button if "whole run" in b.label).click().run()
    assert panel(page)["total"] == 60


def test_selection_of_another_run_is_left_alone(folder):
    write_run(folder / "tiny")
    write_run(folder / "two")
    selection = {"run": "two", "sample_ids": [3], "what": ""}
    assert panel(open_page("review", {"review selection": selection}, run="tiny"))["total"] == 60


def test_selection_with_samples_that_are_not_there_is_said(folder):
    write_run(folder / "tiny")
    selection = {"run": "tiny", "sample_ids": [3, 999], "what": ""}
    page = open_page("review", {"review selection": selection}, run="tiny")
    assert "no sample 999" in said(page)


def button(page: AppTest, words: str):
    return next(b for b in page.button if words in b.label)


def test_bulk_verdict_says_what_it_would_write(folder):
    write_run(folder / "tiny")
    keep(RunReader(folder / "tiny"), 3)
    selection = {"run": "tiny", "sample_ids": [3, 10, 20], "what": "a lasso"}
    page = open_page("review", {"review selection": selection}, run="tiny")
    button(page, "These 3 are all").click().run()
    assert "3 samples: a lasso" in said(page)
    assert "the 1 that are judged already" in page.checkbox[0].label
    assert "This writes 0 verdicts: nothing" in said(page)  # no class is chosen yet
    assert button(page, "Write").disabled


def test_bulk_verdicts_are_taken_back_by_one_click(folder):
    write_run(folder / "tiny", class_names=["a", "b", "<i>c</i>", "d", "e"])
    run = RunReader(folder / "tiny")
    keep(run, 3)
    token = "f" * 32
    made = bulk_verdicts(
        run, [10, 20], "relabel", 2, token=token, time=now(), reviewer="Ann", criterion="iam"
    )
    assert counted(made, run.class_names) == "2 relabel to <i>c</i>"
    verdicts.append(run, made)
    written = {
        "run": str(run.folder), "batch": token, "reviewer": "Ann",
        "text": f"2 verdicts by Ann: {counted(made, run.class_names)}.",
    }  # fmt: skip
    page = open_page("review", {"bulk written": written}, run="tiny")
    assert "2 verdicts by Ann: 2 relabel to <i>c</i>." in said(page)
    assert panel(page)["judged"] == 3
    button(page, "Take them all back").click().run()
    assert "Taken back: 2 verdicts" in said(page)
    assert panel(page)["judged"] == 1
    assert verdicts.read(run).current.index.tolist() == [3]
    assert len((folder / "tiny" / "verdicts.jsonl").read_text().splitlines()) == 4  # one undo
    assert not any("Take them" in b.label for b in page.button)


def test_read_only_server_shows_and_offers_nothing_to_write(folder, monkeypatch):
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    write_run(folder / "tiny")
    selection = {"run": "tiny", "sample_ids": [3, 10], "what": ""}
    page = open_page("review", {"review selection": selection}, run="tiny")
    told = panel(page)
    assert told["read_only"]
    assert told["saved"] == "nothing is written"
    assert said(page).count("read-only") == 1
    assert len(told["items"]) == 2
    assert button(page, "are all").disabled


def test_damaged_log_is_said_and_read_as_far_as_it_goes(folder):
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    keep(run, 3)
    with (folder / "tiny" / "verdicts.jsonl").open("a") as file:
        file.write('{"sample_id": 4, "verd')
    page = open_page("review", run="tiny")
    assert any("line 2" in warning.value.replace("\\", "") for warning in page.warning)
    assert panel(page)["judged"] == 1


def test_run_without_true_labels_pictures_or_cosines(folder):
    write_run(folder / "real", known=False, pictures=False, with_cosine=False)
    page = open_page("review", run="real")
    assert not page.error
    assert "keeps no pictures" in said(page)
    assert page.toggle(key="review true labels").disabled
    assert panel(page)["items"][0]["picture"] is None


def test_criterion_without_scores_says_so(folder):
    write_run(folder / "real", with_cosine=False)
    page = open_page("review", run="real", criterion="hyperspherical_aum")
    assert not page.error
    assert "60 samples have no score" in said(page)


def test_run_being_trained(folder):
    writer = write_run(folder / "now", epochs=2, finish=None)
    page = open_page("review", run="now")
    assert "after epoch 2" in said(page)
    assert panel(page)["items"]
    writer.finish("stopped", "by the test")


def test_run_before_its_first_epoch(folder):
    writer = RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5)
    assert "first whole epoch" in said(open_page("review", run="new"))
    writer.finish("stopped", "by the test")


def test_without_any_run(folder):
    assert "no run" in said(open_page("review"))


def test_when_to_stop_is_said_of_the_class_on_screen(folder):
    write_run(folder / "tiny", class_names=["<b>x</b>", "$5", "c", "d", "e"])
    run = RunReader(folder / "tiny")
    for sample_id in run.sample_ids(0)[:3]:
        keep(run, int(sample_id))
    page = open_page("review", run="tiny", **{"class": "0"})
    assert any("<b>x</b>" in part.label.replace("\\", "") for part in page.expander)
    assert "Step 2 of class <b>x</b>:** 3 of 6 samples judged, 0 wrong." in said(page)
    assert "0 in 3 judged" in said(page)
    assert "After 3 verdicts" in said(page)


def test_names_reach_the_panel_as_they_are(folder):
    names = ["<b>bold</b>", "<img src=x onerror=alert(1)>", "$5 & more", "a_b*c*", "plain"]
    write_run(folder / "html", class_names=names)
    assert panel(open_page("review", run="html"))["classes"] == names
    html = (
        Path(__file__).parents[3] / "dashboard/views/parts/review_panel/review_panel.js"
    ).read_text()
    assert "innerHTML" not in html  # names are written as text only


def relabel(run: RunReader, sample_id: int, label: int, reviewer: str) -> None:
    given = int(run.samples()["given_label"][sample_id])
    verdicts.append(run, [Verdict(sample_id, "relabel", given, label, reviewer, "iam")])


def test_a_second_reviewer_gets_what_others_judged_and_then_what_they_disagree_on(folder):
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    for sample_id in (3, 4, 7):
        keep(run, sample_id)
    relabel(run, 4, 0, "Bo")
    keep(run, 7, "Bo")
    page = open_page("review", run="tiny")
    page.session_state["review"]["reviewer"] = "Bo"
    page.selectbox(key="review mode").select("second").run()
    told = panel(page)
    assert [item["sample_id"] for item in told["items"]] == [3]
    assert {item["stream"] for item in told["items"]} == {"selection"}  # not in the estimate
    assert (told["judged"], told["total"]) == (2, 3)
    page.selectbox(key="review mode").select("disagree").run()
    assert [item["sample_id"] for item in panel(page)["items"]] == [4]


def test_agreement_is_said_with_its_interval_and_the_disagreements_are_a_queue(folder):
    write_run(folder / "tiny", class_names=["a", "b", "<i>c</i>", "d", "e"])
    run = RunReader(folder / "tiny")
    page = open_page("review", run="tiny", do="reviewers")
    assert "needs two names" in said(page)
    for sample_id in range(1, 9):
        keep(run, sample_id)
        if sample_id != 2:
            keep(run, sample_id, "Bo")
    relabel(run, 2, 4, "Bo")
    page = open_page("review", run="tiny", do="reviewers")
    assert "agree on 7 of 8 samples; Cohen's kappa 0.84 [0.56, 1.00]" in said(page)
    assert shown_samples(page) == ["2"]
    assert {"<i>c</i>", "all classes"} <= set(page.dataframe[0].value["Class"])
    assert any("the 1 they disagree on" in b.label for b in page.button)


def test_history_tells_who_said_what_and_takes_any_of_it_back(folder):
    write_run(folder / "tiny", class_names=["a", "b", "<i>c</i>", "d", "e"])
    run = RunReader(folder / "tiny")
    assert "Nobody has judged" in said(open_page("review", run="tiny", do="history"))
    keep(run, 3)
    relabel(run, 4, 2, "Bo")
    verdicts.change_class(run, ClassChange(0, into=1, reviewer="Cy"))
    page = open_page("review", run="tiny", do="history")
    table = page.dataframe[0].value
    assert table["What"].tolist() == ["all samples of a become b", "→ <i>c</i>", "keep"]
    assert table["Reviewer"].tolist() == ["Cy", "Bo", "Ann"]
    assert table["Of"].tolist() == ["", "sample 4", "sample 3"]
    page.multiselect(key="history reviewer").select("Bo").run()
    assert page.dataframe[0].value["Of"].tolist() == ["sample 4"]
    page.multiselect(key="history reviewer").set_value([]).run()
    page.multiselect(key="history verdict").select("keep").run()
    assert page.dataframe[0].value["Reviewer"].tolist() == ["Ann"]
    assert page.button(key="undo picked").disabled


def test_a_merge_shows_its_counts_before_it_is_written_and_is_taken_back(folder):
    write_run(folder / "tiny", class_names=["a", "b", "<i>c</i>", "d", "e"])
    run = RunReader(folder / "tiny")
    given = run.samples()["given_label"]
    of_c = given.index[given == 2].tolist()
    keep(run, of_c[0])
    relabel(run, of_c[1], 4, "Bo")
    relabel(run, int(given.index[given == 3][0]), 2, "Bo")
    page = open_page("labels", run="tiny", labels="classes")
    page.selectbox(key="class from").select(2).run()
    page.selectbox(key="class into").select(3).run()
    n = len(of_c)
    assert f"all samples of <i>c</i> become d: {n} samples" in said(page)
    assert f"({n - 2} not judged, 1 judged" in said(page)
    assert "1 samples given it were given another label by a person" in said(page)
    page.text_input(key="class reviewer").set_value("Cy").run()
    page.button(key="change class").click().run()
    log = verdicts.read(run)
    assert [(c.label, c.into, c.reviewer) for c in log.class_changes] == [(2, 3, "Cy")]
    assert "classes merged: 1" in said(page)
    assert not any("2: " in option for option in page.selectbox(key="class from").options)
    button(page, "Take it back").click().run()
    assert verdicts.read(run).class_changes == ()
    assert "classes merged: 0" in said(page)


def test_a_new_name_is_checked_before_it_is_written(folder):
    write_run(folder / "tiny")
    page = open_page("labels", run="tiny", labels="classes")
    page.selectbox(key="class how").select("rename").run()
    page.text_input(key="class name").set_value(" 3 ").run()
    assert "class 3 is called '3'; merge the two instead" in said(page)
    page.text_input(key="class name").set_value("zero").run()
    assert "0 is called zero: 6 samples (6 not judged)" in said(page)


def test_step_one_shows_the_top_suspects_and_leads_to_their_review(folder):
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    ids = queue(run, "mean_loss")["sample_id"].tolist()
    keep(run, ids[1])
    page = open_page("duplicates", run="tiny", criterion="mean_loss", find="suspects")
    assert shown_samples(page) == [str(i) for i in ids[:24]]
    assert "1 of the first 60 are judged" in said(page)
    assert not button(page, "Review these").disabled


def test_pictures_of_both_splits_are_found_where_the_test_split_is_kept(folder):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    writer = RunWriter.create(
        folder / "both", given_label=[0, 1, 2] * 10, n_classes=3, n_epochs=1, images=images[:30],
        test_images=images[[4, 9]], test_label=[1, 2],
    )  # fmt: skip
    writer.record(np.arange(30), logits=rng.normal(size=(30, 3)).astype(np.float32))
    writer.end_epoch(1)
    writer.finish()
    page = open_page("duplicates", run="both", find="splits")
    button(page, "Compare training and test").click().run()
    assert "2 of 2 test pictures** are in the training split" in said(page)
    assert "**1** pairs have different labels" in said(page)
    assert sorted(shown_samples(page)) == ["4", "9"]
    page = open_page("duplicates", run="both", find="splits")  # kept with the run
    assert not any("Compare" in b.label for b in page.button)
    write_run(folder / "old")
    page = open_page("duplicates", run="old", find="splits")
    assert "without the pictures of its test split" in said(page)
