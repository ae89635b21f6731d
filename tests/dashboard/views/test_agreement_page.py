"""The page of agreement: its three questions, in every odd case."""

import numpy as np
import pytest

from hmw_core import RunWriter
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import Verdict
from hmw_core.review.queue import audit_sample
from tests.conftest import write_run
from tests.dashboard.views.steps import in_address, open_page, said, shown_samples

SECTIONS = ("criteria", "samples", "reviewed")

every_section = pytest.mark.parametrize("section", SECTIONS)


def restless(folder, *, seed=0, epochs=6, known=True):
    """A run whose samples change their ranks from epoch to epoch and from seed to seed."""
    rng = np.random.default_rng(seed)
    true = np.arange(60) % 5
    given = np.where(np.arange(60) % 10 == 0, (true + 1) % 5, true)
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=true if known else None,
        n_classes=5,
        n_epochs=epochs,
        images=np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8),
        seed=seed,
    )
    for epoch in range(1, epochs + 1):
        writer.record(np.arange(60), logits=rng.normal(size=(60, 5)))
        writer.end_epoch(epoch, test_accuracy=0.5)
    writer.finish()


@every_section
def test_a_finished_run(folder, section):
    write_run(folder / "tiny")
    page = open_page("agreement", run="tiny", section=section)
    assert not page.error
    assert not page.warning
    if section != SECTIONS[0]:
        assert in_address(page, "section") == section


@every_section
def test_unknown_true_labels_absent_pictures_and_cosines(folder, section):
    write_run(folder / "real", known=False, pictures=False, with_cosine=False)
    page = open_page("agreement", run="real", section=section)
    assert not page.error
    assert "nobody knows how many are mislabeled" in said(page)


@every_section
@pytest.mark.parametrize("epochs", [0, 1])
def test_before_the_first_epoch_and_after_it(folder, section, epochs):
    writer = write_run(folder / "now", epochs=epochs, finish=None)
    page = open_page("agreement", run="now", section=section)
    assert not page.error
    assert ("No epoch is finished yet" in said(page)) == (epochs == 0)
    writer.finish("stopped")


@every_section
def test_without_any_run(folder, section):
    assert "no run" in said(open_page("agreement", section=section))


@every_section
def test_names_with_markup_stay_names(folder, section):
    write_run(folder / "$x <b>y", class_names=["<img src=x>", "$5", "_c", "d*", "e"])
    page = open_page("agreement", run="$x <b>y", section=section)
    assert not page.error
    for block in page.get("html"):
        assert "<img src=x" not in block.proto.body


def test_pairs_lead_to_their_duel(folder):
    restless(folder / "one")
    page = open_page("agreement", run="one", section="criteria", budget="7")
    assert "the 7 most suspicious" in said(page)
    table = page.dataframe[0].value
    assert table["Share"].is_monotonic_increasing
    assert table["By chance"].tolist() == pytest.approx([7 / 60] * len(table))
    link = table["Head to head"].iloc[0]
    assert link.startswith("/duel?run=one&criterion=")
    assert link.endswith("&budget=7")


def test_one_criterion_has_nothing_to_agree_with(folder):
    write_run(folder / "tiny")
    page = open_page("agreement", run="tiny", section="criteria", criteria="aum")
    assert "agreement needs two criteria" in said(page)


