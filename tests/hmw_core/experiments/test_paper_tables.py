"""A sweep as a table of the paper's: numbers worked out by hand, what is missing, the files."""

import math
import shutil
import subprocess

import pandas as pd
import pytest

from hmw_core.experiments.paper_tables import (
    cells_table,
    column_titles,
    detail,
    effect_pairs,
    effect_sentences,
    effect_word,
    effects,
    effects_text,
    missing_words,
    overview,
    paper_words,
    rows_of,
    sources_table,
    table_caption,
    values_table,
)
from hmw_core.experiments.sweep_differences import paper_numbers
from hmw_core.experiments.sweeps import read_sweep
from hmw_core.experiments.table_files import write_results
from hmw_core.log import layout
from tests.hmw_core.experiments.small_sweep import write_cells

T = 4.302653 / math.sqrt(3)  # Student's t, two degrees of freedom, times the mean's standard error
SYMMETRIC = {"noise": "symmetric", "noise_rate": 0.5}
RECIPES = {
    "CCE": (0.50, 0.52, 0.54),
    "CCE+HMW": (0.40, 0.43, 0.42),  # 10, 9 and 12 points below
    "CCE+HMW-code": (0.90, 0.92, 0.94),  # 40 above, each
    "UNICON": (0.90, 0.92, 0.94),
    "UNICON+HMW": (0.91, 0.90, 0.96),  # 1 above, 2 below, 2 above
}


def write_table(folder, dataset="cifar10", recipes=RECIPES, noise=SYMMETRIC, named="table-1", **of):
    """Write a table of these recipes under one noise."""
    cells = [{"recipe": recipe, **noise} for recipe in recipes]
    info = write_cells(folder, cells, list(recipes.values()), named=named, title="A table", **of)
    for about in info["cells"]:
        about["dataset"] = dataset
    layout.write_json(folder / "sweep.json", info)
    return info


@pytest.fixture
def table(tmp_path):
    write_table(tmp_path / "t")
    return read_sweep(tmp_path / "t")


def cell(sweep, row):
    cells = cells_table(sweep)
    return cells[cells["row"] == row].iloc[0]


def test_each_reading_stands_under_the_papers_row(table):
    rows = rows_of(table)
    assert rows[:2] == ["CCE", "Forward"]
    at = rows.index("CCE+HMW")
    assert rows[at : at + 3] == ["CCE+HMW", "CCE+HMW-code", "SCE+HMW"]
    assert column_titles(table) == ["symmetric 0.5"]


def test_mean_interval_and_lead_over_the_paper_by_hand(table):
    row = cell(table, "CCE")
    assert row["last_accuracy"] == pytest.approx(52.0)
    assert row["last_accuracy_high"] == pytest.approx(52.0 + T * 2.0, abs=1e-4)
    assert row["best_accuracy"] == pytest.approx(57.0)
    assert row["last10_accuracy"] == pytest.approx(52 * 3 / 4 + 5 / 4)  # half, half, + 5, last
    assert row["paper"] == 57.9
    assert row["lead"] == pytest.approx(-5.9)
    assert row["lead_low"] == pytest.approx(-5.9 - T * 2.0, abs=1e-4)


def test_no_lead_over_the_paper_where_something_differs(tmp_path):
    for change in ({"dataset": "digits"}, {"noise": {"noise": "pair_flip", "noise_rate": 0.3}}):
        write_table(tmp_path / "t", **change)
        row = cell(read_sweep(tmp_path / "t"), "CCE")
        assert math.isnan(row["lead"])
        assert row["paper"] in (57.9, 81.7)
    info = write_table(tmp_path / "t")
    info["cells"][0]["departs"] = {"epochs": [250, 30]}
    info["cells"][1]["fields"]["network"] = "small_cnn"
    layout.write_json(tmp_path / "t" / "sweep.json", info)
    sweep = read_sweep(tmp_path / "t")
    assert math.isnan(cell(sweep, "CCE")["lead"])
    assert math.isnan(cell(sweep, "CCE+HMW")["lead"])
    assert not math.isnan(cell(sweep, "CCE+HMW-code")["lead"])
    assert paper_numbers(sweep)[:3] == [None, None, 89.8]


