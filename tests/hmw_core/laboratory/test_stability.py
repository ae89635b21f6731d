"""What stays of a ranking: by hand, and against the scores of each epoch."""

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.laboratory.stability import (
    ambiguous_order,
    checkpoints,
    counts,
    rank_stability,
    rankings,
    ranks_by_epoch,
    steadiness,
)
from hmw_core.samples.compare import wilson
from tests.conftest import write_run

CRITERIA = ["last_loss", "aum", "iam"]


def noise_run(folder, *, epochs=6, seed=0, given=None):
    """A run whose samples change their ranks all the time."""
    rng = np.random.default_rng(seed)
    true = np.arange(40) % 4
    given = np.where(np.arange(40) % 5 == 0, (true + 1) % 4, true) if given is None else given
    writer = RunWriter.create(
        folder, given_label=given, true_label=true, n_classes=4, n_epochs=epochs, seed=seed
    )
    for epoch in range(1, epochs + 1):
        writer.record(np.arange(40), logits=rng.normal(size=(40, 4)))
        writer.end_epoch(epoch)
    writer.finish()
    return RunReader(folder)


def by_hand() -> pd.DataFrame:
    ranks = {
        "1": [1, 1, 3, 3, 1, None],
        "2": [1, 3, 1, 3, 3, None],
        "3": [2, 1, 3, 4, None, None],
        "4": [1, 3, 3, 5, 1, None],
    }
    table = pd.DataFrame(ranks, dtype="Int64")
    return table.rename_axis("sample_id")


def test_steadiness_by_hand():
    found = steadiness(by_hand(), 2)
    assert found["n_rankings"].tolist() == [4, 4, 4, 4, 3, 0]
    assert found["n_flagged"].tolist() == [4, 2, 1, 0, 2, 0]
    assert found["share"].to_numpy()[:5] == pytest.approx([1, 0.5, 0.25, 0, 2 / 3])
    assert found["n_flips"].tolist() == [0, 3, 2, 0, 2, 0]
    assert found["part"].to_list()[:5] == ["steady", "ambiguous", "ambiguous", "never", "ambiguous"]
    assert found["part"].isna().tolist() == [False] * 5 + [True]
    assert found["mean_rank"].to_numpy()[:2] == pytest.approx([1.25, 2.0])
    assert ambiguous_order(found).tolist() == [1, 4, 2]


def test_counts_by_hand():
    wrong = pd.Series([True, True, None, False, False, True], dtype="boolean")
    table = counts(steadiness(by_hand(), 2), wrong)
    assert table["n_samples"].tolist() == [1, 3, 1]
    assert table["n_known"].tolist() == [1, 2, 1]
    assert table["n_mislabeled"].tolist() == [1, 1, 0]
    assert table.loc["ambiguous", ["low", "high"]].tolist() == pytest.approx(list(wilson(1, 2)))
    by_number = counts(steadiness(by_hand(), 2), wrong, "n_flagged")
    assert by_number["n_samples"].tolist() == [1, 1, 2, 0, 1]
    assert np.isnan(by_number.loc[3, "precision"])


@pytest.mark.parametrize("budget", [0, 7])
def test_budget_out_of_range(budget):
    with pytest.raises(UsageError, match="1 to 6"):
        steadiness(by_hand(), budget)


def test_checkpoints(tmp_path):
    run = noise_run(tmp_path / "run", epochs=11)
    assert checkpoints(run, 3) == [6, 8, 11]
    assert checkpoints(run, 3, since=1) == [1, 6, 11]
    assert checkpoints(run, 100) == [6, 7, 8, 9, 10, 11]
    assert checkpoints(noise_run(tmp_path / "one", epochs=1)) == [1]


def test_ranks_are_those_of_the_scores_up_to_each_epoch(tmp_path):
    run = noise_run(tmp_path / "run")
    ranks = ranks_by_epoch(run, "aum", [2, 5])
    for epoch in (2, 5):
        order = score_table(run, ["aum"], epoch)["aum"].sort_values().index
        assert ranks[str(epoch)].sort_values().index.tolist() == order.tolist()


def test_stability_by_plain_loops(tmp_path):
    run = noise_run(tmp_path / "run")
    at = [1, 3, 6]
    table = rank_stability(run, CRITERIA, at, 10).set_index(["criterion", "epoch"])
    for name in CRITERIA:
        scores = {epoch: score_table(run, [name], epoch)[name] for epoch in at}
        low = name != "last_loss"
        flagged = {e: set(s.sort_values(ascending=low).index[:10]) for e, s in scores.items()}
        for before, epoch in ((1, 3), (3, 6)):
            row = table.loc[(name, epoch)]
            assert row["before"] == before
            expected = scores[epoch].corr(scores[before], method="spearman")
            assert row["rho_before"] == pytest.approx(expected, abs=1e-6)
            assert row["kept_before"] == len(flagged[epoch] & flagged[before]) / 10
            assert row["kept_last"] == len(flagged[epoch] & flagged[6]) / 10
        assert np.isnan(table.loc[(name, 1), "rho_before"])
        assert table.loc[(name, 6), "kept_last"] == 1.0
    assert (table["by_chance"] == 0.25).all()


def test_a_kept_table_is_the_same(tmp_path):
    run = noise_run(tmp_path / "run")
    first = rank_stability(run, CRITERIA, [2, 6], 10)
    assert list((run.folder / "cache").glob("rank-stability*"))
    pd.testing.assert_frame_equal(rank_stability(run, CRITERIA, [2, 6], 10), first)
    assert not rank_stability(run, CRITERIA, [2, 6], 5).equals(first)


def test_rankings_over_seeds_and_epochs(tmp_path):
    a, b = (noise_run(tmp_path / f"seed {seed}", seed=seed) for seed in (0, 1))
    over_seeds = rankings([a, b], "aum", 3)
    assert over_seeds.columns.tolist() == ["seed 0", "seed 1"]
    assert over_seeds["seed 1"].equals(ranks_by_epoch(b, "aum", [6])["6"].rename("seed 1"))
    assert rankings([a], "aum", 3).columns.tolist() == ["3", "4", "6"]
    other = noise_run(tmp_path / "other", seed=2, given=np.arange(40) % 4)
    with pytest.raises(UsageError, match="other samples or given labels"):
        rankings([a, other], "aum", 3)


def test_a_perfect_run_is_steady(tmp_path):
    write_run(tmp_path / "tiny")
    run = RunReader(tmp_path / "tiny")
    table = counts(steadiness(rankings([run], "aum", 3), 6), run.samples()["is_mislabeled"])
    assert table["n_samples"].tolist() == [6, 0, 54]
    assert table.loc["steady", "precision"] == 1.0
    assert table.loc["never", "precision"] == 0.0


def test_what_the_log_lacks_has_no_look(tmp_path):
    write_run(tmp_path / "bare", with_cosine=False)
    run = RunReader(tmp_path / "bare")
    found = steadiness(rankings([run], "hyperspherical_aum", 3), 6)
    assert (found["n_rankings"] == 0).all()
    assert found["part"].isna().all()
    assert counts(found, run.samples()["is_mislabeled"])["n_samples"].sum() == 0
    assert len(ambiguous_order(found)) == 0
    stability = rank_stability(run, ["hyperspherical_aum"], [2, 4], 6)
    assert stability["rho_before"].isna().all()
