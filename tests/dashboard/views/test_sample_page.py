"""The pages of one sample and of near-duplicates: what they say, and how one gets about."""

import numpy as np
import pandas as pd
import pytest

from dashboard.presenters.linked import Samples
from dashboard.presenters.sample_page import (
    large_picture,
    neighbour_sentence,
    rank_table,
    suggestion_bars,
)
from hmw_core import RunReader, RunWriter
from hmw_core.log import verdicts
from tests.conftest import write_run
from tests.dashboard.views.steps import in_address, open_page, said
from tests.hmw_core.pictures.test_duplicates import scenes

HTML_NAMES = ["<b>bold</b>", "<img src=x onerror=alert(1)>", "$5 & more", "a_b*c*", "plain"]


def bodies(page) -> str:
    return "".join(block.proto.body for block in page.get("html"))


def button(page, label: str):
    return next(found for found in page.button if found.label == label)


def test_the_most_suspicious_sample_comes_first(folder):
    write_run(folder / "tiny")
    page = open_page("sample", run="tiny")
    assert not page.error
    assert not page.warning
    assert int(in_address(page, "sample")) % 10 == 0  # a mislabeled one
    assert page.number_input(key="sample by rank").value == 1
    assert "mislabeled" in said(page)
    assert "none yet" in said(page)


def test_a_sample_by_id_by_rank_and_by_steps(folder):
    write_run(folder / "tiny")
    page = open_page("sample", run="tiny", sample="17", criterion="aum")
    rank = page.number_input(key="sample by rank").value
    assert page.number_input(key="sample by id").value == 17
    button(page, "Less suspicious").click().run()
    assert page.number_input(key="sample by rank").value == rank + 1
    button(page, "More suspicious").click().run()
    assert in_address(page, "sample") == "17"
    page.number_input(key="sample by id").set_value(20).run()
    assert in_address(page, "sample") == "20"
    assert page.number_input(key="sample by rank").value <= 6
    page.number_input(key="sample by rank").set_value(1).run()
    assert button(page, "More suspicious").disabled
    assert int(in_address(page, "sample")) % 10 == 0
    page.query_params["sample"] = "33"  # the browser's back button
    page.run()
    assert page.number_input(key="sample by id").value == 33


@pytest.mark.parametrize("text", ["9999", "x", "-1", "1" * 400, " ", "²"])
def test_an_id_that_is_none_is_said(folder, text):
    write_run(folder / "tiny")
    page = open_page("sample", run="tiny", sample=text)
    assert "Sample: there is no" in said(page)
    assert not page.subheader


def test_the_first_of_several_ids_of_another_page(folder):
    write_run(folder / "tiny")
    page = open_page("sample", run="tiny", sample="3, 17")
    assert page.number_input(key="sample by id").value == 3


def test_the_rank_table_says_the_direction(folder):
    write_run(folder / "tiny")
    page = open_page("sample", run="tiny", sample="0")
    table = page.dataframe[0].value.set_index("criterion")
    assert table.loc["IAM", "suspicious"] == "low"
    assert table.loc["Last loss", "suspicious"] == "high"
    assert (table["rank"] <= 6).all()
    assert (table["suspicion"] > 90).all()


def test_the_verdict_that_stands_is_shown_with_who_and_when(folder):
    write_run(folder / "tiny")
    run = RunReader(folder / "tiny")
    verdicts.append(
        run,
        [
            verdicts.Verdict(
                10,
                "relabel",
                1,
                0,
                reviewer="A_nn",
                note="*sure*",
                time="2026-01-02T03:04:05.000+00:00",
            )
        ],
    )
    text = said(open_page("sample", run="tiny", sample="10"))
    assert "relabel to 0 by A_nn, 2026-01-02 03:04 UTC; “*sure*”" in text


def test_neighbours_are_shown_with_their_labels(folder):
    write_run(folder / "tiny")
    page = open_page("sample", run="tiny", sample="10")
    shown = bodies(page)
    assert shown.count("data-sample=") == 10
    assert "cosine" in shown
    assert "inspect?run=tiny&amp;sample=" in shown
    assert "5 of the 10 nearest are given 1, too; 5 are given 0, as is suggested." in said(page)


def test_all_that_is_absent_is_said(folder):
    write_run(folder / "real", known=False, pictures=False, with_cosine=False)
    page = open_page("sample", run="real", sample="4")
    text = said(page)
    assert not page.error
    assert "No picture: this run keeps none" in text
    assert "unknown" in text
    assert "HM weight" in text  # without cosines there is none
    ranks = page.dataframe[0].value
    assert "HM weight" not in ranks["criterion"].tolist()