def test_what_hmw_changes_is_paired_by_seed(table):
    found = effects(table).query("measure == 'last_accuracy'").set_index(["hmw", "base"])
    harm = found.loc["CCE+HMW", "CCE"]
    assert (harm["difference"], harm["n"], harm["word"]) == (pytest.approx(-31 / 3), 3, "harms")
    spread = math.sqrt(((1 / 3) ** 2 + (4 / 3) ** 2 + (5 / 3) ** 2) / 2)
    assert harm["low"] == pytest.approx(-31 / 3 - T * spread, abs=1e-4)
    assert harm["paper"] == pytest.approx(89.8 - 57.9)
    open_ = found.loc["UNICON+HMW", "UNICON"]
    assert open_["word"] == "cannot be told"
    assert open_["paper"] == pytest.approx(0.0)
    same = found.loc["CCE+HMW-code", "CCE"]
    assert same["difference"] == pytest.approx(40.0)
    assert same["word"] == "cannot be told"  # no spread, so no interval
    assert effect_sentences(table)[0] == "CCE+HMW against CCE: harms at symmetric 0.5."
    said = effects_text(table)
    assert said["Last epoch"][0] == "-10.3 [-14.1, -6.5]: harms"


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.1, 2.0, "helps"),
        (-2.0, -0.1, "harms"),
        (-1.0, 1.0, "cannot be told"),
        (math.nan, math.nan, "cannot be told"),
    ],
)
def test_words_of_an_interval(low, high, word):
    assert effect_word(low, high) == word


def test_hmw_is_held_against_its_own_base():
    recipes = ["CCE", "CCE-code", "CCE+CutMix", "SCE", "CCE+HMW", "CCE+HMW-code", "SCE+HMW-code"]
    assert effect_pairs([*recipes, "CCE+HMW+CutMix", "ELR+HMW"]) == [
        ("CCE+HMW", "CCE"),
        ("CCE+HMW-code", "CCE"),
        ("CCE+HMW-code", "CCE-code"),
        ("SCE+HMW-code", "SCE"),
        ("CCE+HMW+CutMix", "CCE+CutMix"),
        ("CCE+HMW+CutMix", "CCE"),
    ]


def test_missing_cells_rows_and_columns_are_said(tmp_path):
    info = write_table(tmp_path / "t")
    for number in (0, 1):
        info["trainings"][number] |= {"status": "failed", "test_accuracy": [], "error": "x"}
    info["cells"].append(info["cells"][0] | {"noise_rate": 0.8, "fields": {"recipe": "CCE"}})
    layout.write_json(tmp_path / "t" / "sweep.json", info)
    sweep = read_sweep(tmp_path / "t")
    said = " ".join(missing_words(sweep))
    assert "Rows of the paper's that are not in this sweep: Forward, SCE, P-correction" in said
    assert "UNICON at symmetric 0.8" in said
    assert "Columns of the paper's that are not in this sweep: symmetric 0.2, symmetric 0.9" in said
    assert "CCE at symmetric 0.5 (2 of 3 seeds, 1 failed)" in said
    shown = overview(sweep).set_index("Method")
    assert shown.loc["Forward", "symmetric 0.5"] == "–"
    assert shown.loc["CCE", "symmetric 0.8"] == "–"
    assert "(n = 2) (1 failed)" in shown.loc["CCE", "symmetric 0.5"]


