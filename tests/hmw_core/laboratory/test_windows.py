"""Windows of epochs: against scores computed window by window, by hand, and on pure noise."""

import numpy as np
import pandas as pd
import pytest

from hmw_core.criteria import CRITERIA
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.laboratory.windows import (
    NotKept,
    Window,
    best_test_epoch,
    choices,
    last_epochs,
    otsu_share,
    split_aurocs,
    stratified_halves,
    window_table,
    windows_of,
)
from hmw_core.statistics.ranking import auroc, suspicion
from hmw_core.store import RunReader, RunWriter
from tests.conftest import write_run

NAMES = ["last_loss", "mean_loss", "aum", "iam"]


def random_run(folder, *, n=80, epochs=8, signal=0.0, known=True, test=True):
    """A run of random logits, in which the given label counts less for mislabeled samples."""
    rng = np.random.default_rng(0)
    true = np.arange(n) % 4
    given = np.where(rng.random(n) < 0.4, (true + 1) % 4, true)
    writer = RunWriter.create(
        folder, given_label=given, true_label=true if known else None, n_classes=4, n_epochs=epochs
    )
    for epoch in range(1, epochs + 1):
        logits = rng.normal(size=(n, 4))
        logits[np.arange(n), true] += signal
        writer.record(np.arange(n), logits=logits)
        accuracy = 0.9 if epoch == 3 else 0.5
        writer.end_epoch(epoch, **({"test_accuracy": accuracy} if test else {}))
    writer.finish()
    return RunReader(folder)


