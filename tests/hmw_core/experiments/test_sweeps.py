"""Sweeps: numbers worked out by hand, differences by seed, lines along a number, damaged files."""

import json
import math

import pytest

from hmw_core.errors import UnreadableRun
from hmw_core.experiments.sweep_differences import (
    claims_table,
    difference_table,
    larger_is_better,
    paper_numbers,
    verdict,
)
from hmw_core.experiments.sweeps import (
    caption,
    curves,
    display_table,
    families,
    in_words,
    list_sweeps,
    measures,
    numbers,
    read_sweep,
    references,
    summary_table,
    sweep_table,
    write_results,
)
from hmw_core.log import layout
from hmw_core.log.lock import FolderLock
from tests.hmw_core.experiments.small_sweep import write_cells, write_small_sweep


@pytest.fixture
def small(tmp_path):
    write_small_sweep(tmp_path / "small")
    return read_sweep(tmp_path / "small")


def test_one_row_a_training(small):
    table = sweep_table(small)
    assert len(table) == 12
    first = table.iloc[0]
    assert (first["recipe"], first["noise_rate"], first["seed"]) == ("CCE", 0.2, 0)
    assert first["last_accuracy"] == 0.80
    assert first["best_accuracy"] == pytest.approx(0.85)
    assert first["best_epoch"] == 3
    assert first["last10_accuracy"] == pytest.approx((0.4 + 0.4 + 0.85 + 0.8) / 4)
    assert first["auroc_iam"] == 0.9
    assert measures(small)[0] == "last_accuracy"
    assert "auroc_last_loss" in measures(small)


def test_mean_spread_and_interval_by_hand(small):
    row = summary_table(small).iloc[0]
    assert row["n"] == 3
    assert row["last_accuracy"] == pytest.approx(0.82)
    assert row["last_accuracy_sd"] == pytest.approx(0.02)
    half = 4.302653 * 0.02 / math.sqrt(3)  # Student's t, two degrees of freedom
    assert row["last_accuracy_low"] == pytest.approx(0.82 - half, abs=1e-6)
    assert row["last_accuracy_high"] == pytest.approx(0.82 + half, abs=1e-6)
    same = summary_table(small).iloc[3]  # all seeds at 0.6
    assert same["last_accuracy_sd"] == 0
    assert math.isnan(same["last_accuracy_low"])


def test_an_interval_stays_within_what_an_accuracy_can_be(tmp_path):
    write_cells(tmp_path / "s", [{"alpha": 1.0}], [(0.99, 0.93)])
    row = summary_table(read_sweep(tmp_path / "s")).iloc[0]
    assert row["last_accuracy_high"] == 1.0


def test_one_seed_has_no_spread(tmp_path):
    write_cells(tmp_path / "s", [{"alpha": 1.0}], [(0.9,)])
    sweep = read_sweep(tmp_path / "s")
    row = summary_table(sweep).iloc[0]
    assert math.isnan(row["last_accuracy_sd"])
    assert math.isnan(row["last_accuracy_low"])
    assert display_table(sweep).iloc[0].tolist() == ["alpha 1", "90.0"]


def test_the_table_people_see(small):
    table = display_table(small)
    assert table.columns.tolist() == ["Setting", "symmetric 0.2", "symmetric 0.5"]
    assert table.to_numpy().tolist() == [
        ["CCE", "82.0 ± 2.0", "54.0 ± 4.0"],
        ["CCE+HMW", "92.0 ± 1.7", "60.0 ± 0.0"],
    ]
    assert display_table(small, "auroc_iam").iloc[0, 1] == "0.910 ± 0.010"