def test_a_run_without_features_and_a_sample_that_was_never_seen(folder):
    writer = RunWriter.create(folder / "bare", given_label=[0, 1, 1, 0], n_classes=2, n_epochs=1)
    writer.record([0, 1, 2], logits=np.array([[2.0, 1.0], [0.0, 1.0], [1.0, 0.5]]))
    writer.end_epoch(1)
    writer.finish()
    page = open_page("sample", run="bare", sample="3")
    text = said(page)
    assert "no features" in text
    assert "No epoch saw this sample" in text
    assert "has no score for this sample" in text


@pytest.mark.parametrize("name", ["sample", "duplicates"])
def test_page_in_every_state_of_a_run(folder, name):
    writer = RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5)
    assert not open_page(name, run="new").error
    writer.finish("stopped", "by the test")
    write_run(folder / "real", known=False, pictures=False, with_cosine=False)
    assert not open_page(name, run="real").error
    write_run(folder / "html", class_names=HTML_NAMES)
    page = open_page(name, run="html")
    assert not page.error
    if name == "duplicates":
        page.button[0].click().run()
        assert not page.error
    assert "<img src=x" not in bodies(page)
    assert "<b>bold" not in bodies(page)


def with_copies(path) -> None:
    pictures = scenes(120)
    pictures[5], pictures[8], pictures[100] = pictures[0], pictures[4], pictures[17]
    label = np.arange(120) % 4
    writer = RunWriter.create(
        path,
        given_label=label,
        true_label=label,
        n_classes=4,
        n_epochs=1,
        images=pictures,
        class_names=["cat", "dog", "<b>emu</b>", "fox"],
    )
    writer.record(np.arange(120), logits=np.eye(4)[label])
    writer.end_epoch(1)
    writer.finish()


def test_duplicates_are_found_on_demand_kept_and_handed_to_review(folder):
    with_copies(folder / "run")
    page = open_page("duplicates", run="run")
    assert "have not been compared yet" in said(page)
    page.button[0].click().run()
    assert not page.exception
    assert "3 pairs of near-duplicates in 3 groups; 2 of them have different" in said(page).replace(
        "*", ""
    )
    assert "keeps no features" in said(page)
    assert bodies(page).count('class="pair"') == 2
    again = open_page("duplicates", run="run", pairs="all")
    assert "have not been compared" not in said(again)
    shown = bodies(again)
    assert shown.count('class="pair"') == 3
    assert shown.index("different given labels") < shown.index("same given label")
    review = next(b for b in page.button if b.label.startswith("Review these 4"))
    review.click().run()
    selection = page.session_state["review selection"]
    assert selection["run"] == "run"
    assert selection["what"] == "near-duplicates with different labels"
    ids = selection["sample_ids"]
    assert {frozenset(ids[:2]), frozenset(ids[2:])} == {frozenset({0, 5}), frozenset({17, 100})}


def test_the_threshold_moves_what_is_shown(folder):
    with_copies(folder / "run")
    open_page("duplicates", run="run").button[0].click().run()
    page = open_page("duplicates", run="run", pairs="all", pixels_distance="0.5")
    assert not page.exception
    wide = bodies(page).count('class="pair"')
    assert wide >= 3
    page.slider(key="duplicates pixels").set_value(0.0).run()
    assert bodies(page).count('class="pair"') == 3  # equal files always count
    odd = open_page("duplicates", run="run", pixels_distance="soon")
    assert "is no number" in said(odd)
    assert not open_page("duplicates", run="run", pixels_distance="nan").exception


def test_words_and_bars_of_a_sample(tiny_run):
    near = pd.DataFrame({"given_label": [1, 1, 1, 0]})
    sentence = neighbour_sentence(near, 0, 1, ["cat", "dog"])
    assert sentence == "1 of the 4 nearest are given cat, too; 3 are given dog, as is suggested."
    suggested = pd.DataFrame({"label": [1, 0], "share": [0.75, 0.25]})
    bars = suggestion_bars(suggested, 0, ["<i>cat</i>", "dog"])
    assert "width:75%" in bars
    assert "<i>" not in bars
    assert large_picture(b"no picture", 3) is None
    assert "pixelated" in large_picture(tiny_run.images([3])[3], 3)
    table = rank_table(tiny_run, Samples(tiny_run), 10).set_index("criterion")
    assert table.loc["IAM", "of"] == 60
    assert table.loc["IAM", "rank"] <= 6
