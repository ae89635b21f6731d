"""The page that compares runs: in every state, with numbers, and with hostile names."""

import json

import numpy as np
import pytest

from hmw_core import RunWriter
from tests.conftest import write_run
from tests.dashboard.views.steps import in_address, open_page, said, shown_samples


def open_samples(**address):
    """Open the tab about the samples that two runs share."""
    return open_page("compare", tab="samples", **address)


def metrics(page):
    return {metric.label: metric.value for metric in page.metric}


def test_two_runs_on_the_same_samples(folder):
    write_run(folder / "one")
    write_run(folder / "two", recipe="CCE+HMW")
    page = open_page("compare", run="one", **{"with": "two"})
    assert not page.error
    assert not page.warning
    differing = page.dataframe[0].value
    assert differing.index.tolist() == ["recipe"]
    assert differing.iloc[0].tolist() == ["CCE", "CCE+HMW"]
    page = open_samples(run="one", **{"with": "two"})
    assert "rank correlation 1.000" in said(page)
    assert "n = 60 samples" in said(page)
    assert "the 6 most suspicious, as many as are mislabeled" in said(page)
    assert metrics(page) == {
        "Both": "6",
        "Only A (one)": "0",
        "Only B (two)": "0",
    }
    assert "100.0 % really mislabeled (6 of 6" in said(page).replace("*", "")


def differ(folder):
    """Write two runs of which the second finds other samples suspicious."""
    write_run(folder / "one")
    rng = np.random.default_rng(1)
    true = np.arange(60) % 5
    given = np.where(np.arange(60) % 10 == 0, (true + 1) % 5, true)
    first = RunWriter.create(
        folder / "two",
        given_label=given,
        true_label=true,
        n_classes=5,
        n_epochs=1,
        images=np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8),
        dataset_name="tiny",
    )
    first.record(np.arange(60), logits=rng.normal(size=(60, 5)))
    first.end_epoch(1)
    first.finish()


def test_parts_have_their_pictures_and_lead_to_the_review(folder, monkeypatch):
    differ(folder)
    page = open_samples(run="one", **{"with": "two"}, budget="10", criterion="aum")
    sizes = [int(metric.value) for metric in page.metric]
    assert sizes[0] + sizes[1] == sizes[0] + sizes[2] == 10
    page.button_group(key="part").set_value("only B").run()
    ids = [int(i) for i in shown_samples(page)]
    assert len(ids) == sizes[2]
    gone = []
    monkeypatch.setattr(
        "streamlit.switch_page", lambda page, query_params=None: gone.append((page, query_params))
    )
    next(one for one in page.button if one.label.startswith("Review")).click().run()
    assert gone == [("views/pages/fix.py", {"run": "two", "tab": "review", "do": "judge"})]
    kept = page.session_state["review selection"]
    assert kept["run"] == "two"
    assert kept["sample_ids"] == ids
    assert "Only B by AUM" in kept["what"]


def test_a_read_only_server_sends_nobody_to_the_review(folder, monkeypatch):
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    differ(folder)
    page = open_samples(run="one", **{"with": "two"})
    assert page.button[0].disabled


def test_ranks_and_more_runs(folder):
    differ(folder)
    write_run(folder / "three", epochs=2, finish="stopped")
    page = open_samples(run="one", **{"with": "two"})
    page.button_group(key="axes").set_value("ranks").run()
    assert not page.error
    page = open_page("compare", run="one", **{"with": "two"})
    page.multiselect(key="more runs").select("three").run()
    assert page.dataframe[0].value.columns.tolist() == ["A: one", "B: two", "C: three"]
    assert not page.error


def test_without_a_second_run_it_says_so(folder):
    write_run(folder / "one")
    assert "no second run to compare one with" in said(open_page("compare", run="one"))


def test_without_any_run_it_says_how_to_get_one(folder):
    assert "no run" in said(open_page("compare"))


def test_other_samples_are_said_and_the_rest_is_shown(folder):
    write_run(folder / "one")
    writer = RunWriter.create(folder / "few", given_label=[0, 1, 1], n_classes=2, n_epochs=1)
    writer.finish()
    page = open_samples(run="one", **{"with": "few"})
    assert "were not trained on the same samples (60 samples and 3)" in said(page)
    assert not page.metric
    page = open_page("compare", run="one", **{"with": "few"})
    assert page.dataframe[0].value.loc["dataset: n samples"].tolist() == ["60", "3"]


