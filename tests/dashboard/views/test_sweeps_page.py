"""The page Sweeps: none, finished, growing, stopped, failed, damaged; hostile names."""

import re
from pathlib import Path

import pytest

from hmw_core.experiments.sweeps import read_sweep
from hmw_core.log import layout
from hmw_core.log.lock import FolderLock
from tests.conftest import write_run
from tests.dashboard.figures.test_sweep_figures import write_scales
from tests.dashboard.views.steps import in_address, open_page, said
from tests.hmw_core.experiments.small_sweep import write_cells, write_small_sweep
from tests.hmw_core.experiments.test_paper_tables import write_table


@pytest.fixture
def sweeps(folder) -> Path:
    """The folder of sweeps beside the folder of runs."""
    return folder.parent / "sweeps"


def test_without_a_sweep_there_is_no_tab_but_a_sentence(folder, sweeps):
    write_run(folder / "tiny")
    page = open_page("sweeps", run="tiny")
    assert "There is no sweep yet: “python -m training sweep table-4”" in said(page)
    assert in_address(page, "tab") == "threshold"
    write_small_sweep(sweeps / "small")
    assert in_address(open_page("sweeps", run="tiny"), "tab") == "sweeps"


def test_a_finished_sweep(sweeps):
    write_small_sweep(sweeps / "small")
    page = open_page("sweeps")
    assert not page.error
    assert not page.warning
    table = page.dataframe[0].value
    assert table["symmetric 0.2"].tolist() == ["82.0 ± 2.0", "92.0 ± 1.7"]
    assert "mean ± standard deviation between seeds (3 seeds" in said(page)
    assert len(page.get("plotly_chart")) == 2  # no number varies
    against = next(f.value for f in page.dataframe if "Higher?" in f.value)
    assert against["Higher?"].tolist() == ["yes, higher", "cannot be told"]
    labels = [button.label for button in page.get("download_button")]
    assert {"CSV", "Markdown", "LaTeX", "PDF", "SVG", "PNG"} <= set(labels)
    assert "python -m training sweep small" in page.code[0].value


def test_another_measure_and_reference_are_kept_in_the_address(sweeps):
    write_small_sweep(sweeps / "small")
    page = open_page("sweeps", measure="best_accuracy", reference="CCE+HMW")
    assert "an oracle's choice" in said(page)
    assert page.dataframe[0].value["symmetric 0.2"][0] == "87.0 ± 2.0"
    against = next(f.value for f in page.dataframe if "Higher?" in f.value)
    assert set(against["Setting"]) == {"CCE"}
    page.selectbox(key="choice measure").select("auroc_iam").run()
    assert not page.exception
    assert page.query_params["measure"] in ("auroc_iam", ["auroc_iam"])
    assert page.dataframe[0].value["symmetric 0.2"][0] == "0.910 ± 0.010"


def test_numbers_that_vary_and_what_the_paper_says_of_them(sweeps):
    write_scales(sweeps / "scales")
    page = open_page("sweeps")
    assert not page.error
    assert len(page.get("plotly_chart")) == 3
    assert "What the paper says, and what came out here" in [h.value for h in page.subheader]
    assert "Spearman's rank correlation of alpha (above 0)" in said(page)
    page.selectbox(key="choice field").select("beta").run()
    assert not page.exception
    assert not page.error
    rest = page.selectbox(key="choice others-beta")
    assert rest.value == "CCE+HMW-code, alpha 50"


def test_the_papers_table_stands_apart_on_other_data(sweeps):
    cells = [{"recipe": "AUM only-code", "noise": "symmetric", "noise_rate": 0.2}]
    info = write_cells(sweeps / "t", cells, [(0.9,)], named="table-4", notes=["a *note*"])
    page = open_page("sweeps")
    assert "on CIFAR-10: other data, not to be compared by value" in said(page)
    assert page.table[0].value.loc["AUM only"].tolist() == ["88.4", "67.9", "90.9", "82.4"]
    assert "a *note*" in said(page)
    info["cells"][0]["dataset"] = "cifar10"
    layout.write_json(sweeps / "t" / "sweep.json", info)
    page = open_page("sweeps")
    assert not page.table
    assert "from Table 1 or 4 of the paper" in said(page)
    info["cells"][0]["departs"] = {"epochs": [250, 5]}
    layout.write_json(sweeps / "t" / "sweep.json", info)
    assert "(epochs differ)" in said(open_page("sweeps"))


def test_follows_a_sweep_that_is_computed(sweeps):
    info = write_small_sweep(sweeps / "s", status="running")
    waiting = {"test_accuracy": [], "auroc": {}, "status": "waiting"}
    info["trainings"][-1] |= waiting
    info["trainings"][-2] |= waiting | {"status": "running", "run": "<b>now<b>"}
    layout.write_json(sweeps / "s" / "sweep.json", info)
    lock = FolderLock(sweeps / "s")
    page = open_page("sweeps")
    text = page.get("progress")[0].proto.text.replace("\\", "")
    assert text == "10 of 12 trainings finished; <b>now<b>: epoch 0 done"
    lock.free()
    page.run()
    assert not page.get("progress")
    assert "10 of 12 trainings have finished. Run the same command to continue" in said(page)


def test_before_anything_has_finished(sweeps):
    info = write_small_sweep(sweeps / "s", status="stopped")
    for training in info["trainings"]:
        training |= {"test_accuracy": [], "auroc": {}, "status": "waiting"}
    layout.write_json(sweeps / "s" / "sweep.json", info)
    page = open_page("sweeps")
    assert "No training of this sweep has finished" in said(page)
    assert not page.get("plotly_chart")