def test_last_epochs():
    assert last_epochs(100) == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert last_epochs(30) == [3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
    assert last_epochs(3) == [1, 2, 3]
    assert last_epochs(1) == [1]


def test_windows_of_four_epochs():
    found = windows_of(CRITERIA["aum"], 4)
    assert found[0] == Window(1, 4, (1, 3))
    assert {(w.first, w.last) for w in found} == {(f, e) for f in range(1, 5) for e in range(f, 5)}
    assert len(found) == 10
    one_epoch = windows_of(CRITERIA["last_loss"], 4, best_test=2)
    assert [(w.first, w.last) for w in one_epoch] == [(4, 4), (1, 1), (2, 2), (3, 3)]


def test_windows_of_a_long_run():
    found = windows_of(CRITERIA["iam"], 100, best_test=47)
    assert found[0] == Window(1, 100, (1, 90))
    assert Window(26, 30) in found
    assert Window(26, 40, (26, 30)) in found
    assert Window(50, 50, (40, 40)) in found
    assert Window(1, 47) in found
    assert len({(w.first, w.last) for w in found}) == len(found) == 10 + 8 + 5 + 3 + 10 + 1


def test_otsu_by_trying_every_cut():
    values = np.random.default_rng(0).normal(size=60).round(1)
    best = 0.0
    for cut in np.unique(values)[:-1]:
        low, high = values[values <= cut], values[values > cut]
        between = len(low) * len(high) / 60**2 * (low.mean() - high.mean()) ** 2
        best = max(best, between / values.var())
    assert otsu_share(values) == pytest.approx(best)
    assert otsu_share(5 - 3 * values) == pytest.approx(best)


def test_otsu_of_known_shapes():
    assert otsu_share(np.array([1.0, 1.0, 4.0, np.nan])) == pytest.approx(1.0)
    assert otsu_share(np.linspace(0, 1, 2001)) == pytest.approx(0.75, abs=0.001)
    normal = np.random.default_rng(0).normal(size=50_000)
    assert otsu_share(normal) == pytest.approx(2 / np.pi, abs=0.01)
    assert np.isnan(otsu_share(np.ones(5)))
    assert np.isnan(otsu_share(np.array([1.0, np.nan, np.inf])))


def test_halves_by_plain_loops():
    rng = np.random.default_rng(0)
    wrong = rng.random(60) < 0.4
    values = np.round(rng.normal(size=60) + wrong, 1)
    values[[3, 17]] = np.nan
    halves = stratified_halves(wrong, 5, rng)
    assert (halves[wrong].sum(axis=0) == wrong.sum() // 2).all()
    assert (halves[~wrong].sum(axis=0) == (~wrong).sum() // 2).all()
    found = split_aurocs(values, wrong, halves)
    for split in range(5):
        for side, part in enumerate((halves[:, split], ~halves[:, split])):
            assert found[split, side] == pytest.approx(
                auroc(values[part], wrong[part], "mislabeled")
            )


def test_a_half_without_mislabeled_samples_has_no_auroc():
    halves = np.array([[True], [True], [False], [False]])
    found = split_aurocs(np.arange(4.0), np.array([False, True, False, False]), halves)
    assert found.tolist()[0][0] == 1.0
    assert np.isnan(found[0, 1])


def test_every_window_has_the_auroc_of_its_own_scores(tmp_path):
    run = random_run(tmp_path / "run", signal=0.7)
    table = window_table(run, NAMES, n_splits=3)
    wrong = run.samples()["is_mislabeled"]
    for row in table.itertuples():
        score = score_table(run, [row.criterion], row.last, first=row.first)[row.criterion]
        higher = CRITERIA[row.criterion].higher_means
        assert row.auroc == pytest.approx(auroc(score, wrong, higher))
        assert row.low <= row.auroc <= row.high
        assert row.two_groups == pytest.approx(otsu_share(suspicion(score, higher)))
    for name, part in table.groupby("criterion"):
        whole = part[part["is_whole"]]
        assert len(whole) == 1
        assert whole["last"].item() == 8
        assert whole["first"].item() == (8 if name == "last_loss" else 1)
        assert whole["difference"].item() == pytest.approx(0.0)


def test_steadiness_is_the_correlation_with_the_window_one_step_earlier(tmp_path):
    run = random_run(tmp_path / "run", signal=0.7)
    table = window_table(run, ["aum", "last_loss"], n_splits=3).set_index(
        ["criterion", "first", "last"]
    )

    def score(name, first, last):
        return score_table(run, [name], last, first=first)[name]

    for name, first, last, other in (
        ("aum", 1, 8, (1, 7)),
        ("aum", 3, 6, (3, 5)),
        ("aum", 6, 6, (5, 5)),
        ("last_loss", 6, 6, (5, 5)),
    ):
        expected = score(name, first, last).corr(score(name, *other), method="spearman")
        found = table.loc[(name, first, last), "steadiness"]
        assert found == pytest.approx(expected, abs=1e-5), (name, first, last)
    assert np.isnan(table.loc[("aum", 1, 1), "steadiness"])


def test_ensemble_is_the_mean_rank_over_windows_and_criteria(tmp_path):
    run = random_run(tmp_path / "run", epochs=2, signal=0.7)
    table = window_table(run, ["aum", "last_loss"], n_splits=3)
    means = []
    for name in ("aum", "last_loss"):
        ranks = [
            pd.Series(suspicion(score, CRITERIA[name].higher_means)).rank()
            for row in table[table["criterion"] == name].itertuples()
            for score in [score_table(run, [name], row.last, first=row.first)[name]]
        ]
        means.append(sum(ranks) / len(ranks))
    middle = sum(means) / 2
    row = table[(table["criterion"] == "aum") & table["is_whole"]].iloc[0]
    score = pd.Series(-score_table(run, ["aum"])["aum"].to_numpy())
    assert row["ensemble"] == pytest.approx(score.corr(middle, method="spearman"), abs=1e-4)


def crafted() -> pd.DataFrame:
    """Three windows; by half a of the only split the second is best, by half b the third."""
    return pd.DataFrame(
        {
            "criterion": "aum",
            "first": [1, 1, 3],
            "last": [4, 2, 4],
            "is_whole": [True, False, False],
            "is_best_test": [False, True, False],
            "auroc": [0.70, 0.80, 0.75],
            "low": 0.6,
            "high": 0.9,
            "steadiness": [0.9, np.nan, 0.5],
            "two_groups": [0.6, 0.6, 0.5],
            "ensemble": [0.1, 0.2, 0.3],
            "half_1a": [0.70, 0.90, 0.72],
            "half_1b": [0.71, 0.74, 0.80],
        }
    )


def test_choices_by_hand():
    found = choices(crafted()).set_index("rule")
    windows = {rule: (row["first"], row["last"]) for rule, row in found.iterrows()}
    assert windows == {
        "oracle": (1, 2),
        "whole": (1, 4),
        "steady": (1, 4),
        "two groups": (1, 4),  # a tie: the first, which is the whole log
        "ensemble": (3, 4),
        "test accuracy": (1, 2),
    }
    assert found["cost"].tolist() == pytest.approx([0, 0.1, 0.1, 0.1, 0.05, 0])
    # Chosen by a, the second window has 0.74 in b; chosen by b, the third has 0.72 in a.
    assert found.loc["oracle", "unseen_auroc"] == pytest.approx((0.74 + 0.72) / 2)
    costs = np.array([0.74 - 0.71, 0.72 - 0.70])
    assert found.loc["whole", "unseen_cost"] == pytest.approx(costs.mean())
    half = 1.959964 * costs.std()
    assert found.loc["whole", "unseen_cost_low"] == pytest.approx(costs.mean() - half)
    assert found.loc["whole", "unseen_cost_high"] == pytest.approx(costs.mean() + half)
    assert found.loc["test accuracy", "unseen_cost"] == pytest.approx((0.0 - 0.18) / 2)


def test_on_pure_noise_the_oracle_is_only_lucky(tmp_path):
    run = random_run(tmp_path / "run", n=200, epochs=20)
    found = choices(window_table(run, ["last_loss", "aum"])).set_index(["criterion", "rule"])
    for name in ("last_loss", "aum"):
        oracle = found.loc[(name, "oracle")]
        assert oracle["auroc"] > 0.53
        assert oracle["auroc"] - oracle["unseen_auroc"] > 0.02
        assert (found.loc[name]["cost"] >= 0).all()


def test_unknown_true_labels_leave_the_choices(tmp_path):
    run = random_run(tmp_path / "run", known=False)
    found = choices(window_table(run, NAMES))
    assert "oracle" not in set(found["rule"])
    assert set(found["rule"]) == {"whole", "steady", "two groups", "ensemble", "test accuracy"}
    assert found[["auroc", "cost", "unseen_cost"]].isna().all(axis=None)


def test_partly_known_labels_count_where_they_are_known(tmp_path):
    rng = np.random.default_rng(0)
    true = np.arange(40) % 2
    true[:10] = -1  # unknown
    given = np.where(np.arange(40) % 4 == 0, 1, np.arange(40) % 2)
    writer = RunWriter.create(
        tmp_path / "run", given_label=given, true_label=true, n_classes=2, n_epochs=2
    )
    for epoch in (1, 2):
        writer.record(np.arange(40), logits=rng.normal(size=(40, 2)))
        writer.end_epoch(epoch)
    writer.finish()
    run = RunReader(tmp_path / "run")
    table = window_table(run, ["aum"])
    wrong = run.samples()["is_mislabeled"]
    assert (table["n_clean"] + table["n_mislabeled"] == wrong.notna().sum()).all()
    assert table["n_mislabeled"].iloc[0] == wrong.sum()
    whole = table[table["is_whole"]].iloc[0]
    assert whole["auroc"] == pytest.approx(auroc(score_table(run, ["aum"])["aum"], wrong, "clean"))


def test_one_epoch_has_one_window(tmp_path):
    run = random_run(tmp_path / "run", epochs=1, test=False)
    assert best_test_epoch(run) is None
    table = window_table(run, NAMES)
    assert len(table) == len(NAMES)
    found = choices(table)
    assert set(found["rule"]) == {"oracle", "whole", "two groups", "ensemble"}
    assert (found["cost"] == 0).all()


def test_what_the_log_lacks_has_no_choice(tmp_path):
    write_run(tmp_path / "bare", with_cosine=False)
    run = RunReader(tmp_path / "bare")
    table = window_table(run, ["aum", "hyperspherical_aum"])
    assert set(table["criterion"]) == {"aum"}
    assert choices(window_table(run, ["hyperspherical_aum"])).empty


def test_kept_once_computed(tmp_path):
    run = random_run(tmp_path / "run")
    with pytest.raises(NotKept, match="not been computed"):
        window_table(run, NAMES, compute=False)
    first = window_table(run, NAMES)
    pd.testing.assert_frame_equal(window_table(run, NAMES, compute=False), first)
    with pytest.raises(NotKept):
        window_table(run, NAMES[:2], compute=False)


def test_what_cannot_be_is_said(tmp_path):
    writer = RunWriter.create(tmp_path / "new", given_label=[0, 1], n_classes=2, n_epochs=2)
    with pytest.raises(UsageError, match="no finished epoch"):
        window_table(RunReader(tmp_path / "new"), NAMES)
    writer.finish("stopped")
    with pytest.raises(UsageError, match="magic"):
        window_table(random_run(tmp_path / "run"), ["magic"])