def test_what_has_not_finished_is_no_number(tmp_path):
    info = write_small_sweep(tmp_path / "s")
    waiting = {"status": "waiting", "test_accuracy": [], "auroc": {}}
    info["trainings"][0] |= {"status": "failed", "error": "why", "test_accuracy": [], "auroc": {}}
    info["trainings"][2] |= waiting
    for training in info["trainings"]:
        if training["cell"] == 3:
            training |= waiting
    layout.write_json(tmp_path / "s" / "sweep.json", info)
    sweep = read_sweep(tmp_path / "s")
    assert display_table(sweep).to_numpy().tolist() == [
        ["CCE", "83.0 ± 1.4 (n = 2) (1 failed)", "54.0 ± 4.0"],
        ["CCE+HMW", "93.0 ± 0.0 (n = 2)", "–"],
    ]
    assert set(curves(sweep)["cell"]) == {0, 1, 2}
    assert sweep.count("failed") == 1


def test_differences_are_paired_by_seed(small):
    table = difference_table(small, "CCE").set_index("condition")
    row = table.loc["symmetric 0.2"]
    assert (row["n"], row["setting"]) == (3, "CCE+HMW")
    assert row["difference"] == pytest.approx(0.10)  # 0.10, 0.11, 0.09
    half = 4.302653 * 0.01 / math.sqrt(3)
    assert row["low"] == pytest.approx(0.10 - half, abs=1e-6)
    assert verdict(row) == "yes, higher"
    assert verdict(table.loc["symmetric 0.5"]) == "cannot be told"  # 0.10, 0.06, 0.02
    assert verdict(difference_table(small, "CCE+HMW").iloc[0]) == "no, lower"
    assert difference_table(small, "no such setting").empty


def test_differences_use_common_seeds_only(tmp_path):
    cells = [{"recipe": "CCE"}, {"recipe": "SCE"}, {"recipe": "GCE"}]
    write_cells(tmp_path / "s", cells, [(0.5, 0.6, 0.7), (0.9,), ()])
    table = difference_table(read_sweep(tmp_path / "s"), "CCE")
    assert table["setting"].tolist() == ["SCE"]
    assert table["n"].tolist() == [1]
    assert verdict(table.iloc[0]) == "one seed: no interval"


def figure_7_like(folder):
    cells = [{"recipe": "CCE"}]
    pairs = [(0, 0), (0, 50), (1, 50), (10, 50), (50, 50), (50, 0), (50, 1)]
    cells += [{"recipe": "R", "alpha": float(a), "beta": float(b)} for a, b in pairs]
    last = [(0.3,), (0.35,), (0.4,), (0.6,), (0.5,), (0.8,), (0.7,), (0.75,)]
    write_cells(folder, cells, last, named="figure-7")
    return read_sweep(folder)


def test_lines_along_a_number(tmp_path):
    sweep = figure_7_like(tmp_path / "s")
    assert numbers(sweep) == ["alpha", "beta"]
    lines = {others: line for _, others, line in families(sweep, "alpha")}
    assert lines["R, beta 50"] == [(0, 2), (1, 3), (10, 4), (50, 5)]
    assert lines["R, beta 0"] == [(0, 1), (50, 6)]
    assert references(sweep, "alpha") == [0, 1]
    told = larger_is_better(sweep, "alpha")
    assert told[["others", "n_values"]].to_numpy().tolist() == [["R, beta 50", 3]]
    assert told["rho"][0] == pytest.approx(0.5)  # ranks 2 1 3 against 1 2 3


def test_what_the_paper_says_of_figure_7(tmp_path):
    table = claims_table(figure_7_like(tmp_path / "s"))
    pairs = table[["First", "Second", "Difference"]].to_numpy().tolist()
    assert ["R, alpha 50, beta 50", "R, alpha 0, beta 50", "+40.0"] in pairs
    assert ["R, alpha 0, beta 50", "R, alpha 0, beta 0", "+5.0"] in pairs
    assert set(table["Here"]) == {"one seed: no interval"}