def test_failures_say_why(sweeps):
    info = write_small_sweep(sweeps / "s", status="failed")
    failed = {"test_accuracy": [], "auroc": {}, "status": "failed", "error": "out of memory"}
    info["trainings"][0] |= failed
    layout.write_json(sweeps / "s" / "sweep.json", info)
    page = open_page("sweeps")
    assert "11 of 12 trainings have finished, 1 failed" in said(page)
    assert "out of memory" in page.dataframe[0].value["error"].tolist()
    assert "(1 failed)" in page.dataframe[1].value["symmetric 0.2"][0]


def test_damaged_sweeps_are_named_and_take_nothing_down(sweeps):
    write_small_sweep(sweeps / "good")
    (sweeps / "cut").mkdir()
    (sweeps / "cut" / "sweep.json").write_text("{")
    page = open_page("sweeps", sweep="cut")
    assert "Cannot be read" in said(page)
    assert "there is no “cut” here" in said(page)
    assert page.selectbox(key="choice sweep").value == "good"


def test_a_sweep_without_any_test_split(sweeps):
    info = write_small_sweep(sweeps / "s")
    for training in info["trainings"]:
        training |= {"test_accuracy": []}
    layout.write_json(sweeps / "s" / "sweep.json", info)
    page = open_page("sweeps")
    assert not page.error
    assert page.selectbox(key="choice measure").value.startswith("auroc_")
    for training in info["trainings"]:
        training |= {"auroc": {}}
    layout.write_json(sweeps / "s" / "sweep.json", info)
    assert "no number to compare" in said(open_page("sweeps"))


def test_hostile_names_stay_names(sweeps):
    evil = "<img src=x onerror=alert(1)> **b** $x$"
    cells = [{"recipe": evil, "alpha": 1.0}, {"recipe": evil, "alpha": 2.0}]
    write_cells(sweeps / "s", cells, [(0.5, 0.6), (0.6, 0.7)], title=evil, command=evil)
    page = open_page("sweeps", reference=f"{evil}, alpha 1")
    for element in (*page.markdown, *page.caption, *page.subheader):
        assert not re.search(r"(?<!\\)(<img|\*\*b|\$x)", element.value), element.value


def test_runs_of_a_sweep_find_their_sweep(sweeps, monkeypatch):
    write_small_sweep(sweeps / "s")
    monkeypatch.setenv("HMW_RUNS", str(sweeps / "s"))
    assert open_page("sweeps").selectbox(key="choice sweep").value == "s"
    monkeypatch.setenv("HMW_SWEEPS", str(sweeps.parent / "elsewhere"))
    assert "There is no run" in said(open_page("sweeps"))
    assert read_sweep(sweeps / "s").status == "finished"


def test_a_table_stands_beside_the_papers(sweeps):
    write_table(sweeps / "t", notes=["First. Second.", "Folded."])
    page = open_page("sweeps")
    assert not page.error
    shown = page.dataframe[0].value.set_index("Method")
    assert shown.loc["CCE", "symmetric 0.5"] == "52.0 [47.0, 57.0]"
    assert shown.loc["CCE", "symmetric 0.5: paper"] == "57.9"
    assert shown.loc["CCE", "symmetric 0.5: minus paper"] == "-5.9 [-10.9, -0.9]"
    assert shown.loc["MOIT+", "symmetric 0.5"] == "–"
    text = said(page)
    assert "Rows of the paper's that are not in this sweep: Forward" in text
    assert "CCE+HMW against CCE: harms at symmetric 0.5" in text
    detail = next(
        f.value for f in page.dataframe if "Best epoch" in f.value and "Method" in f.value
    )
    assert detail.set_index("Method").loc["CCE", "Mean of last 10"].startswith("40.2")
    sources = next(f.value for f in page.dataframe if "What the sources say" in f.value)
    assert "single network" in sources["What the sources say"].str.cat()
    keys = [button.key for button in page.get("download_button")]
    assert {f"{kind} of the whole table" for kind in ("CSV", "Markdown", "LaTeX")} <= set(keys)
    page = open_page("sweeps", measure="best_accuracy")
    assert page.dataframe[0].value["symmetric 0.5"][0].startswith("57.0")
    assert "Best epoch:" in said(page)


def test_a_cell_of_a_table_leads_to_its_runs(sweeps):
    write_table(sweeps / "t")
    write_run(sweeps / "t" / "cell=0-seed=1")
    page = open_page("sweeps", cell="CCE at symmetric 0.5")
    assert "CCE at symmetric 0.5: 3 trainings" in said(page).replace("*", "")
    assert "Seed 1: last epoch 52.0 %" in said(page)
    links = [link.proto for link in page.get("page_link")]
    assert any("of=t" in f"{link.query_string}" for link in links)
    page = open_page("samples", run="cell=0-seed=1", of="t")
    assert page.selectbox(key="choice run").value == "cell=0-seed=1"
    leave = next(button for button in page.button if button.key == "leave sweep")
    assert leave.label.replace("\\", "") == "Runs of t"
    leave.click().run()
    assert "of" not in page.query_params
    assert "There is no run to show" in said(page)


@pytest.mark.parametrize("cell", ["UNICON at symmetric 0.8", "x", "<b>", "MOIT+ at symmetric 0.5"])
def test_a_cell_without_trainings_says_so(cell, sweeps):
    write_table(sweeps / "t")
    assert "no training of it has finished" in said(open_page("sweeps", cell=cell))


def test_a_sweep_that_is_not_there_changes_no_runs(folder, sweeps):
    write_run(folder / "tiny")
    for name in ("gone", "../runs"):
        page = open_page("samples", run="tiny", of=name)
        assert page.selectbox(key="choice run").value == "tiny"
        assert "of" not in page.query_params
