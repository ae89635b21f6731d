"""The mean rank: against plain loops, shared ranks, samples and members that are missing."""

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA, NAMED
from hmw_core.criteria.compute import (
    compute_scores,
    parts_read,
    score_of,
    scores_by_epoch,
    why_absent,
)
from hmw_core.criteria.ensemble import ensemble_of
from hmw_core.criteria.kept import score_table

GIVEN = np.array([0, 0, 1, 1, 2, 2, 0])


@pytest.fixture
def run(tmp_path) -> RunReader:
    rng = np.random.default_rng(0)
    with RunWriter.create(tmp_path / "r", given_label=GIVEN, n_classes=3, n_epochs=3) as writer:
        for epoch in (1, 2, 3):
            ids = [0, 1, 2, 3, 4, 5] if epoch < 3 else [0, 1, 2, 3, 4]  # 6 never, 5 not in the last
            logits = rng.normal(size=(7, 3))
            logits[1] = logits[0]  # two that tie in everything
            writer.record(ids, logits=logits[ids])
            writer.end_epoch(epoch)
    return RunReader(tmp_path / "r")


def mean_rank(run: RunReader, names: list[str]) -> np.ndarray:
    """Return the mean rank by its definition: one plus those before it, half of those beside it."""
    scores = compute_scores(run, CRITERIA)
    found = []
    for i in range(run.n_samples):
        ranks = []
        for name in names:
            sign = 1 if CRITERIA[name].higher_means == "clean" else -1
            values = {j: sign * v for j, v in scores[name].items() if not np.isnan(v)}
            if i in values:
                before = sum(v < values[i] for v in values.values())
                beside = sum(v == values[i] for v in values.values()) - 1
                ranks.append((1 + before + beside / 2) * run.n_samples / len(values))
        found.append(np.mean(ranks) if ranks else np.nan)
    return np.array(found)


def test_same_as_plain_loops_with_ties_and_missing_samples(run):
    names = ["last_loss", "aum", "confidence", "el2n"]
    of_some = ensemble_of({name: CRITERIA[name] for name in names})
    found = score_of(of_some, run)
    np.testing.assert_allclose(found, mean_rank(run, names), rtol=1e-12)
    assert found[0] == found[1]
    assert np.isfinite(found[5])  # by AUM and the confidence, which use the other epochs
    assert np.isnan(found[6])
    assert of_some.higher_means == "clean"
    assert "AUM" in of_some.source


def test_the_registered_one_is_of_all_main_criteria_that_the_run_has(run):
    there = [name for name in MAIN_CRITERIA if why_absent(run, CRITERIA[name]) is None]
    scores = compute_scores(run, MAIN_CRITERIA)
    with_scores = [name for name in there if scores[name].notna().any()]
    found = score_of(CRITERIA["ensemble"], run)
    np.testing.assert_allclose(found, mean_rank(run, with_scores), rtol=1e-12)
    assert "TKUM" in CRITERIA["ensemble"].source


def test_by_epoch_in_one_pass_and_kept_as_alone(tiny_run):
    ensemble = CRITERIA["ensemble"]
    asked = {"ensemble": ensemble, "aum": CRITERIA["aum"]}
    for epoch, scores in scores_by_epoch(tiny_run, asked, [2, 4]):
        np.testing.assert_array_equal(scores["ensemble"], score_of(ensemble, tiny_run, epoch))
        np.testing.assert_array_equal(scores["aum"], score_of(CRITERIA["aum"], tiny_run, epoch))
        kept = score_table(tiny_run, ["ensemble"], epoch)["ensemble"]
        np.testing.assert_array_equal(kept, scores["ensemble"])
    mislabeled = tiny_run.samples()["is_mislabeled"].to_numpy(bool)
    score = score_of(ensemble, tiny_run)
    assert score[mislabeled].max() < score[~mislabeled].min()


def test_a_class_alone_keeps_its_ranks_among_all(tiny_run):
    whole = score_of(CRITERIA["ensemble"], tiny_run)
    of_class = compute_scores(tiny_run, {"e": CRITERIA["ensemble"]}, given_label=2)["e"]
    np.testing.assert_array_equal(of_class, whole[of_class.index])


def test_an_ensemble_may_hold_an_ensemble_and_reads_what_its_members_read(tiny_run):
    inner = ensemble_of({name: CRITERIA[name] for name in ("aum", "neighbour_vote")})
    outer = ensemble_of({"inner": inner, "el2n": CRITERIA["el2n"]})
    assert parts_read(outer) == ("signals", "outputs", "features")
    found = score_of(outer, tiny_run)
    ranks = [
        score_of(inner, tiny_run).rank(),
        score_of(CRITERIA["el2n"], tiny_run).rank(ascending=False),
    ]
    np.testing.assert_allclose(found, sum(ranks) / 2, rtol=1e-12)


def test_none_of_its_criteria_is_a_reason(run):
    of_absent = ensemble_of({name: NAMED[name] for name in ("neighbour_vote", "tkum_k5")})
    assert "none of the ensemble's criteria" in why_absent(run, of_absent)
    assert score_of(of_absent, run).isna().all()
