"""A duel of two criteria: parts, the contest and its interval, against counts done by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.laboratory import duel
from hmw_core.log import verdicts
from hmw_core.log.verdicts import Verdict
from tests.conftest import write_run


def pairs_of(rank_a, rank_b, wrong):
    """Return `paired_criteria`'s table of samples 0, 1, ... from their ranks."""
    return pd.DataFrame(
        {
            "rank_a": pd.array(rank_a, dtype="Int64"),
            "rank_b": pd.array(rank_b, dtype="Int64"),
            "is_mislabeled_a": pd.array(wrong, dtype="boolean"),
            "is_mislabeled_b": pd.array(wrong, dtype="boolean"),
        }
    ).rename_axis("sample_id")


# A flags 0, 1, 2 and B flags 2, 3, 4 at a budget of 3; 5 is mislabeled and missed by both.
PAIRS = pairs_of([1, 2, 3, 4, 5, 6], [4, 5, 1, 2, 3, 6], [True, False, True, True, True, True])


def test_every_sample_is_in_one_part():
    parts = duel.quadrants(PAIRS, 3)
    members = parts.groupby("part")["sample_id"].apply(list).to_dict()
    assert members == {"both": [2], "only A": [0, 1], "only B": [3, 4], "neither": [5]}


def test_counts_and_precision_of_each_part():
    counts = duel.quadrant_counts(duel.quadrants(PAIRS, 3))
    assert counts["n_mislabeled"].to_dict() == {"both": 1, "only A": 1, "only B": 2, "neither": 1}
    assert counts.loc["only A", "precision"] == 0.5
    assert counts.loc["neither", "precision"] == 1.0
    interval = binomtest(1, 2).proportion_ci(method="wilson")
    assert counts.loc["only A", ["low", "high"]].tolist() == pytest.approx(list(interval))


def test_the_contest_is_about_what_exactly_one_finds():
    found = duel.contest(duel.quadrant_counts(duel.quadrants(PAIRS, 3)))
    assert (found.found_by_a_only, found.found_by_b_only) == (1, 2)
    assert found.precision_a == pytest.approx(2 / 3)
    assert found.precision_b == 1.0
    assert found.difference == pytest.approx(-1 / 3)
    assert found.p == pytest.approx(binomtest(1, 3).pvalue)
    assert found.low < found.difference < found.high
    assert found.better == ""  # three samples tell nothing


@pytest.mark.parametrize(("swapped", "better"), [(False, "A"), (True, "B")])
def test_many_finds_of_one_decide(swapped, better):
    n = 200
    wrong = np.arange(n) < 40
    good, bad = np.arange(1, n + 1), np.arange(n, 0, -1)
    ranks = (bad, good) if swapped else (good, bad)
    found = duel.contest(duel.quadrant_counts(duel.quadrants(pairs_of(*ranks, wrong), 40)))
    assert found.better == better
    assert abs(found.difference) == 1.0
    assert found.p < 1e-10


def test_the_same_flags_leave_it_open():
    ranks = np.arange(1, 31)
    found = duel.contest(duel.quadrant_counts(duel.quadrants(pairs_of(ranks, ranks, ranks < 9), 8)))
    assert found.p == 1.0
    assert found.difference == 0.0
    assert found.better == ""


def profile_score(difference, only_a, only_b, n):
    """Return Tango's score by maximising the likelihood, and not by his closed form."""
    low, high = max(0.0, -difference), (1.0 - difference) / 2

    def unlikely(chance_b):
        chance_a, rest = chance_b + difference, 1 - 2 * chance_b - difference
        cells = ((only_a, chance_a), (only_b, chance_b), (n - only_a - only_b, rest))
        return -sum(k * math.log(max(p, 1e-300)) for k, p in cells if k)

    best = minimize_scalar(unlikely, bounds=(low, high), method="bounded",
                           options={"xatol": 1e-12}).x  # fmt: skip
    variance = n * (2 * best + difference - difference**2)
    return (only_a - only_b - n * difference) / math.sqrt(variance)


@pytest.mark.parametrize(("only_a", "only_b", "n"), [(5, 12, 90), (1, 19, 648), (500, 437, 3944)])
def test_the_interval_ends_where_the_score_test_begins_to_reject(only_a, only_b, n):
    low, high = duel.paired_difference(only_a, only_b, n)
    assert low < (only_a - only_b) / n < high
    assert profile_score(low, only_a, only_b, n) == pytest.approx(1.96, abs=1e-3)
    assert profile_score(high, only_a, only_b, n) == pytest.approx(-1.96, abs=1e-3)


