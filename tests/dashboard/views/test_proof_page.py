"""The page Proof: with proofs and without, growing, stopped, damaged, with hostile names."""

import json
import os
from pathlib import Path

import pytest

from dashboard.figures import FIGURES
from dashboard.figures.base import CannotShow
from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.log import layout, verdicts
from hmw_core.log.lock import FolderLock
from hmw_core.log.verdicts import Verdict
from tests.conftest import write_run, write_small_proof
from tests.dashboard.views.steps import open_page, said


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A run without a proof, in a folder of runs that the page reads."""
    monkeypatch.setenv("HMW_RUNS", str(tmp_path / "runs"))
    write_run(tmp_path / "runs" / "tiny", proof=False)
    return tmp_path / "runs" / "tiny"


def test_shows_sentences_table_and_figure(folder):
    write_small_proof(folder / "proofs" / "labels-0")
    page = open_page("proof", run="tiny")
    text = said(page)
    assert "Training on the corrected labels is better than training on the original" in text
    assert "+20.00 points of test accuracy, interval +17.52 to +22.48" in text
    assert "last epoch (4) on 100 held-out samples" in text
    table = page.table[0].value
    assert table["Difference (points)"].tolist()[1] == "+20.00 [+17.52, +22.48]"
    assert len(page.get("plotly_chart")) == 1
    assert {button.label for button in page.get("download_button")} >= {
        "Table (CSV)",
        "Table and text (Markdown)",
    }
    assert not page.warning
    assert not page.error


def test_says_how_to_start_one(folder, monkeypatch):
    info = layout.read_info(folder)
    layout.write_json(folder / "run.json", info | {"config": {"epochs": 4}})
    folder.rename(folder.with_name("my run; $(x)"))
    page = open_page("proof", run="my run; $(x)")
    assert "no proof of this run yet" in said(page)
    assert page.code[0].value == (
        f"python -m dashboard.labels '{os.environ['HMW_RUNS']}/my run; $(x)' "
        "'my run; $(x)-labels.csv'\n"
        "python -m training prove 'my run; $(x)' --labels 'my run; $(x)-labels.csv' --seeds 5 "
        f"--runs {os.environ['HMW_RUNS']}"
    )
    assert "4 × 5 trainings" in said(page)
    assert "No label of this run is corrected yet" in said(page)
    run = RunReader(folder.with_name("my run; $(x)"))
    given = int(run.samples()["given_label"][3])
    verdicts.append(run, [Verdict(3, "relabel", given, (given + 1) % 5, "Ann")])
    assert "is corrected yet" not in said(open_page("proof", run="my run; $(x)"))


def test_a_run_of_another_loop_cannot_be_trained_again(folder):
    page = open_page("proof", run="tiny")
    assert "not made by python -m training train" in said(page).replace("`", "")
    assert not page.code


def test_several_proofs_can_be_chosen_and_the_address_keeps_it(folder):
    write_small_proof(folder / "proofs" / "old-1", created="2026-01-01T00:00:00+00:00", n_seeds=1)
    write_small_proof(folder / "proofs" / "new-2", created="2026-02-01T00:00:00+00:00")
    page = open_page("proof", run="tiny")
    assert page.selectbox(key="choice proof").value == "new-2"
    page.selectbox(key="choice proof").select("old-1").run()
    assert "One seed has no interval" in said(page)
    assert page.query_params["proof"] in ("old-1", ["old-1"])
    page = open_page("proof", run="tiny", proof="../../secret")
    assert "there is no “../../secret”" in said(page)
    assert page.selectbox(key="choice proof").value == "new-2"


def test_follows_a_proof_that_is_computed(folder):
    place = folder / "proofs" / "labels-0"
    info = write_small_proof(place, status="running", seeds=[1, 2, 3, 4])
    lock = FolderLock(place)
    now = {"arm": "corrected", "seed": 4, "epoch": 2, "n_epochs": 4}
    layout.write_json(place / "now.json", now)
    page = open_page("proof", run="tiny")
    (progress,) = page.get("progress")
    assert "12 of 16 trainings; Corrected labels, seed 4, epoch 2 of 4" in (
        progress.proto.text.replace("\\", "")
    )
    assert "0:07 left" in progress.proto.text.replace("\\", "")
    lock.free()
    page.run()
    assert not page.get("progress")
    assert "was stopped after 12 of 16 trainings. Run the same command to continue" in said(page)
    layout.write_json(place / "proof.json", info | {"status": "failed", "error": "the disk <b>"})
    page.run()
    assert "failed after 12 of 16 trainings (the disk <b>)" in said(page)


def test_before_the_first_training_has_finished(folder):
    place = folder / "proofs" / "labels-0"
    write_small_proof(place, status="running", trainings=[])
    lock = FolderLock(place)
    page = open_page("proof", run="tiny")
    assert "0 of 12 trainings" in page.get("progress")[0].proto.text
    assert not page.table
    lock.free()


def test_a_damaged_proof_is_said_and_the_others_are_shown(folder):
    write_small_proof(folder / "proofs" / "good")
    write_small_proof(folder / "proofs" / "bad")
    (folder / "proofs" / "bad" / "proof.json").write_text("{")
    page = open_page("proof", run="tiny")
    assert "Cannot be read" in said(page)
    assert "bad: proof.json" in said(page)
    assert len(page.table) == 1


def test_a_hostile_file_name_stays_a_name(folder):
    evil = "<img src=x onerror=alert(1)> [a](b) $x$.csv"
    labels = {"file": evil, "n_changed": 1, "n_suspects": 1}
    write_small_proof(folder / "proofs" / "labels-0", labels=labels)
    page = open_page("proof", run="tiny")
    remarks = next(m.value for m in page.markdown if "Labels changed by" in m.value)
    assert "\\<img" in remarks
    assert "\\[a\\](b)" in remarks
    assert "\\$x\\$" in remarks


def test_figure_rests_on_the_table(folder):
    write_small_proof(folder / "proofs" / "labels-0")
    run = RunReader(folder)
    table = FIGURES["proof"].prepare(run)
    accuracy = table[table["panel"] == "accuracy"]
    assert len(accuracy) == 12
    one = accuracy[(accuracy["arm"] == "corrected") & (accuracy["seed"] == 3)].iloc[0]
    assert one["value"] == pytest.approx(85)
    assert [one["mean"], one["low"], one["high"]] == pytest.approx([82, 75.43, 88.57], abs=0.01)
    lead = table[(table["panel"] == "difference") & (table["arm"] == "random_dropped")]
    assert lead["value"].tolist() == pytest.approx([-10, 8, -4])
    assert "original" not in set(table.loc[table["panel"] == "difference", "arm"])
    first = FIGURES["proof"].prepare(run, n_trainings=1)
    assert first["panel"].tolist() == ["accuracy"]
    assert first["low"].isna().all()
    drawn = FIGURES["proof"].draw(first)
    assert json.loads(drawn.to_json())["layout"]["xaxis"]["title"]["text"] == "Test accuracy (%)"


def test_figure_says_why_it_shows_nothing(folder):
    run = RunReader(folder)
    with pytest.raises(CannotShow, match="run 'tiny' has no proof; `python -m training prove"):
        FIGURES["proof"].prepare(run)
    write_small_proof(folder / "proofs" / "empty", trainings=[])
    with pytest.raises(CannotShow, match="no training of the proof empty is finished yet"):
        FIGURES["proof"].prepare(run)
    with pytest.raises(CannotShow, match="has no proof 'x'; it has empty"):
        FIGURES["proof"].prepare(run, proof="x")
    (folder / "proofs" / "empty" / "proof.json").write_text("{")
    with pytest.raises(UsageError, match="is damaged"):
        FIGURES["proof"].prepare(run, proof="empty")
