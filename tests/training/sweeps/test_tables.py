"""The paper's tables as sweeps: rows, columns, copies in bench size, and what is refused."""

import pytest

from hmw_core.errors import UsageError
from hmw_core.experiments.paper import TABLE_1, TABLE_2, TABLE_3, paper_row
from training.__main__ import main
from training.recipes import recipe_fields
from training.sweeps.grid import cell_config
from training.sweeps.named_sweep import planned
from training.sweeps.tables import TABLES

COLUMNS_ASKED = ("symmetric-0.5", "asymmetric-0.3")


def plan_of(name, given=None, **restricted):
    return planned(name, TABLES[name], given or {}, **restricted)


def recipes(whole):
    return list(dict.fromkeys(cell["recipe"] for cell in whole.cells))


@pytest.mark.parametrize(
    ("name", "rows"),
    [("table-1", TABLE_1["cifar10"]), ("table-2", TABLE_2), ("table-3", TABLE_3)],
)
def test_every_row_of_the_paper_is_there(name, rows):
    named = TABLES[name]
    mine = [row for row in named.recipes if row not in named.on_request]
    assert {paper_row(recipe) for recipe in mine} - {"CCE+CutMix"} == set(rows)


def test_hmw_is_trained_in_both_readings():
    mine = TABLES["table-1"].recipes
    assert {"CCE+HMW", "CCE+HMW-code", "SCE+HMW", "SCE+HMW-code", "UNICON+HMW"} <= set(mine)
    assert "UNICON+HMW-code" not in mine


@pytest.mark.parametrize(
    ("dataset", "asymmetric"),
    [("cifar10", "asymmetric"), ("cifar100", "block_shift"), ("digits", "pair_flip")],
)
def test_columns_of_table_1(dataset, asymmetric):
    cells = TABLES["table-1"].cells({"dataset": dataset, "recipe": "CCE"})
    assert [(cell["noise"], cell["noise_rate"]) for cell in cells] == [
        *(("symmetric", rate) for rate in (0.2, 0.5, 0.8, 0.9)),
        *((asymmetric, rate) for rate in (0.1, 0.3, 0.4)),
    ]


@pytest.mark.parametrize("asked", ["asymmetric-0.3", "Asymmetric 0.3", "pair_flip-0.3"])
def test_columns_are_named_as_people_write_them(asked):
    whole = plan_of("table-1", {"dataset": "digits"}, rows=["cce", "Divide-Mix"], columns=[asked])
    assert recipes(whole) == ["CCE", "DivideMix"]
    assert {(c["noise"], c["noise_rate"]) for c in whole.cells} == {("pair_flip", 0.3)}


@pytest.mark.parametrize(
    ("restricted", "sentence"),
    [
        ({"rows": ["CEE"]}, "unknown row 'CEE'; known: CCE, Forward, SCE"),
        ({"columns": ["symmetric-0.3"]}, "unknown column 'symmetric-0.3'; known: symmetric-0.2"),
    ],
)
def test_unknown_rows_and_columns_are_refused_with_the_known(restricted, sentence):
    with pytest.raises(UsageError, match=sentence):
        plan_of("table-1", **restricted)


def test_any_other_recipe_can_be_a_row_and_is_restricted_alike():
    asked = {"rows": ["ELR", "ELR+HMW", "GCE"], "columns": ["symmetric-0.5"]}
    whole = plan_of("table-1", {"dataset": "digits"}, **asked)
    assert recipes(whole) == ["ELR", "ELR+HMW", "GCE"]
    assert {cell["noise_rate"] for cell in whole.cells} == {0.5}
    for wrong in ("ELR+HMW+HMW", "nothing+HMW"):
        with pytest.raises(UsageError, match="unknown row"):
            plan_of("table-1", rows=[wrong])


def test_the_normalised_baseline_is_trained_on_request_only():
    assert "CCE-code" not in recipes(plan_of("table-1"))
    assert recipes(plan_of("table-1", rows=["CCE-code"])) == ["CCE-code"]
    assert recipes(plan_of("table-1", {"recipe": "CCE-code"})) == ["CCE-code"]