def test_what_the_paper_says_of_table_4(tmp_path):
    names = ["CCE", "CCE-code", "AUM only-code", "AUM+CA-code", "CCE+HMW-code", "AUM only"]
    cells = [{"recipe": name, "noise": "symmetric", "noise_rate": 0.2} for name in names]
    last = [(0.5, 0.52), (0.6, 0.61), (0.7, 0.72), (0.65, 0.66), (0.9, 0.93), (0.1, 0.1)]
    write_cells(tmp_path / "s", cells, last, named="table-4")
    table = claims_table(read_sweep(tmp_path / "s"))
    pairs = table[["First", "Second"]].to_numpy().tolist()
    assert pairs == [
        ["AUM+CA-code", "AUM only-code"],
        ["CCE+HMW-code", "AUM+CA-code"],
        ["CCE+HMW-code", "CCE"],
        ["CCE+HMW-code", "CCE-code"],
    ]
    assert table["Difference"][0].startswith("-5.5 [")
    assert claims_table(read_sweep(tmp_path / "s"), "auroc_iam")["Difference"][0] == "+0.000"


def test_the_papers_number_stands_beside_its_own_setting_only(tmp_path):
    info = write_small_sweep(tmp_path / "s")
    assert paper_numbers(read_sweep(tmp_path / "s")) == [None] * 4  # digits
    for cell in info["cells"]:
        cell["dataset"] = "cifar10"
    info["cells"][1]["departs"] = {"epochs": [250, 5]}
    layout.write_json(tmp_path / "s" / "sweep.json", info)
    assert paper_numbers(read_sweep(tmp_path / "s")) == [82.7, None, 93.2, 89.8]


def test_results_are_written_as_files(small):
    write_results(small)
    csv = (small.folder / "results.csv").read_text().splitlines()
    assert len(csv) == 13
    assert "| CCE+HMW | 92.0 ± 1.7 | 60.0 ± 0.0 |" in (small.folder / "results.md").read_text()
    tex = (small.folder / "results.tex").read_text()
    assert "\\toprule" in tex
    assert "95 \\%" in tex or "(\\%)" in tex


def test_only_a_perfect_auroc_is_shown_as_one(tmp_path):
    info = write_cells(tmp_path / "s", [{"k": 1}, {"k": 2}], [(0.5,), (0.5,)])
    for training, value in zip(info["trainings"], (0.9997, 1.0), strict=True):
        training["auroc"] = {"iam": value}
    layout.write_json(tmp_path / "s" / "sweep.json", info)
    table = display_table(read_sweep(tmp_path / "s"), "auroc_iam")
    assert table.iloc[:, 1].tolist() == [">0.999", "1.000"]


def test_the_caption_says_what_a_seed_draws(tmp_path, small):
    assert "3 seeds; a seed also draws noise and split). Base: epochs 4, digits." in caption(small)
    write_small_sweep(tmp_path / "t", base={"data_seed": 0})
    assert "data_seed draws noise and split" in caption(read_sweep(tmp_path / "t"))


def test_words():
    fields = {"recipe": "CCE", "noise": "symmetric", "noise_rate": 0.2, "normalize_logits": True}
    assert in_words(fields) == "CCE, symmetric 0.2, normalize_logits yes"
    assert in_words({"features_at": [1, 10], "data": None}) == "features_at 1, 10, data none"
    assert in_words({}) == "the base"


def test_damaged_foreign_and_newer_sweeps_are_named(tmp_path):
    write_small_sweep(tmp_path / "good")
    for name, text in {
        "cut": '{"format": 1, "na',
        "foreign": "[]",
        "newer": '{"format": 99}',
        "hollow": '{"format": 1}',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "sweep.json").write_text(text)
    info = write_small_sweep(tmp_path / "wrong")
    info["trainings"][0]["cell"] = 17
    (tmp_path / "wrong" / "sweep.json").write_text(json.dumps(info))
    sweeps, broken = list_sweeps(tmp_path)
    assert [sweep.name for sweep in sweeps] == ["good"]
    assert broken.keys() == {"cut", "foreign", "newer", "hollow", "wrong"}
    assert "newer than this program reads" in broken["newer"]
    with pytest.raises(UnreadableRun, match="is missing"):
        read_sweep(tmp_path / "nothing")


def test_a_sweep_that_was_killed_counts_as_stopped(tmp_path):
    write_small_sweep(tmp_path / "s", status="running")
    assert read_sweep(tmp_path / "s").status == "stopped"
    lock = FolderLock(tmp_path / "s")
    assert read_sweep(tmp_path / "s").status == "running"
    lock.free()