def test_the_second_run_is_one_on_the_same_samples_where_there_is_one(folder):
    write_run(folder / "one")
    write_run(folder / "two")
    writer = RunWriter.create(folder / "few", given_label=[0, 1, 1], n_classes=2, n_epochs=1)
    writer.finish()
    page = open_page("compare", run="one")
    assert in_address(page, "with") == "two"


def test_the_second_run_is_the_counterpart_and_not_the_newest(folder):
    for name, recipe, seed in (("hmw", "CCE+HMW", 0), ("cce", "CCE", 0), ("seed1", "CCE", 1)):
        write_run(folder / name, recipe=recipe)
        path = folder / name / "run.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": seed}))
    assert in_address(open_page("compare", run="cce"), "with") == "hmw"


def test_settings_are_said_in_words_and_four_digits(folder):
    for name, rate in (("one", 0.25), ("two", 0.4506258692628651)):
        write_run(folder / name)
        path = folder / name / "run.json"
        info = json.loads(path.read_text())
        noise = info["noise"] | {"mislabeled_fraction": rate}
        path.write_text(json.dumps(info | {"noise": noise}))
    page = open_page("compare", run="one", **{"with": "two"})
    differing = page.dataframe[0].value
    assert differing.loc["noise: mislabeled fraction"].tolist() == ["0.25", "0.4506"]


def test_unknown_true_labels_absent_pictures_and_cosines(folder):
    for name in ("one", "two"):
        write_run(folder / name, known=False, pictures=False, with_cosine=False)
    page = open_samples(run="one", **{"with": "two"})
    assert not page.error
    assert "nobody knows how many are mislabeled" in said(page)
    assert "nobody can say which flags are right" in said(page)
    assert "%" not in "".join(metric.value for metric in page.metric)
    page.selectbox(key="choice criterion").select("hyperspherical_aum").run()
    assert "Not shown" in said(page) or "No rank correlation" in said(page)


def test_other_given_labels_are_pointed_out(folder):
    differ(folder)
    rng = np.random.default_rng(2)
    writer = RunWriter.create(
        folder / "mended",
        given_label=np.arange(60) % 5,
        true_label=np.arange(60) % 5,
        n_classes=5,
        n_epochs=1,
        images=np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8),
    )
    writer.record(np.arange(60), logits=rng.normal(size=(60, 5)))
    writer.end_epoch(1)
    writer.finish()
    page = open_samples(run="two", **{"with": "mended"})
    assert "6 of 60 samples have another given label in B" in said(page)


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_run_that_is_being_trained(folder, epochs):
    write_run(folder / "one")
    writer = write_run(folder / "now", epochs=epochs, finish=None)
    page = open_samples(run="one", **{"with": "now"})
    assert not page.error
    assert ("no finished epoch" in said(page)) == (epochs == 0)
    writer.finish("stopped", "by the test")


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("with", "../../etc", "Run B: there is no “../../etc”"),
        ("with", "one", "Run B: there is no “one”"),
        ("criterion", "magic", "Criterion: there is no “magic”"),
        ("budget", "-3", "it cannot be “-3”, so this takes 6"),
        ("budget", "9999", "it cannot be “9999”, so this takes 6"),
    ],
)
def test_an_address_that_cannot_be_gets_a_word(folder, key, value, answer):
    write_run(folder / "one")
    write_run(folder / "two")
    page = open_samples(run="one", **{"with": "two"} | {key: value})
    assert answer in said(page)
    assert len(page.metric) == 3


def test_names_with_markup_stay_names(folder):
    name = "<b>x</b> $5 *a* [l](u)"
    write_run(folder / "one")
    write_run(folder / name.replace("/", "-"), class_names=["<img src=x>", "b", "c", "d", "e"])
    info = json.loads((folder / "one" / "run.json").read_text())
    (folder / "one" / "run.json").write_text(json.dumps(info | {"recipe": "<script>"}))
    page = open_samples(run=name.replace("/", "-"), **{"with": "one"})
    assert not page.error
    for block in page.get("html"):
        assert "<img src=x" not in block.proto.body
    for caption in page.caption:
        assert "<b>x" not in caption.value