def test_ambiguous_samples_are_shown_counted_and_reviewed(folder, monkeypatch):
    restless(folder / "one")
    page = open_page("agreement", run="one", section="samples", criterion="last_loss", budget="20")
    sizes = {metric.label: int(metric.value) for metric in page.metric}
    assert sum(sizes.values()) == 60
    assert sizes["Ambiguous"] > 10
    assert "epochs 3, 4, 5, 6" in said(page)
    ids = [int(i) for i in shown_samples(page)]
    assert len(ids) == min(24, sizes["Ambiguous"])
    page.button_group(key="choice steadiness").set_value("never").run()
    assert len(shown_samples(page)) == min(24, sizes["Never flagged"])
    page.button_group(key="choice steadiness").set_value("ambiguous").run()
    gone = []
    monkeypatch.setattr(
        "streamlit.switch_page", lambda page, query_params=None: gone.append((page, query_params))
    )
    next(b for b in page.button if b.label.startswith("Review")).click().run()
    assert gone == [("views/pages/fix.py", {"run": "one", "tab": "review", "do": "judge"})]
    kept = page.session_state["review selection"]
    assert len(kept["sample_ids"]) == sizes["Ambiguous"]
    assert kept["sample_ids"][: len(ids)] == ids
    assert "Ambiguous by Last loss" in kept["what"]


def test_a_read_only_server_sends_nobody_to_the_review(folder, monkeypatch):
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    restless(folder / "one")
    page = open_page("agreement", run="one", section="samples", criterion="last_loss")
    assert next(b for b in page.button if b.label.startswith("Review")).disabled


def test_seeds_of_one_recipe_are_rankings(folder):
    for seed in (0, 1, 2):
        restless(folder / f"seed {seed}", seed=seed)
    page = open_page("agreement", run="seed 1", section="samples", looks="seeds")
    assert "The last epoch of 3 seeds" in page.selectbox(key="choice looks").options
    assert sum(int(metric.value) for metric in page.metric) == 60
    assert not page.error
    alone = open_page("agreement", run="seed 1", section="samples", looks="epochs")
    assert alone.selectbox(key="choice looks").value == "epochs"


def test_a_perfect_run_has_no_ambiguous_sample(folder):
    write_run(folder / "tiny")
    page = open_page("agreement", run="tiny", section="samples", criterion="aum")
    assert "Ambiguous: no sample" in said(page)
    assert "100.0 % really mislabeled (6 of 6" in said(page).replace("*", "")
    assert "no other seed" in said(page)


def test_a_criterion_that_the_log_lacks_is_said(folder):
    write_run(folder / "bare", with_cosine=False)
    page = open_page("agreement", run="bare", section="samples", criterion="hyperspherical_aum")
    assert not page.error
    assert "Not shown" in said(page) or "no score" in said(page)


def test_reviewed_samples_speak(folder):
    write_run(folder / "tiny")
    page = open_page("agreement", run="tiny", section="reviewed")
    assert "Nobody has judged" in said(page)
    run = RunReader(folder / "tiny")
    samples = run.samples()
    verdicts.append(
        run,
        [
            Verdict(int(i), "relabel", int(given), int(true), stream="audit")
            if given != true
            else Verdict(int(i), "keep", int(given), stream="audit")
            for i in audit_sample(run)["sample_id"][:30]
            for given, true in [(samples["given_label"][i], samples["true_label"][i])]
        ],
    )
    page = open_page("agreement", run="tiny", section="reviewed")
    assert page.dataframe[0].value.loc["audit", "keep"] > 20
    table = page.dataframe[1].value.set_index("Criterion")
    assert table.loc["AUM", "AUROC"].startswith("1.000 (")
    assert table.loc["AUM", "Precision by true labels"] == "1.000"
    assert "Estimates from 30 judged samples" in said(page)
    assert "errors are left" in said(page)


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("section", "magic", "Question: there is no “magic”"),
        ("budget", "-3", "it cannot be “-3”, so this takes 6"),
        ("budget", "9999", "it cannot be “9999”"),
        ("criteria", "magic,../x", "most suspicious"),
        ("checkpoints", "50", "Rankings at the epochs 2, 3, 4"),
    ],
)
def test_an_address_that_cannot_be_gets_a_word(folder, key, value, answer):
    write_run(folder / "tiny")
    address = {"section": "samples" if key == "checkpoints" else "criteria"} | {key: value}
    page = open_page("agreement", run="tiny", **address)
    assert answer in said(page)
    assert not page.error
