"""Cuts of a score: every rule, directions, what it believes, and what is left out."""

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA
from hmw_core.errors import UsageError
from hmw_core.laboratory.thresholds import (
    RULES,
    axis_scale,
    band,
    checkpoints,
    combine,
    find_threshold,
    from_axis,
    is_flagged,
    judged,
    partners,
    percentile_threshold,
    score_of,
    threshold_of_scores,
    to_axis,
    two_modes,
    usable_rules,
)
from hmw_core.log import layout
from hmw_core.log.threshold_margins import margin_means, write_margins
from hmw_core.samples.compare import wilson

N, N_WRONG = 600, 180
WRONG = np.arange(N) < N_WRONG


def write(folder, *, epochs=6, seed=0, threshold=None, known=True, wrong_margin=-3.0):
    """Write a run whose margins are those of two Gaussians, 4 sd apart unless said."""
    rng = np.random.default_rng(seed)
    true = np.arange(N) % 3
    given = np.where(WRONG, (true + 1) % 3, true)
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=true if known else None,
        n_classes=3,
        n_epochs=epochs,
        seed=seed,
        config={"seed": seed},
        threshold_samples=None if threshold is None else {"n": 60, "share": 0.1, "seed": seed},
    )
    is_threshold = np.zeros(N, dtype=bool)
    if threshold is not None:
        is_threshold[threshold] = True
    own = rng.normal(np.where(WRONG, wrong_margin, 3.0), 1.0)
    for epoch in range(1, epochs + 1):
        margin = own + rng.normal(0, 0.1, N)
        logits = np.zeros((N, 3))
        logits[np.arange(N), given] = margin
        logits[np.arange(N), (given + 1) % 3] = -1.0 * (np.arange(N) % 2)
        seen = np.flatnonzero(~is_threshold)
        writer.record(seen, logits=logits[seen])
        if threshold is not None:
            margin = np.where(is_threshold, rng.normal(wrong_margin, 1.0, N), margin)
            write_margins(folder, epoch, is_threshold, margin)
        writer.end_epoch(epoch)
    writer.finish()
    return RunReader(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("runs") / "two")


@pytest.mark.parametrize("criterion", ["aum", "mean_loss", "last_loss", "iam"])
@pytest.mark.parametrize("rule", ["gaussian", "valley"])
def test_two_clear_groups_are_parted_whatever_the_direction(run, criterion, rule):
    threshold = find_threshold(run, criterion, rule)
    flagged = is_flagged(score_of(run, criterion, rule), threshold.cut, CRITERIA[criterion])
    assert threshold.n_flagged == flagged.sum()
    found = judged(flagged, run.samples()["is_mislabeled"])
    assert found.precision > 0.97
    assert found.recall > 0.97
    assert two_modes(run, criterion).two


@pytest.mark.parametrize("criterion", ["mean_loss", "last_loss"])
def test_divide_mix_cuts_losses_only(run, criterion):
    threshold = find_threshold(run, criterion, "divide_mix")
    flagged = is_flagged(score_of(run, criterion, "divide_mix"), threshold.cut, CRITERIA[criterion])
    assert judged(flagged, run.samples()["is_mislabeled"]).precision > 0.95
    assert "divide_mix" in usable_rules(run, criterion)
    assert "divide_mix" not in usable_rules(run, "aum")
    assert axis_scale(CRITERIA[criterion], "divide_mix") == "linear"
    assert axis_scale(CRITERIA[criterion]) == "log"


def test_what_a_gaussian_believes_is_the_mean_of_its_posteriors(run):
    score = score_of(run, "aum", "gaussian").to_numpy()
    threshold = threshold_of_scores(score, CRITERIA["aum"], "gaussian")
    posterior = threshold.mixture.posterior(-score)
    flagged = score < threshold.cut
    assert threshold.expected_precision == pytest.approx(posterior[flagged].mean())
    assert threshold.expected_recall == pytest.approx(posterior[flagged].sum() / posterior.sum())
    surer = threshold_of_scores(score, CRITERIA["aum"], "gaussian", level=0.99)
    assert surer.cut < threshold.cut
    assert surer.expected_precision >= threshold.expected_precision


