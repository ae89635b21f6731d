"""Two reviewers: kappa and its interval against published numbers, and who disagrees on what."""

import math
import shutil

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader
from hmw_core.log import verdicts
from hmw_core.log.class_changes import ClassChange
from hmw_core.log.verdicts import Verdict
from hmw_core.review.history import history
from hmw_core.review.reviewers import agreement, disagreements, labels_by, reviewers


def series(counts: list[list[int]]) -> tuple[pd.Series, pd.Series]:
    """Return the two lists of labels that give a table of counts."""
    pairs = [(i, j) for i, row in enumerate(counts) for j, n in enumerate(row) for _ in range(n)]
    one, two = zip(*pairs, strict=True)
    return pd.Series(one), pd.Series(two)


@pytest.mark.parametrize(
    ("counts", "kappa", "low", "high"),
    [
        # SAS/STAT User's Guide, FREQ, "Getting started: agreement": two dermatologists, 88 patients
        ([[10, 4, 1, 0], [5, 10, 12, 2], [2, 4, 12, 5], [0, 2, 6, 13]], 0.3449, 0.2030, 0.4868),
        # worked out by hand: 20 and 15 agreed, 5 and 10 not; po = .7, pe = .5
        ([[20, 5], [10, 15]], 0.4, None, None),
    ],
)
def test_kappa_and_its_interval_are_the_published_ones(counts, kappa, low, high):
    found = agreement(*series(counts))[0]
    assert found.n == np.sum(counts)
    assert found.n_agreed == np.trace(counts)
    assert found.kappa == pytest.approx(kappa, abs=5e-5)
    if low is not None:
        assert found.low == pytest.approx(low, abs=5e-5)
        assert found.high == pytest.approx(high, abs=5e-5)


def test_interval_is_that_of_a_bootstrap():
    one, two = series([[60, 10, 5], [8, 40, 7], [3, 9, 58]])
    found = agreement(one, two)[0]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(2000):
        rows = rng.integers(0, len(one), len(one))
        a, b = one.to_numpy()[rows], two.to_numpy()[rows]
        observed = (a == b).mean()
        chance = sum((a == c).mean() * (b == c).mean() for c in range(3))
        drawn.append((observed - chance) / (1 - chance))
    assert [found.low, found.high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.012)


def test_each_class_is_compared_with_the_rest():
    one, two = series([[20, 5, 0], [10, 15, 0], [0, 0, 50]])
    by_label = {found.label: found for found in agreement(one, two)}
    assert by_label.keys() == {None, 0, 1, 2}
    assert by_label[2].kappa == 1
    # Agreement throughout in 100 samples, half of chance: (0.025 ** 0.01 - 0.5) / 0.5
    assert by_label[2].low == pytest.approx((0.025**0.01 - 0.5) / 0.5)
    assert by_label[2].high == 1
    observed, chance = 0.85, (0.25 * 0.3 + 0.75 * 0.7)  # of class 0, by hand
    assert by_label[0].kappa == pytest.approx((observed - chance) / (1 - chance))


def test_where_chance_alone_agrees_kappa_is_not_known():
    (found, of_class) = agreement(pd.Series([1, 1, 1]), pd.Series([1, 1, 1]))
    assert found.n_agreed == 3
    assert math.isnan(found.kappa)
    assert math.isnan(of_class.kappa)
    nothing = agreement(pd.Series(dtype=np.int64), pd.Series(dtype=np.int64))
    assert nothing[0].n == 0
    assert math.isnan(nothing[0].kappa)


@pytest.fixture
def run(tiny_folder, tmp_path) -> RunReader:
    shutil.copytree(tiny_folder, tmp_path / "tiny")
    return RunReader(tmp_path / "tiny")


def say(run: RunReader, who: str, *said: tuple, **more) -> list[Verdict]:
    given = run.samples()["given_label"]
    made = [Verdict(i, v, int(given[i]), new, who, **more) for i, v, new in said]
    verdicts.append(run, made)
    return made


def test_labels_that_two_reviewers_gave(run):
    given = run.samples()["given_label"].tolist()  # sample 3 is a 3, 4 a 4, 6 a 1
    say(run, "Ann", (3, "relabel", 4), (3, "keep", None), (4, "relabel", 2), (6, "unsure", None))
    say(run, "Bo", (3, "keep", None), (4, "keep", None), (6, "keep", None), (7, "skip", None))
    say(run, "", (8, "keep", None))
    log = verdicts.read(run)
    ann, bo = (labels_by(log, name, run.n_classes) for name in ("Ann", "Bo"))
    assert ann.to_dict() == {3: given[3], 4: 2}
    assert bo.to_dict() == {3: given[3], 4: given[4], 6: given[6]}
    assert disagreements(ann, bo) == [4]
    assert reviewers(log).to_dict() == {"Bo": 4, "Ann": 3}
    assert agreement(ann, bo)[0][:3] == (None, 2, 1)
    verdicts.change_class(run, ClassChange(2, into=given[4]))
    log = verdicts.read(run)
    ann, bo = (labels_by(log, name, run.n_classes) for name in ("Ann", "Bo"))
    assert disagreements(ann, bo) == []  # one class now


def test_history_has_one_row_for_what_is_undone_at_once(run):
    (first,) = say(run, "Ann", (3, "relabel", 4), note="looks like it", time="2026-01-01T00:00:01")
    batch = say(
        run, "Bo", (4, "unsure", None), (5, "unsure", None), (6, "unsure", None), batch="b" * 32,
        time="2026-01-01T00:00:02",
    )  # fmt: skip
    change = verdicts.change_class(
        run, ClassChange(0, into=1, reviewer="Ann", time="2026-01-01T00:00:03")
    )
    verdicts.change_class(run, ClassChange(2, name="two", time="2026-01-01T00:00:04"))
    found = history(verdicts.read(run))
    assert found["kind"].tolist() == ["rename", "merge", "batch", "verdict"]
    assert found["id"].tolist()[1:] == [change.id, "b" * 32, first.id]
    assert found["n_samples"].tolist()[2:] == [3, 1]
    assert found.loc[0, "verdict"] == "two"
    assert (found.loc[1, "given_label"], found.loc[1, "new_label"]) == (0, 1)
    assert found.loc[2, "verdict"] == "unsure"
    assert found.loc[3, ["sample_id", "given_label", "new_label"]].tolist() == [3, 3, 4]
    assert found["undone_by"].isna().all()
    verdicts.undo(run, [batch[0].id], "Ann")
    verdicts.undo(run, [change.id, first.id], "Cy")
    found = history(verdicts.read(run)).set_index("id")
    assert found.loc["b" * 32, "n_samples"] == 2
    assert found.loc[[change.id, first.id], "undone_by"].tolist() == ["Cy", "Cy"]
    assert pd.isna(found.loc["b" * 32, "undone_by"])


def test_history_of_an_untouched_run_is_empty(run):
    found = history(verdicts.read(run))
    assert found.empty
    assert "undone_by" in found
