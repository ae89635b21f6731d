"""Why these: planted causes come first, chance is not reported, and the numbers are by hand."""

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.samples.contrast import ALPHA, COLUMNS, _folder, contrast_columns, findings, why_these
from tests.conftest import write_run

N = 600


def table_of(seed: int = 0, n: int = N) -> pd.DataFrame:
    """Return columns that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "given_label": rng.choice(["cat", "dog", "emu", "fox"], n),
            "folder": rng.choice([f"part-{i}" for i in range(12)], n),
            "verdict": rng.choice(["keep", "none"], n, p=[0.1, 0.9]),
            **{f"number_{i}": rng.normal(size=n) for i in range(6)},
            "rank_iam": rng.permutation(n) + 1,
            "width": rng.choice([28, 32], n),
        },
        index=pd.RangeIndex(n, name="sample_id"),
    )


def test_a_planted_category_comes_first():
    table = table_of()
    chosen = np.arange(0, 60)
    table.loc[chosen[:45], "folder"] = "part-3"
    first = why_these(table, chosen).iloc[0]
    assert (first["column"], first["value"], first["kind"]) == ("folder", "part-3", "category")
    assert first["selected"] > 0.75
    assert first["effect"] == pytest.approx(first["selected"] - first["rest"])
    assert first["sentence"].startswith("7")
    assert "come from part-3, against" in first["sentence"]
    assert first["p_adjusted"] < 1e-6


def test_a_planted_number_comes_first_and_its_effect_has_the_sign():
    table = table_of()
    chosen = np.arange(100, 150)
    table.loc[chosen, "number_4"] -= 2.0
    first = why_these(table, chosen).iloc[0]
    assert (first["column"], first["kind"]) == ("number_4", "number")
    assert first["effect"] < -0.7
    assert "is smaller: median -" in first["sentence"]


def test_several_causes_by_their_size_and_the_rest_is_chance():
    table = table_of(3)
    chosen = np.arange(80)
    table.loc[chosen, "rank_iam"] = np.arange(1, 81)
    table.loc[chosen[:40], "given_label"] = "cat"
    found = findings(why_these(table, chosen))
    assert found["column"].tolist()[:2] == ["rank_iam", "given_label"]
    assert set(found["column"]) == {"rank_iam", "given_label"}
    assert "more suspicious: median rank 40" in found["sentence"][0]


def test_effect_is_the_share_of_won_comparisons():
    table = pd.DataFrame({"a": [5.0, 1.0, 2.0, 2.0, 3.0]})
    row = why_these(table, [0, 2]).iloc[0]
    # 5 is above 1, 2, 3; 2 is above 1, equal to 2, below 3: (3 + 1.5) of 6.
    assert row["effect"] == pytest.approx(2 * 4.5 / 6 - 1)
    assert (row["selected"], row["rest"]) == (3.5, 2.0)


def test_effect_of_a_category_is_that_of_its_indicator():
    table = table_of(1)
    chosen = np.arange(70)
    category = why_these(table[["folder"]], chosen).set_index("value").loc["part-5", "effect"]
    indicator = (table[["folder"]] == "part-5").astype(int)
    assert why_these(indicator, chosen)["effect"][0] == pytest.approx(category)


def test_of_two_values_only_the_one_that_is_more_common_inside_is_named():
    table = pd.DataFrame({"is_mislabeled": ["mislabeled"] * 5 + ["clean"] * 15})
    found = why_these(table, [0, 1, 2, 3])
    assert found["value"].tolist() == ["mislabeled"]
    assert found["sentence"][0] == "100 % are mislabeled, against 6.2 % of the rest."


def test_what_made_the_selection_is_marked_and_comes_last():
    table = table_of()
    chosen = table["rank_iam"].nsmallest(50).index
    table.loc[chosen[:30], "given_label"] = "cat"
    found = findings(why_these(table, chosen, because_of=["rank_iam"]))
    assert found["value"].iloc[0] == "cat"
    assert found["column"].iloc[-1] == "rank_iam"
    assert found["because_of"].tolist() == [False] * (len(found) - 1) + [True]


def test_chance_is_reported_no_more_often_than_said():
    rng = np.random.default_rng(0)
    repeats = 200
    false_alarms = 0
    for seed in range(repeats):
        chosen = rng.choice(N, rng.integers(3, 80), replace=False)
        false_alarms += len(findings(why_these(table_of(seed), chosen))) > 0
    # With nothing to find, the rate of false findings is that of any finding at all.
    spread = np.sqrt(ALPHA * (1 - ALPHA) / repeats)
    assert false_alarms / repeats <= ALPHA + 2.6 * spread


def test_among_true_causes_the_share_of_false_findings_is_held():
    rng = np.random.default_rng(1)
    shares, hits = [], 0
    for seed in range(100):
        table = table_of(seed)
        chosen = rng.choice(N, 60, replace=False)
        table.loc[chosen, "number_0"] += 1.5
        table.loc[chosen, "number_1"] -= 1.5
        found = findings(why_these(table, chosen))["column"]
        hits += {"number_0", "number_1"} <= set(found)
        shares.append((~found.isin(["number_0", "number_1"])).mean())
    assert hits == 100
    assert np.mean(shares) <= ALPHA + 2.6 * np.std(shares) / 10


@pytest.mark.parametrize("chosen", [[5], [5, 9]])
def test_one_or_two_samples_prove_nothing_by_numbers(chosen):
    table = table_of()
    table.loc[chosen, "number_0"] = 1e6
    found = why_these(table, chosen)
    assert found["p_adjusted"].between(0, 1).all()
    assert findings(found).empty


def test_constant_and_empty_columns_and_missing_values():
    table = table_of()[["number_0", "given_label"]].assign(
        constant=1.0, empty=np.nan, none=pd.NA, same="x"
    )
    table.loc[:9, "number_0"] = np.nan
    found = why_these(table, np.arange(30))
    assert set(found["column"]) == {"number_0", "given_label"}
    assert found.set_index("column").loc["number_0", "n_without"] == 10
    nothing = why_these(table[["constant", "empty"]], [1, 2])
    assert nothing.empty
    assert nothing.columns.tolist() == COLUMNS


def test_many_categories_are_tested_up_to_a_limit():
    table = pd.DataFrame({"folder": [f"f{i % 500}" for i in range(2000)]})
    assert len(why_these(table, range(50))) == 200


@pytest.mark.parametrize(
    ("chosen", "message"),
    [([], "holds no sample"), (range(N), "holds every sample"), ([N], f"no sample {N}")],
)
def test_a_selection_that_cannot_be_compared_is_said(chosen, message):
    with pytest.raises(UsageError, match=message):
        why_these(table_of(), chosen)


def test_of_a_run_the_mislabeled_ones_are_recognised(tiny_run):
    table = contrast_columns(tiny_run)
    assert len(table) == tiny_run.n_samples
    assert table["given_label"].iloc[0] == tiny_run.class_names[1]
    assert set(table["verdict"]) == {"none"}
    found = findings(why_these(table, range(0, 60, 10)))
    assert "100 % are mislabeled, against 0 % of the rest." in found["sentence"].tolist()
    ranks = found[found["column"].str.startswith("rank_")]
    assert len(ranks) >= 9
    assert (ranks["effect"] < 0).all()  # near the top of the order of suspicion


def test_a_run_that_knows_little_has_fewer_columns(tmp_path):
    write_run(tmp_path / "real", known=False, pictures=False, with_cosine=False)
    table = contrast_columns(RunReader(tmp_path / "real"))
    columns = set(why_these(table, range(20))["column"])
    assert "given_label" in columns
    assert not columns & {"true_label", "is_mislabeled", "brightness", "rank_hm_weight"}


def test_folders_of_sources():
    assert _folder("train/cat/1.png") == "train/cat"
    assert _folder("C:\\data\\cat\\1.png") == "C:/data/cat"
    assert _folder("cifar10_train.parquet#17") == "cifar10_train.parquet"
    assert _folder("a.png") == "."