def test_the_model_is_believed_only_where_it_fits():
    # One skewed mode, no group at all: the mixture still promises one.
    score = np.random.default_rng(0).exponential(size=4000)
    threshold = threshold_of_scores(score, CRITERIA["mean_gce"], "gaussian")
    assert threshold.expected_precision > 0.6
    assert threshold.n_flagged > 300


def test_scales_there_and_back():
    for criterion, scale in (("aum", "linear"), ("last_loss", "log"), ("last_loss", "linear")):
        place = to_axis(np.array([0.25]), CRITERIA[criterion], scale)[0]
        assert from_axis(place, CRITERIA[criterion], scale) == pytest.approx(0.25)
    assert to_axis(np.array([0.0]), CRITERIA["last_loss"], "log")[0] == -7


def test_missing_and_infinite_scores(run):
    score = score_of(run, "aum", "gaussian").to_numpy().copy()
    score[:3] = np.nan
    score[3] = -np.inf
    threshold = threshold_of_scores(score, CRITERIA["aum"], "gaussian")
    assert threshold.n_scored == N - 3
    assert threshold.n_flagged == (score < threshold.cut).sum()
    flagged = is_flagged(pd.Series(score), threshold.cut, CRITERIA["aum"])
    assert flagged[:3].isna().all()
    assert flagged[3]


def test_no_cut_says_why():
    rng = np.random.default_rng(0)
    few = threshold_of_scores(np.arange(5.0), CRITERIA["aum"], "gaussian")
    assert np.isnan(few.cut)
    assert few.n_flagged == 0
    assert "only 5 samples" in few.why
    assert "same score" in threshold_of_scores(np.ones(50), CRITERIA["aum"], "beta").why
    assert "no valley" in threshold_of_scores(rng.normal(size=500), CRITERIA["aum"], "valley").why
    assert is_flagged(pd.Series([1.0]), np.nan, CRITERIA["aum"]).isna().all()


def test_names_and_levels_that_are_wrong(tiny_run):
    with pytest.raises(UsageError, match="unknown rule for a threshold"):
        threshold_of_scores(np.arange(30.0), CRITERIA["aum"], "otsu")
    with pytest.raises(UsageError, match="unknown criterion"):
        find_threshold(tiny_run, "magic", "valley")
    with pytest.raises(UsageError, match=r"lies in \(0, 1\), not 1"):
        threshold_of_scores(np.arange(30.0), CRITERIA["aum"], "gaussian", level=1)


def test_judged_by_hand():
    flagged = pd.Series([True, True, True, False, False, None], dtype="boolean")
    wrong = pd.Series([True, False, None, True, False, True], dtype="boolean")
    found = judged(flagged, wrong)
    assert (found.precision, found.recall, found.n_known) == (0.5, 0.5, 2)
    assert (found.precision_low, found.precision_high) == wilson(1, 2)
    unknown = judged(flagged, wrong.mask(wrong.notna()))
    assert np.isnan(unknown.precision)
    assert np.isnan(unknown.recall_low)


def test_the_band_is_of_the_last_epochs_and_of_other_seeds(run, tmp_path):
    other = write(tmp_path / "other", seed=1, wrong_margin=-2.0)
    table = band([run, other], "aum", "valley")
    assert table["over"].tolist() == ["epochs"] * 5 + ["seeds"]
    assert table["epoch"].tolist() == [2, 3, 4, 5, 6, 6]
    last = table.iloc[4]
    assert last["cut"] == find_threshold(run, "aum", "valley").cut
    assert last["n_flagged"] == find_threshold(run, "aum", "valley").n_flagged
    assert table.iloc[5]["cut"] == find_threshold(other, "aum", "valley").cut
    assert table.iloc[5]["seed"] == 1
    assert band([run], "aum", "valley", epoch=3)["epoch"].max() == 3


@pytest.mark.parametrize(
    ("last", "expected"),
    [(1, [1]), (3, [1, 2, 3]), (10, [6, 7, 8, 9, 10]), (100, [75, 81, 88, 94, 100])],
)
def test_checkpoints_are_of_the_last_quarter(last, expected):
    assert checkpoints(last) == expected


FIRST, SECOND = np.arange(150, 210), np.arange(210, 270)