@pytest.mark.parametrize(
    ("name", "given", "folder", "is_copy"),
    [
        ("table-1", {}, "table-1-cifar10", False),
        ("table-1", {"dataset": "cifar100"}, "table-1-cifar100", False),
        ("table-1", {"dataset": "digits"}, "table-1-digits", True),
        ("table-1", {"dataset": "parquet", "train_samples": 9}, "table-1-parquet", True),
        ("table-1", {"train_samples": 10_000}, "table-1-cifar10-bench", True),
        ("table-1", {"epochs": 30}, "table-1-cifar10-bench", True),
        ("table-2", {"dataset": "digits"}, "table-2-digits", True),
        ("table-2", {"device": "cpu"}, "table-2-animal10n", False),
        ("table-3", {}, "table-3-webvision", False),
    ],
)
def test_a_copy_in_bench_size_is_named_as_such(name, given, folder, is_copy):
    whole = plan_of(name, given)
    assert whole.name == folder
    assert ("bench size" in whole.about["title"]) == is_copy
    assert any("in bench size" in note for note in whole.about["notes"]) == is_copy


@pytest.mark.parametrize("epochs", [1, 6, 40])
def test_short_runs_keep_two_thirds_for_what_follows_the_warm_up(epochs):
    whole = plan_of("table-1", {"dataset": "digits", "epochs": epochs})
    most = max(1, epochs // 3)
    for cell in whole.cells:
        config, _ = cell_config(whole.base, cell, 0, "s", "r")
        if cell["recipe"].endswith("HMW-code"):
            assert config.warmup_epochs == min(10, most)
        if cell["recipe"] == "DivideMix":
            assert config.method_args.get("warmup_epochs", 10) == min(10, most)
        if cell["recipe"] in ("CCE", "CCE+HMW", "ELR"):
            assert cell.keys() == {"recipe", "noise", "noise_rate"}


@pytest.mark.parametrize("epochs", [2, 6, 40])
def test_a_warm_up_that_is_scaled_with_the_run_is_left_alone(epochs):
    for cell in plan_of("table-2", {"dataset": "digits", "epochs": epochs}, rows=["PLC"]).cells:
        assert cell.keys() == {"recipe", "noise", "noise_rate"}
    real = {"epochs": epochs, "data": "D"}  # there its recipe says 40 epochs of 100
    (cell,) = plan_of("table-2", real, rows=["PLC"]).cells
    assert cell["method_args.warmup_epochs"] == max(3, epochs // 3)


def test_a_warm_up_that_is_given_is_left_alone():
    given = {"dataset": "digits", "epochs": 6, "warmup_epochs": 5}
    whole = plan_of("table-1", given, rows=["CCE+HMW-code"])
    assert not any("warmup_epochs" in cell for cell in whole.cells)


def test_a_full_table_is_its_recipes_alone():
    for cell in plan_of("table-1", {"dataset": "cifar100"}).cells:
        assert cell.keys() == {"recipe", "noise", "noise_rate"}


def test_rows_without_published_settings_borrow_those_of_the_papers_own():
    by_recipe = {c["recipe"]: c for c in TABLES["table-2"].cells({"epochs": 7})}
    own = recipe_fields("CCE+HMW+CutMix", "animal10n", "none")
    assert by_recipe["CCE"]["network"] == own["network"] == "timm:vgg19_bn"
    assert by_recipe["CCE"]["learning_rate"] == own["learning_rate"]
    assert "epochs" not in by_recipe["CCE"]  # they are given
    assert by_recipe["PLC"] == {"recipe": "PLC"}  # it has settings of its own
    (told,) = [c for c in TABLES["table-3"].cells({}) if c["recipe"] == "Co-teaching"]
    assert told["method_args.noise_rate"] == 0.2


def test_a_grid_takes_no_rows(capsys):
    assert main(["sweep", "mine", "--grid", "alpha=1", "--rows", "CCE"]) == 2
    assert "--rows and --columns restrict a named sweep" in capsys.readouterr().err


def test_rows_and_columns_restrict_any_named_sweep(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["sweep", "table-4", "--rows", "CCE", "CCE-code", "--columns", "asymmetric-0.1"]
    assert main([*words, "--dry-run", "--seeds", "1"]) == 0
    assert "2 trainings in data/sweeps/table-4-digits" in capsys.readouterr().out


def test_a_note_on_asymmetric_noise_stands_where_there_is_some():
    given = {"dataset": "digits"}
    notes = [plan_of("table-1", given, columns=[c]).about["notes"] for c in COLUMNS_ASKED]
    assert [any("pair_flip" in note for note in said) for said in notes] == [False, True]
