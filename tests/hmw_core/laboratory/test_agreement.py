"""How alike criteria are: by hand, against plain loops, with ties and missing scores."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from hmw_core.criteria import CRITERIA
from hmw_core.errors import UsageError
from hmw_core.laboratory.agreement import (
    agreement,
    flag_probability,
    ordered,
    spearman,
    usual_budget,
)


def pair(table: pd.DataFrame, one: str, two: str) -> pd.Series:
    return table[(table["criterion"] == one) & (table["against"] == two)].iloc[0]


def test_flags_by_hand():
    values = np.array([5.0, 4.0, np.nan, 4.0, 4.0, 1.0])
    assert flag_probability(values, 1).tolist() == [1, 0, 0, 0, 0, 0]
    assert flag_probability(values, 3) == pytest.approx([1, 2 / 3, 0, 2 / 3, 2 / 3, 0])
    assert flag_probability(values, 5).tolist() == [1, 1, 0, 1, 1, 1]
    assert flag_probability(values, 99).tolist() == [1, 1, 0, 1, 1, 1]
    assert flag_probability(np.full(3, np.nan), 1).tolist() == [0, 0, 0]


def test_two_criteria_by_hand():
    # last_loss is suspicious where high, aum where low: both flag samples 0 and 1, then differ.
    scores = pd.DataFrame({"last_loss": [9.0, 8.0, 7.0, 1.0], "aum": [-9.0, -8.0, 5.0, -7.0]})
    found = pair(agreement(scores, CRITERIA, 3), "last_loss", "aum")
    assert found["n_shared"] == 2
    assert found["shared"] == pytest.approx(2 / 3)
    assert found["jaccard"] == pytest.approx(2 / 4)
    assert found["shared_by_chance"] == pytest.approx(3 / 4)
    assert found["jaccard_by_chance"] == pytest.approx((9 / 4) / (6 - 9 / 4))
    assert found["rho"] == pytest.approx(0.8)  # ranks 1234 against 1243: 1 - 6 * 2 / 60
    assert found["n_samples"] == 4


def test_ties_share_what_random_draws_would_on_average():
    """Two of three tied samples are drawn by either: every pair of draws, counted."""
    scores = pd.DataFrame({"last_loss": [1.0, 1.0, 1.0, 0.0], "mean_loss": [2.0, 2.0, 2.0, 1.0]})
    draws = [{0, 1}, {0, 2}, {1, 2}]
    mean = np.mean([len(a & b) for a, b in product(draws, draws)])
    found = pair(agreement(scores, CRITERIA, 2), "last_loss", "mean_loss")
    assert found["n_shared"] == pytest.approx(mean)


def test_against_scipy_with_ties_and_missing_scores():
    rng = np.random.default_rng(0)
    scores = pd.DataFrame(
        rng.normal(size=(200, 3)).round(1), columns=["last_loss", "mean_loss", "aum"]
    )
    scores.loc[5:30, "aum"] = np.nan
    table = agreement(scores, CRITERIA, 20)
    assert pair(table, "last_loss", "mean_loss")["rho"] == pytest.approx(
        spearmanr(scores["last_loss"], scores["mean_loss"]).statistic
    )
    both = scores.dropna()
    found = pair(table, "aum", "last_loss")
    assert found["rho"] == pytest.approx(spearmanr(-both["aum"], both["last_loss"]).statistic)
    assert found["n_samples"] == len(both) == 174
    assert found["rho"] == pair(table, "last_loss", "aum")["rho"]


def test_by_chance_is_what_random_scores_share():
    rng = np.random.default_rng(1)
    shares, jaccards = [], []
    for _ in range(200):
        scores = pd.DataFrame(rng.normal(size=(100, 2)), columns=["last_loss", "mean_loss"])
        found = agreement(scores, CRITERIA, 30).iloc[0]
        shares.append(found["shared"])
        jaccards.append(found["jaccard"])
    assert np.mean(shares) == pytest.approx(found["shared_by_chance"], abs=0.02)
    assert np.mean(jaccards) == pytest.approx(found["jaccard_by_chance"], abs=0.02)


def test_constant_and_absent_scores_have_no_correlation():
    scores = pd.DataFrame(
        {"last_loss": [1.0, 2.0, 3.0], "mean_loss": [1.0, 1.0, 1.0], "aum": [np.nan] * 3}
    )
    table = agreement(scores, CRITERIA, 1)
    assert table["rho"].isna().all()
    assert np.isnan(pair(table, "aum", "last_loss")["shared"])
    assert np.isnan(spearman(np.array([1.0]), np.array([1.0])))


def test_like_criteria_are_neighbours():
    rho = {("a", "b"): 0.0, ("a", "c"): 0.9, ("a", "d"): 0.1, ("b", "c"): 0.1, ("b", "d"): 0.95}
    order = ordered(["a", "b", "c", "d"], rho | {("c", "d"): np.nan})
    assert abs(order.index("a") - order.index("c")) == 1
    assert abs(order.index("b") - order.index("d")) == 1
    assert ordered(["x", "y"], {("x", "y"): -1.0}) == ["x", "y"]


@pytest.mark.parametrize("budget", [0, -1, 4])
def test_budget_out_of_range(budget):
    with pytest.raises(UsageError, match="1 to 3"):
        agreement(pd.DataFrame({"last_loss": [1.0, 2.0, 3.0]}), CRITERIA, budget)


@pytest.mark.parametrize(
    ("wrong", "budget"),
    [([True, False, True], 2), ([False] * 3, 1), ([None] * 40, 2), ([True, None] * 20, 2)],
)
def test_usual_budget(wrong, budget):
    assert usual_budget(pd.Series(wrong, dtype="boolean")) == budget