def test_the_interval_at_its_ends():
    # Tango (1998): one discordant pair of 44, difference -0.023.
    assert duel.paired_difference(0, 1, 44) == pytest.approx((-0.118, 0.059), abs=1e-3)
    low, high = duel.paired_difference(0, 0, 30)
    assert -low == pytest.approx(high)
    assert high == pytest.approx(1.96**2 / (30 + 1.96**2), abs=1e-3)
    assert duel.paired_difference(30, 0, 30)[1] == 1.0
    assert duel.paired_difference(0, 0, 0) == (0.0, 0.0)


def test_unknown_labels_do_not_count():
    pairs = pairs_of([1, 2, 3, 4], [4, 3, 2, 1], [True, None, None, False])
    counts = duel.quadrant_counts(duel.quadrants(pairs, 1))
    assert counts["n_known"].to_dict() == {"both": 0, "only A": 1, "only B": 1, "neither": 0}
    assert math.isnan(counts.loc["neither", "precision"])
    nothing = pairs_of([1, 2], [2, 1], [None, None])
    found = duel.contest(duel.quadrant_counts(duel.quadrants(nothing, 1)))
    assert math.isnan(found.difference)
    assert found.better == ""


def test_a_sample_without_a_score_is_flagged_by_nobody_and_comes_last():
    pairs = pairs_of([1, None, 2], [1, None, 2], [True, True, False])
    parts = duel.quadrants(pairs, 1)
    assert parts.loc[parts["part"] == "neither", "sample_id"].tolist() == [2, 1]


def test_the_curve_at_a_budget_is_the_count_at_that_budget():
    curve = duel.budget_curve(PAIRS, [3]).set_index("curve")
    counts = duel.quadrant_counts(duel.quadrants(PAIRS, 3))
    for part in ("only A", "only B"):
        assert curve.loc[part, "precision"] == counts.loc[part, "precision"]
        assert curve.loc[part, "n_samples"] == counts.loc[part, "n_samples"]
    assert curve.loc["A", "n_mislabeled"] == 2
    every = duel.budget_curve(PAIRS)
    assert every["budget"].max() == len(PAIRS)
    assert 5 in every["budget"].to_numpy()  # as many as are mislabeled


def test_the_suggested_budget_says_when_it_is_an_oracles():
    assert duel.suggested_budget(PAIRS["is_mislabeled_a"]) == (
        5,
        "as many as are mislabeled, which only known true labels tell",
    )
    unknown = pd.Series([pd.NA] * 100, dtype="boolean")
    assert duel.suggested_budget(unknown)[0] == 5
    assert duel.suggested_budget(pd.Series([False] * 100, dtype="boolean"))[0] == 5


def test_ranks_of_a_run_follow_the_direction_of_each_criterion(tiny_run):
    pairs = duel.paired_criteria(tiny_run, "last_loss", "iam")
    wrong = pairs["is_mislabeled_a"].to_numpy(dtype=bool)
    assert pairs.loc[wrong, "rank_a"].max() == wrong.sum()  # both separate them
    assert pairs.loc[wrong, "rank_b"].max() == wrong.sum()
    assert pairs.loc[pairs["rank_a"].eq(1), "score_a"].item() == pairs["score_a"].max()
    assert pairs.loc[pairs["rank_b"].eq(1), "score_b"].item() == pairs["score_b"].min()


@pytest.mark.parametrize(
    ("a", "b", "epoch", "said"),
    [
        ("iam", "iam", None, "two criteria"),
        ("iam", "magic", None, "unknown criterion"),
        ("iam", "aum", 99, "epochs 1 to 4"),
    ],
)
def test_a_duel_that_cannot_be_gets_a_sentence(tiny_run, a, b, epoch, said):
    with pytest.raises(UsageError, match=said):
        duel.paired_criteria(tiny_run, a, b, epoch)


def test_verdicts_by_part(tmp_path):
    write_run(tmp_path / "judged", known=False)
    run = RunReader(tmp_path / "judged")
    parts = duel.quadrants(duel.paired_criteria(run, "last_loss", "aum"), 10)
    of_both = parts.loc[parts["part"] == "both", "sample_id"].tolist()[:3]
    given = run.samples()["given_label"]
    said = [
        Verdict(of_both[0], "keep", given_label=int(given[of_both[0]])),
        Verdict(of_both[1], "unsure", given_label=int(given[of_both[1]])),
        Verdict(
            of_both[2],
            "relabel",
            given_label=int(given[of_both[2]]),
            new_label=int(given[of_both[2]] + 1) % 5,
        ),
    ]
    verdicts.append(run, said)
    counts = duel.reviewed_counts(run, parts)
    assert counts.loc["both", ["n_judged", "n_wrong", "n_unsure"]].tolist() == [2, 1, 1]
    assert counts.loc["both", "share"] == 0.5
    assert counts.loc["neither", "n_judged"] == 0
    assert math.isnan(counts.loc["neither", "share"])
