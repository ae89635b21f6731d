"""What reviewed samples say: by hand, and right as often as promised in simulated reviews."""

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.laboratory.audited import audit_estimates, audited, judged_streams
from hmw_core.log import verdicts
from hmw_core.log.verdicts import Verdict
from hmw_core.review.queue import audit_sample, queue
from hmw_core.review.remaining import total_interval
from hmw_core.statistics.ranking import auroc
from tests.conftest import write_run

TRIALS = 120


def said(run, ids, stream, *, unsure=()) -> list[Verdict]:
    """Verdicts that tell the truth of these samples."""
    samples = run.samples()
    made = []
    for i in map(int, ids):
        given, true = int(samples["given_label"][i]), int(samples["true_label"][i])
        word = "unsure" if i in unsure else "keep" if given == true else "relabel"
        new = true if word == "relabel" else None
        made.append(Verdict(i, word, given, new, stream=stream, criterion="aum"))
    return made


@pytest.fixture
def tiny(tmp_path):
    write_run(tmp_path / "tiny")
    return RunReader(tmp_path / "tiny")


def test_streams_are_counted_apart(tiny):
    verdicts.append(tiny, said(tiny, [0, 1, 2], "ranked", unsure={2}))
    verdicts.append(tiny, said(tiny, [10, 3, 4, 5], "audit"))
    table = judged_streams(verdicts.read(tiny))
    assert table.loc["ranked", ["n_keep", "n_relabel", "n_unsure"]].tolist() == [1, 1, 1]
    assert table.loc["audit", "share_wrong"] == 0.25
    assert np.isnan(table.loc["selection", "share_wrong"])


def test_the_audit_is_the_front_of_the_random_order(tiny):
    order = audit_sample(tiny)["sample_id"].to_numpy()
    verdicts.append(tiny, said(tiny, order[[0, 1, 3]], "audit"))
    found = audited(verdicts.read(tiny), order)
    assert found.index.tolist() == order[:2].tolist()  # the fourth is behind a gap
    verdicts.append(tiny, said(tiny, order[[2, 4]], "ranked"))
    found = audited(verdicts.read(tiny), order)
    assert found.index.tolist() == order[:4].tolist()  # the fifth is behind the last of the audit
    wrong = tiny.samples()["is_mislabeled"].loc[order[:4]]
    assert found.tolist() == wrong.tolist()


def test_estimates_by_hand(tiny):
    """AUM puts the 6 mislabeled of the 60 first; the audit judges 45 of them all."""
    order = audit_sample(tiny)["sample_id"].to_numpy()[:45]
    verdicts.append(tiny, said(tiny, order, "audit"))
    wrong = [i for i in order if i % 10 == 0]
    assert 2 <= len(wrong) < 6
    scores = pd.DataFrame({"aum": np.where(np.arange(60) % 10 == 0, -1.0, 1.0)})
    row = audit_estimates(tiny, scores, 6).loc["aum"]
    assert row[["n_flagged", "n_known", "n_random"]].tolist() == [6, len(wrong), len(wrong)]
    low, high = total_interval(len(wrong), len(wrong), 6)
    assert row["precision"] == 1.0
    assert row[["precision_low", "precision_high"]].tolist() == [low / 6, high / 6]
    assert row["n_wrong"] == len(wrong)
    assert row["recall"] == 1.0
    assert row["n_judged"] == 45
    assert row["auroc"] == 1.0
    assert row["auroc_low"] < 1.0


def test_a_full_review_of_the_flagged_is_exact(tiny):
    order = queue(tiny, "aum")["sample_id"].to_numpy()
    verdicts.append(tiny, said(tiny, order[:12], "ranked"))
    scores = pd.DataFrame({"aum": -queue(tiny, "aum").set_index("sample_id")["rank"].astype(float)})
    row = audit_estimates(tiny, -scores, 12).loc["aum"]
    assert row[["precision", "precision_low", "precision_high"]].tolist() == [0.5] * 3
    assert np.isnan(row["auroc"])
    assert np.isnan(row["recall"])
    assert np.isnan(audit_estimates(tiny, -scores, 13).loc["aum", "precision"])


def test_unsure_is_left_out_and_counted(tiny):
    order = queue(tiny, "aum")["sample_id"].to_numpy()
    verdicts.append(tiny, said(tiny, order[:12], "ranked", unsure={int(order[0])}))
    scores = queue(tiny, "aum").set_index("sample_id")[["score"]].sort_index()
    row = audit_estimates(tiny, scores.rename(columns={"score": "aum"}), 12).loc["aum"]
    assert row["n_unresolved"] == 1
    assert row["precision"] == pytest.approx(5 / 11)


def test_no_verdict_tells_nothing(tiny):
    scores = pd.DataFrame({"aum": np.arange(60.0), "iam": np.full(60, np.nan)})
    table = audit_estimates(tiny, scores, 5)
    assert table[["precision", "recall", "auroc"]].isna().all(axis=None)
    assert table["n_flagged"].tolist() == [5, 0]


def test_intervals_hold_the_truth_as_often_as_they_say(tmp_path):
    """Ranked review by one criterion, then an audit: also another criterion's interval holds."""
    rng = np.random.default_rng(0)
    n, budget = 600, 120
    held = {"precision": [], "recall": [], "auroc": []}
    true = np.zeros(n, dtype=int)
    for trial in range(TRIALS):
        wrong = rng.random(n) < 0.2
        writer = RunWriter.create(
            tmp_path / f"run {trial}",
            given_label=wrong.astype(int),
            true_label=true,
            n_classes=2,
            n_epochs=1,
        )
        writer.finish("stopped")
        run = RunReader(tmp_path / f"run {trial}")
        scores = pd.DataFrame(
            {"aum": rng.normal(size=n) - 1.5 * wrong, "last_loss": rng.normal(size=n) + wrong}
        ).rename_axis("sample_id")
        ranked = scores["aum"].sort_values().index.to_numpy()[:60]
        drawn = audit_sample(run, trial)["sample_id"].to_numpy()[:150]
        left = drawn[~np.isin(drawn, ranked)]
        verdicts.append(run, said(run, ranked, "ranked") + said(run, left, "audit"))
        row = audit_estimates(run, scores, budget, seed=trial).loc["last_loss"]
        flagged = scores["last_loss"].nlargest(budget).index
        truth = {
            "precision": wrong[flagged].mean(),
            "recall": wrong[flagged].sum() / wrong.sum(),
            "auroc": auroc(scores["last_loss"], wrong, "mislabeled"),
        }
        for name, value in truth.items():
            held[name].append(row[f"{name}_low"] <= value <= row[f"{name}_high"])
    for name, hits in held.items():
        assert np.mean(hits) >= 0.90, (name, np.mean(hits))
