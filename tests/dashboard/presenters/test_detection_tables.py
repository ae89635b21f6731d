"""The contest's sentences and tables: what they say of a result, by hand."""

import pandas as pd
import pytest

from dashboard.presenters.detection_tables import best_sentence, pair_sentence, pairs_table

ROW = {
    "a": "iam",
    "b": "aum",
    "a_title": "IAM",
    "b_title": "AUM",
    "a_value": 0.8,
    "b_value": 0.7,
    "measure": "AUROC",
    "difference": 0.1,
    "low": 0.05,
    "high": 0.15,
    "together_low": 0.02,
    "together_high": 0.18,
    "ahead": 0.9999,
    "result": "a",
    "n_pairs": 3,
    "n_resamples": 10_000,
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "**IAM beats AUM.** AUROC 0.800 against 0.700, a difference of +0.1000"),
        ({}, "+0.0500 to +0.1500; together with all 3 pairs +0.0200 to +0.1800"),
        ({}, "IAM is ahead in 99.9 % of 10,000 resamples"),  # not all of them
        ({"ahead": 1.0}, "IAM is ahead in all of 10,000 resamples"),
        ({"result": "b"}, "**AUM beats IAM.**"),
        ({"result": "open"}, "**Not decided between IAM and AUM.**"),
        ({"result": "level"}, "are level**: the same AUROC"),
        ({"a_value": 0.5, "b_value": 0.4}, "Neither is above chance, 0.5, in this contest."),
    ],
)
def test_a_pair_in_a_sentence(changes, said):
    assert said in pair_sentence(pd.Series(ROW | changes))


def test_above_chance_is_not_called_chance():
    assert "chance" not in pair_sentence(pd.Series(ROW))
    low = ROW | {"measure": "Average precision", "a_value": 0.2, "b_value": 0.1}
    assert "chance" not in pair_sentence(pd.Series(low))


def both_ways(row):
    turned = {"a": "b", "b": "a"}.get(row["result"], row["result"])
    other = row | {
        "a": row["b"],
        "b": row["a"],
        "a_title": row["b_title"],
        "b_title": row["a_title"],
        "difference": -row["difference"],
        "ahead": 1 - row["ahead"],
        "result": turned,
    }
    return pd.DataFrame([row, other])


def test_the_table_has_each_pair_once_the_one_ahead_first():
    table = pairs_table(both_ways(ROW))
    assert table[["A", "B", "A minus B", "A is ahead", "Result"]].values.tolist() == [
        ["IAM", "AUM", "+0.1000", "99.9 %", "A beats B"]
    ]


def test_the_highest_and_whom_it_does_not_beat():
    assert "beats 1 of 1 others" in best_sentence(both_ways(ROW))
    open_pair = best_sentence(both_ways(ROW | {"result": "open"}))
    assert "beats 0 of 1 others with all pairs counted. Not told apart from it: AUM." in open_pair
