"""The contest of criteria: by hand, by plain loops over resampled samples, and on a run."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.compute import score_of
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.laboratory.contest import MEASURES, Contest, contest_of
from hmw_core.laboratory.contest_tables import by_epoch, measured, pairs
from hmw_core.laboratory.detection import detect
from hmw_core.laboratory.hard import MEAN_RANK, Hard, hard_clean, hard_text
from hmw_core.samples.groups import groups
from hmw_core.statistics.ranking import precision_recall_at_budget
from hmw_core.statistics.resampling import measure_resamples, resamples
from tests.conftest import write_run


def contest_by_hand(clean, mislabeled, n_flagged, n_resamples=0, seed=0):
    """Return measures of plain arrays as a Contest of criteria called c0, c1, ..."""
    clean, mislabeled = np.asarray(clean, dtype=float), np.asarray(mislabeled, dtype=float)
    values, drawn = measure_resamples(
        clean, mislabeled, n_flagged, n_resamples, np.random.default_rng(seed)
    )
    names = [f"c{k}" for k in range(clean.shape[1])]
    table = pd.DataFrame(values, index=names, columns=["auroc", "average_precision", "hits"])
    table["precision"] = table["hits"] / n_flagged
    table["recall"] = table["hits"] / len(mislabeled)
    return Contest(
        table[list(MEASURES)], drawn, len(clean), len(mislabeled), n_flagged, left_out=0, unknown=0
    )


def test_measures_by_hand():
    # Ranked: mislabeled 9, clean 8, mislabeled 7, clean 6, clean 5.
    found = contest_by_hand([[8.0], [6.0], [5.0]], [[9.0], [7.0]], 2).values.loc["c0"]
    assert found["auroc"] == pytest.approx(5 / 6)  # 3 + 2 of 6 pairs
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["precision"] == 0.5
    assert found["recall"] == 0.5


@pytest.mark.parametrize("n_flagged", [1, 2, 7, 30, 79, 80])
@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_every_resample_as_a_loop_over_its_samples(n_flagged, decimals):
    rng = np.random.default_rng(3)
    clean = np.round(rng.normal(size=(60, 3)), decimals)
    mislabeled = np.round(rng.normal(0.8, 1, size=(20, 3)), decimals)
    result = contest_by_hand(clean, mislabeled, n_flagged, n_resamples=8, seed=5)
    again = np.random.default_rng(5)
    counts = [resamples(n, 8, again) for n in (60, 20)]  # drawn in one go, as there
    wrong = np.repeat([False, True], [60, 20])
    for r in range(8):
        for k in range(3):
            score = np.r_[
                np.repeat(clean[:, k], counts[0][r]), np.repeat(mislabeled[:, k], counts[1][r])
            ]
            expected = (
                roc_auc_score(wrong, score),
                average_precision_score(wrong, score),
                *precision_recall_at_budget(score, wrong, "mislabeled", n_flagged)[:2],
            )
            found = [result.resampled(measure)[r, k] for measure in MEASURES]
            assert found == pytest.approx(expected)


def test_resamples_hold_as_many_of_each_and_are_the_same_for_all_criteria(monkeypatch):
    counts = resamples(7, 50, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 7).all()
    assert counts.std() > 0
    rng = np.random.default_rng(1)
    clean, mislabeled = rng.normal(size=(40, 1)), rng.normal(1, 1, size=(30, 1))
    twice = contest_by_hand(np.hstack([clean, clean]), np.hstack([mislabeled, mislabeled]), 30, 20)
    np.testing.assert_array_equal(twice.drawn[:, 0], twice.drawn[:, 1])
    whole = contest_by_hand(clean, mislabeled, 30, 20)
    monkeypatch.setattr("hmw_core.statistics.resampling.CELLS", 70 * 20)
    np.testing.assert_array_equal(whole.drawn, contest_by_hand(clean, mislabeled, 30, 20).drawn)
    # Fewer at once give other resamples, but as many.
    monkeypatch.setattr("hmw_core.statistics.resampling.CELLS", 70 * 3)
    assert np.isfinite(contest_by_hand(clean, mislabeled, 30, 20).drawn).all()


def test_without_one_of_the_groups_all_is_nan():
    empty = contest_by_hand(np.ones((3, 2)), np.ones((0, 2)), 1, 4)
    assert np.isnan(empty.drawn).all()
    assert empty.values[["auroc", "average_precision", "precision"]].isna().all(axis=None)
    assert (pairs(empty)["result"] == "open").all()


def test_no_miss_still_has_a_width():
    table = measured(contest_by_hand([[0.0], [1.0]], [[2.0], [3.0], [4.0]], 3, 50)).set_index(
        "measure"
    )
    assert (table["value"] == 1.0).all()
    assert (table["high"] == 1.0).all()
    assert table.loc["auroc", "low"] == pytest.approx(0.025 ** (1 / 2))
    assert table.loc["precision", "low"] == pytest.approx(0.025 ** (1 / 3))


def by_pair(table):
    return table.set_index(["a", "b"])


def drawn_contest(auroc, drawn):
    """Return a contest of the AUROCs given, with these resamples of shape (R, K)."""
    drawn = np.asarray(drawn, dtype=float)
    values = pd.DataFrame(
        {measure: auroc for measure in MEASURES}, index=[f"c{k}" for k in range(len(auroc))]
    )
    return Contest(values, np.stack([drawn] * 3, axis=2), 10, 10, 10, 0, 0)


def test_pairs_by_hand():
    apart = np.array([0.1, 0.3, 0.0, -0.1])  # c0 ahead in two, level in one, behind in one
    found = by_pair(pairs(drawn_contest([0.8, 0.7], np.c_[0.5 + apart, np.full(4, 0.5)])))
    one, other = found.loc[("c0", "c1")], found.loc[("c1", "c0")]
    assert one["difference"] == pytest.approx(0.1)
    assert one["ahead"] == 0.625
    assert (one["low"], one["high"]) == pytest.approx(tuple(np.quantile(apart, [0.025, 0.975])))
    error = np.std(apart, ddof=1)
    width = np.quantile(np.abs(apart - 0.1) / error, 0.95)
    assert one["together_high"] == pytest.approx(0.1 + width * error)
    assert one["result"] == "open"
    assert other["ahead"] == 0.375
    assert other["difference"] == pytest.approx(-0.1)
    assert (other["low"], other["high"]) == (-one["high"], -one["low"])
    assert other["together_low"] == -one["together_high"]


def test_the_winner_is_named_from_both_sides_and_what_is_level_is_no_win():
    rng = np.random.default_rng(0)
    base = 0.8 + rng.normal(0, 0.01, 500)
    drawn = np.c_[base, base - 0.1 + rng.normal(0, 0.01, 500), base]
    found = by_pair(pairs(drawn_contest([0.8, 0.7, 0.8], drawn)))
    assert found.loc[("c0", "c1"), "result"] == "a"
    assert found.loc[("c1", "c0"), "result"] == "b"
    assert found.loc[("c0", "c2"), "result"] == "level"
    assert found.loc[("c0", "c2"), "ahead"] == 0.5
    assert found.loc[("c0", "c1"), "ahead"] == 1.0
    assert len(found) == 6


def test_together_is_wider_the_more_pairs_there_are():
    rng = np.random.default_rng(2)
    clean, mislabeled = rng.normal(size=(200, 8)), rng.normal(0.5, 1, size=(80, 8))
    two = by_pair(pairs(contest_by_hand(clean[:, :2], mislabeled[:, :2], 80, 400))).loc[
        ("c0", "c1")
    ]
    all_eight = by_pair(pairs(contest_by_hand(clean, mislabeled, 80, 400))).loc[("c0", "c1")]
    own = two["high"] - two["low"]
    assert two["together_high"] - two["together_low"] == pytest.approx(own, rel=0.1)
    assert all_eight["together_high"] - all_eight["together_low"] > 1.3 * own


def test_intervals_cover_the_truth():
    """Normal scores, two criteria that share half their noise; the truth is far more samples."""
    rng = np.random.default_rng(11)

    def draw(n_clean, n_mislabeled):
        parts = []
        for n, shift in ((n_clean, (0.0, 0.0)), (n_mislabeled, (1.2, 0.8))):
            common = rng.normal(size=(n, 1))
            parts.append(common + rng.normal(size=(n, 2)) + np.array(shift))
        return parts

    many = contest_by_hand(*draw(200_000, 50_000), 50_000).values
    n_trials, covered = 120, dict.fromkeys(("auroc", "average_precision", "precision"), 0)
    for trial in range(n_trials):
        result = contest_by_hand(*draw(240, 60), 60, 200, seed=trial)
        for measure in covered:
            found = pairs(result, measure).iloc[0]
            truth = many[measure].iloc[0] - many[measure].iloc[1]
            covered[measure] += found["low"] <= truth <= found["high"]
    # 95 % of 120 is 114; four standard deviations of a fair coin so biased are 10.
    assert all(104 <= n <= 120 for n in covered.values()), covered


# -- on a run


def test_contest_agrees_with_detect(tiny_run):
    found = contest_of(tiny_run, n_resamples=50)
    every = detect(tiny_run).query("contest == 'all'").set_index("criterion")
    assert found.criteria == list(MAIN_CRITERIA)
    for measure in MEASURES:
        assert found.values[measure].tolist() == pytest.approx(every[measure].tolist())
    hard = contest_of(tiny_run, hard=Hard(), budget=0.5, n_resamples=0)
    of_hard = detect(tiny_run, budget=0.5).query("contest == 'hard clean'").set_index("criterion")
    assert (hard.n_clean, hard.n_mislabeled) == (6, 6)
    assert hard.n_flagged == 6
    for measure in MEASURES:
        assert hard.values[measure].tolist() == pytest.approx(of_hard[measure].tolist())


def noisy_run(folder, *, seed=0, known=None, unseen=(), name="noisy", config=None):
    """Write a run of 120 samples in which no criterion is perfect; `unseen` were never logged."""
    rng = np.random.default_rng(0)
    true = np.arange(120) % 4
    given = np.where(np.arange(120) % 5 == 0, (true + 1) % 4, true)
    shown = np.where(np.arange(120) < (120 if known is None else known), true, -1)
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=shown,
        n_classes=4,
        n_epochs=3,
        recipe="CCE",
        dataset_name=name,
        images=np.arange(120 * 4, dtype=np.uint32).astype(np.uint8).reshape(120, 2, 2),
        seed=seed,
        config=config,
    )
    noise = np.random.default_rng(seed + 100)
    seen = np.setdiff1d(np.arange(120), unseen)
    for epoch in (1, 2, 3):
        logits = np.eye(4)[true] * 0.7 + noise.normal(0, 0.6, (120, 4))
        logits += rng.normal(0, 0.3, (120, 4))
        cosine = np.tanh(logits)
        writer.record(seen, logits=logits[seen], cosine=cosine[seen])
        writer.end_epoch(epoch)
    writer.finish()
    return RunReader(folder)


def test_a_contest_is_kept_with_the_run(tmp_path):
    run = noisy_run(tmp_path / "run")
    with pytest.raises(KeyError):
        contest_of(run, ["iam", "aum"], n_resamples=40, only_kept=True)
    first = contest_of(run, ["iam", "aum"], n_resamples=40)
    again = contest_of(run, ["iam", "aum"], n_resamples=40, only_kept=True)
    np.testing.assert_array_equal(first.drawn, again.drawn)
    pd.testing.assert_frame_equal(first.values, again.values)
    assert (again.n_clean, again.n_mislabeled, again.n_flagged) == (96, 24, 24)
    for changed in ({"seed": 1}, {"budget": 5}, {"hard": Hard()}, {"epoch": 2}):
        with pytest.raises(KeyError):
            contest_of(run, ["iam", "aum"], n_resamples=40, only_kept=True, **changed)


def test_all_criteria_rank_the_same_samples_and_the_rest_is_counted(tmp_path):
    run = noisy_run(tmp_path / "run", known=100, unseen=(0, 1, 2))
    found = contest_of(run, ["iam", "mean_loss"], n_resamples=0)
    assert found.unknown == 20
    assert found.left_out == 3
    assert found.n_clean + found.n_mislabeled == 97


def test_a_criterion_without_any_score_takes_no_sample_from_the_others(tmp_path):
    write_run(tmp_path / "plain", with_cosine=False)
    run = RunReader(tmp_path / "plain")
    found = contest_of(run, ["hyperspherical_aum", "iam", "aum"], n_resamples=5)
    assert found.without_scores == ["hyperspherical_aum"]
    assert (found.n_clean, found.n_mislabeled, found.left_out) == (54, 6, 0)
    assert found.values.loc["hyperspherical_aum"].isna().all()
    alone = contest_of(run, ["iam", "aum"], n_resamples=5)
    np.testing.assert_array_equal(found.drawn[:, 1:], alone.drawn)
    assert set(pairs(found)["a"]) == {"iam", "aum"}


def test_unknown_true_labels_hold_no_contest(unknown_run):
    found = contest_of(unknown_run, ["iam", "aum"], n_resamples=5)
    assert (found.n_clean, found.n_mislabeled, found.unknown) == (0, 0, 60)
    assert found.values.isna().all(axis=None)


def test_hard_by_a_criterion_is_the_groups_of_queries(tiny_run):
    scores = score_table(tiny_run, ["iam", "aum"])
    pd.testing.assert_series_equal(
        hard_clean(tiny_run, Hard("iam", 0.3), scores),
        groups(tiny_run, hard_by="iam", hard_fraction=0.3),
    )


def test_hard_by_mean_rank_is_the_mean_of_the_ranks(tmp_path):
    run = noisy_run(tmp_path / "run")
    scores = score_table(run, ["iam", "mean_loss"])
    group = hard_clean(run, Hard(MEAN_RANK, 0.1), scores)
    worst = (-scores["iam"]).rank() + scores["mean_loss"].rank()
    clean = run.samples()["is_mislabeled"].eq(False)
    expected = worst[clean].sort_values(ascending=False).index[:10]
    assert set(group.index[group == "hard"]) == set(expected)


def test_hard_by_another_seed_needs_the_same_samples_and_labels(tmp_path):
    run, other = noisy_run(tmp_path / "one"), noisy_run(tmp_path / "two", seed=1)
    write_run(tmp_path / "else")
    scores = score_table(run, ["iam"])
    group = hard_clean(run, Hard("last_loss", 0.1, "two"), scores)
    expected = groups(other, hard_by="last_loss")
    assert (group == expected).all()
    assert (group != groups(run, hard_by="last_loss")).any()
    assert "in run two" in hard_text(Hard("last_loss", 0.1, "two"))
    with pytest.raises(UsageError, match="not trained on the same samples"):
        hard_clean(run, Hard("last_loss", 0.1, "else"), scores)
    for name in ("../one", "nowhere", ".datasets"):
        with pytest.raises(UsageError, match="no run"):
            hard_clean(run, Hard("last_loss", 0.1, name), scores)


def test_what_cannot_be_contested_gets_a_sentence(tiny_run):
    with pytest.raises(UsageError, match="needs a criterion"):
        contest_of(tiny_run, [])
    with pytest.raises(UsageError, match="unknown criterion 'vibes'"):
        contest_of(tiny_run, ["vibes"])
    with pytest.raises(UsageError, match="budget"):
        contest_of(tiny_run, ["iam"], budget=0)
    with pytest.raises(UsageError, match="fraction"):
        contest_of(tiny_run, ["iam"], hard=Hard(fraction=2.0))


def test_by_epoch_is_the_contest_of_each_epoch(tmp_path):
    run = noisy_run(tmp_path / "run")
    names, hard = ["iam", "last_loss"], Hard("mean_loss", 0.2)
    table = by_epoch(run, names, [1, 3], pair=("iam", "last_loss"), n_resamples=30)
    for epoch in (1, 3):
        found = contest_of(run, names, epoch, n_resamples=30)
        part = table[(table["epoch"] == epoch) & (table["measure"] == "average_precision")]
        shown = part.dropna(subset=["criterion"])
        assert shown["value"].tolist() == found.values["average_precision"].tolist()
        lead = part[part["criterion"].isna()].iloc[0]
        pair = pairs(found, "average_precision").iloc[0]
        assert tuple(lead[["value", "low", "high"]]) == tuple(pair[["difference", "low", "high"]])
    followed = by_epoch(run, names, [1, 3], hard=hard)
    last = followed[(followed["epoch"] == 3) & (followed["measure"] == "auroc")]
    assert last["value"].tolist() == contest_of(run, names, hard=hard, n_resamples=0).values[
        "auroc"
    ].tolist()  # fmt: skip
    assert followed["low"].isna().all()


def test_a_class_alone(tmp_path):
    run = noisy_run(tmp_path / "run")
    found = contest_of(run, ["iam"], given_label=2, n_resamples=0)
    score = score_of(CRITERIA["iam"], run)
    samples = run.samples()
    part = samples["given_label"] == 2
    expected = roc_auc_score(samples["is_mislabeled"][part].astype(bool), -score[part])
    assert found.values.loc["iam", "auroc"] == pytest.approx(expected)