def test_threshold_samples_cut_at_their_percentile(tmp_path):
    run = write(tmp_path / "r", threshold=FIRST)
    table = margin_means(run)
    assert np.flatnonzero(table["is_threshold"]).tolist() == FIRST.tolist()
    threshold = percentile_threshold(run)
    own = table.loc[FIRST, "margin"]
    assert threshold.cut == pytest.approx(np.percentile(own, 99))
    assert threshold.n_scored == N - len(FIRST)
    assert threshold.expected_recall == 0.99
    assert np.isnan(threshold.expected_precision)
    flagged = is_flagged(score_of(run, "aum", "threshold_samples"), threshold.cut, CRITERIA["aum"])
    assert flagged[FIRST].isna().all()
    assert judged(flagged, run.samples()["is_mislabeled"]).precision > 0.95
    assert find_threshold(run, "aum", "threshold_samples").cut == threshold.cut
    early = margin_means(run, 2)["margin"]
    parts = [pd.read_parquet(layout.epoch_file(run.folder, "threshold", e)) for e in (1, 2)]
    assert early.to_numpy() == pytest.approx(sum(part["margin"] for part in parts) / 2)


def test_the_rule_needs_the_samples_and_aum(run, tmp_path):
    with pytest.raises(UsageError, match="trained without threshold samples"):
        find_threshold(run, "aum", "threshold_samples")
    with_them = write(tmp_path / "r", threshold=FIRST)
    with pytest.raises(UsageError, match="cut AUM only, not 'iam'"):
        find_threshold(with_them, "iam", "threshold_samples")
    assert "threshold_samples" in usable_rules(with_them, "aum")
    assert "threshold_samples" not in usable_rules(with_them, "iam")
    assert "threshold_samples" not in usable_rules(run, "aum")


def test_two_runs_judge_each_others_threshold_samples(tmp_path):
    first = write(tmp_path / "a", threshold=FIRST)
    second = write(tmp_path / "b", threshold=SECOND, seed=1)
    table = combine(first, second)
    assert table["first"].isna().sum() == table["second"].isna().sum() == 60
    assert table["is_flagged"].notna().all()
    assert (table["is_flagged"][FIRST] == table["second"][FIRST]).all()
    others = np.setdiff1d(np.arange(N), FIRST)
    assert (table["is_flagged"][others] == table["first"][others]).all()
    both = np.setdiff1d(others, SECOND)
    assert (table["in_every"][both] == (table["first"] & table["second"])[both]).all()
    assert (table["in_every"][FIRST] == table["second"][FIRST]).all()
    overlap = combine(first, first)
    assert overlap["is_flagged"][FIRST].isna().all()
    assert overlap["in_every"][FIRST].isna().all()


def test_partners_are_of_the_same_labels(run, tmp_path):
    first = write(tmp_path / "a", threshold=FIRST)
    second = write(tmp_path / "b", threshold=SECOND)
    assert partners(first, [first, second, run]) == [second]
    assert partners(run, [first, second]) == []
    writer = RunWriter.create(
        tmp_path / "c", given_label=[0, 1], n_classes=2, n_epochs=1,
        threshold_samples={"n": 1, "share": 0.5, "seed": 0},
    )  # fmt: skip
    writer.finish()
    foreign = RunReader(tmp_path / "c")
    assert partners(first, [foreign]) == []
    with pytest.raises(UsageError, match="other samples or labels"):
        combine(first, foreign)


def test_damaged_margins_are_named(tmp_path):
    run = write(tmp_path / "r", threshold=FIRST)
    layout.epoch_file(run.folder, "threshold", 2).write_bytes(b"torn")
    with pytest.raises(UsageError, match="margins of epoch 2 cannot be read"):
        margin_means(run)


def test_every_criterion_can_be_cut_or_says_why(tiny_run):
    for name in CRITERIA:
        for rule in usable_rules(tiny_run, name):
            threshold = find_threshold(tiny_run, name, rule)
            assert np.isfinite(threshold.cut) or threshold.why


def test_every_rule_says_what_it_does_and_believes():
    for rule in RULES.values():
        assert rule.title
        assert rule.does
        assert rule.believes
        assert rule.source