def test_a_stand_in_stands_beside_the_column_it_replaces(tmp_path):
    noise = {"noise": "pair_flip", "noise_rate": 0.3}
    write_table(tmp_path / "t", dataset="digits", noise=noise)
    sweep = read_sweep(tmp_path / "t")
    assert paper_words(sweep) == "the paper on CIFAR-10"
    assert "The paper on CIFAR-10 (asymmetric 0.3)" in detail(sweep, "pair_flip 0.3")
    assert "not to be compared by value" in table_caption(sweep)
    assert "minus paper" not in " ".join(overview(sweep))


def test_one_training_of_table_3_fills_four_columns(tmp_path):
    recipes = {"CCE": (0.6, 0.6), "CCE+HMW+CutMix": (0.7, 0.72)}
    info = write_table(tmp_path / "t", "webvision", recipes, {}, "table-3")
    for training in info["trainings"]:
        training["tests"] = {"test_accuracy_ilsvrc12": [0.5, 0.7, 0.65]}
    layout.write_json(tmp_path / "t" / "sweep.json", info)
    sweep = read_sweep(tmp_path / "t")
    shown = overview(sweep).set_index("Method").loc["CCE+HMW+CutMix"]
    assert shown["WebVision top-1"].startswith("71.0")
    assert shown["WebVision top-1: paper"] == "78.04"
    assert shown["ILSVRC12 top-1"] == "65.0"  # twice the same: no interval
    assert shown["ILSVRC12 top-1: paper"] == "71.88"
    assert shown["ILSVRC12 top-1: minus paper"] == "-6.9"
    assert shown["ILSVRC12 top-5"] == "–"
    values = values_table(sweep).query("column == 'ILSVRC12 top-1'")
    assert values["best_accuracy"].tolist() == pytest.approx([70.0] * 4)


def test_table_2_has_the_fair_baseline_beside_the_papers_row(tmp_path):
    recipes = {"CCE": (0.79,), "CCE+CutMix": (0.83,), "CCE+HMW+CutMix": (0.85,)}
    write_table(tmp_path / "t", "animal10n", recipes, {}, "table-2")
    sweep = read_sweep(tmp_path / "t")
    shown = overview(sweep).set_index("Method")
    assert shown.loc["CCE+HMW+CutMix", "ANIMAL-10N: paper"] == "86.5"
    assert shown.loc["CCE+CutMix", "ANIMAL-10N: paper"] == "–"
    assert shown.loc["CCE", "ANIMAL-10N: minus paper"] == "-0.4"
    assert "InstanceGM" in shown.index
    assert "one seed, so no interval" in table_caption(sweep)
    assert effects(sweep)["base"].unique().tolist() == ["CCE+CutMix", "CCE"]


def test_the_sources_of_every_row_are_told(table):
    told = sources_table(table).set_index("The paper's row")
    assert told.loc["CCE", "Its numbers are"].startswith("last epoch")
    assert "single network" in told.loc["DivideMix", "What the sources say"]
    assert len(told) == 11


def test_files_say_the_same(table):
    write_results(table)
    text = (table.folder / "results.md").read_text()
    tex = (table.folder / "results.tex").read_text()
    cells = pd.read_csv(table.folder / "results.csv")
    for said in ("-10.3 [-14.1, -6.5]: harms", "last-epoch row in the DivideMix paper", "57.9"):
        assert said in text
        assert said in tex
    assert "| MOIT+ | – |" in text
    assert cells.set_index("row").loc["CCE", "lead"] == pytest.approx(-5.9)
    assert "single network" in cells.set_index("row").loc["DivideMix", "source"]
    assert len(pd.read_csv(table.folder / "effects.csv")) == 9
    assert len(pd.read_csv(table.folder / "trainings.csv")) == 15


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_sets_it(table, tmp_path):
    write_results(table)
    text = (table.folder / "results.tex").read_text()
    whole = "\\documentclass{article}\\usepackage{booktabs,graphicx}\\begin{document}\n"
    (tmp_path / "x.tex").write_text(f"{whole}{text}\\end{{document}}\n")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "x.tex"]
    made = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-1500:]
