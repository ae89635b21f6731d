"""Two runs compared: settings, ranks, and what each flags, against counts done by hand."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.samples import compare
from tests.conftest import N_SAMPLES, write_run


@pytest.fixture
def twins(tmp_path):
    """Two runs on the same samples that differ in their recipe."""
    write_run(tmp_path / "one")
    write_run(tmp_path / "two", recipe="CCE+HMW")
    return RunReader(tmp_path / "one"), RunReader(tmp_path / "two")


def edit(run, **changes):
    path = run.folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return RunReader(run.folder)


def pairs_of(rank_a, rank_b, wrong_a, wrong_b=None):
    """Return `paired_scores` of samples 0, 1, ... from their ranks."""
    return pd.DataFrame(
        {
            "rank_a": pd.array(rank_a, dtype="Int64"),
            "rank_b": pd.array(rank_b, dtype="Int64"),
            "is_mislabeled_a": pd.array(wrong_a, dtype="boolean"),
            "is_mislabeled_b": pd.array(wrong_b or wrong_a, dtype="boolean"),
        }
    ).rename_axis("sample_id")


def test_only_settings_that_differ_are_named(twins):
    one, two = twins
    two = edit(two, config={"epochs": 4, "loss_args": {"q": 0.7}, "run": "x"}, commit="abc")
    one = edit(one, config={"epochs": 9, "run": "y", "runs": "z"}, commit=None)
    found = compare.config_differences([one, two])
    assert found.loc["recipe"].tolist() == ["CCE", "CCE+HMW"]
    assert found.loc["config.epochs"].tolist() == [9, 4]
    assert found.loc["config.loss_args.q"].tolist() == [None, 0.7]
    assert found.loc["commit"].tolist() == [None, "abc"]
    assert set(found.index) == {"recipe", "commit", "config.epochs", "config.loss_args.q"}


def test_what_stands_in_the_config_too_is_named_once(twins):
    config = {"recipe": "CCE", "epochs": 4, "noise": "symmetric", "alpha": 1.0}
    one = edit(twins[0], config=config, noise={"name": "symmetric"})
    config = {"recipe": "SCE", "epochs": 5, "noise": "none", "alpha": 2.0}
    two = edit(twins[1], n_epochs=5, config=config, noise={"name": "none"})
    found = compare.config_differences([one, two])
    assert set(found.index) == {"config.recipe", "config.epochs", "config.noise", "config.alpha"}


def test_a_run_does_not_differ_from_itself(tiny_run):
    assert compare.config_differences([tiny_run, tiny_run]).empty


def test_versions_are_compared_and_three_runs_too(twins):
    one, two = twins
    old = edit(two, versions=two.info["versions"] | {"numpy": "1.0"})
    found = compare.config_differences([one, one, old])
    assert found.loc["versions.numpy"].tolist()[2] == "1.0"
    assert found.columns.tolist() == [0, 1, 2]


def test_other_samples_are_refused_with_the_reason(tiny_run, tmp_path):
    write_run(tmp_path / "blind", pictures=False)
    with pytest.raises(UsageError, match="their pictures differ"):
        compare.paired_scores(tiny_run, RunReader(tmp_path / "blind"))
    writer = RunWriter.create(tmp_path / "few", given_label=[0, 1, 1], n_classes=2, n_epochs=1)
    writer.finish()
    with pytest.raises(UsageError, match="60 samples and 3"):
        compare.check_same_samples(tiny_run, RunReader(tmp_path / "few"))


def test_pairs_hold_both_scores_ranks_and_labels(twins):
    pairs = compare.paired_scores(*twins, "aum")
    assert pairs.index.tolist() == list(range(N_SAMPLES))
    assert pairs["score_a"].tolist() == pairs["score_b"].tolist()
    most = pairs["rank_a"].le(6)
    assert (pairs.index[most] % 10 == 0).all()  # the six mislabeled ones
    assert pairs["score_a"][most].max() < pairs["score_a"][~most].min()  # low AUM is suspicious
    assert pairs["is_mislabeled_a"].sum() == 6


def test_an_epoch_can_be_chosen_and_must_be_there(twins):
    early = compare.paired_scores(*twins, "last_loss", epoch=1)
    late = compare.paired_scores(*twins, "last_loss")
    assert (early["score_a"] != late["score_a"]).any()
    with pytest.raises(UsageError, match="1 to 4, not 9"):
        compare.paired_scores(*twins, epoch=9)
    with pytest.raises(UsageError, match="unknown criterion"):
        compare.paired_scores(*twins, "magic")


def test_a_run_without_an_epoch_is_said(tiny_run, tmp_path):
    writer = write_run(tmp_path / "new", epochs=0, finish=None)
    with pytest.raises(UsageError, match="no finished epoch"):
        compare.paired_scores(tiny_run, RunReader(tmp_path / "new"))
    writer.finish("stopped")


def test_rank_correlation_by_hand():
    one = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0])
    two = pd.Series([2.0, 1.0, 4.0, 3.0, 5.0])  # sum of squared differences of ranks: 4
    found = compare.rank_correlation(one, two)
    assert found.rho == pytest.approx(1 - 6 * 4 / (5 * 24))
    assert found.n == 5
    assert found.low < found.rho < found.high <= 1
    assert compare.rank_correlation(one, -one) == (-1, -1, -1, 5)


def test_rank_correlation_leaves_out_what_has_no_score_and_shares_ties():
    one = pd.Series([1.0, 2.0, np.nan, 3.0, 3.0, 9.0])
    two = pd.Series([5.0, 6.0, 7.0, 7.0, 7.0, np.nan])
    assert compare.rank_correlation(one, two) == (1, 1, 1, 4)


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], [2.0] * 9, []])
def test_rank_correlation_is_nothing_where_nothing_can_be_told(values):
    found = compare.rank_correlation(pd.Series(values), pd.Series(values))
    assert math.isnan(found.rho)
    assert found.n == len(values)


@pytest.mark.parametrize("r", [0.0, 0.6, 0.9])
def test_its_interval_covers_as_often_as_it_says(r):
    rng = np.random.default_rng(3)
    true = 6 / np.pi * np.arcsin(r / 2)  # Spearman's rho of a bivariate normal
    hits = 0
    for _ in range(400):
        one, noise = rng.normal(size=(2, 150))
        two = r * one + np.sqrt(1 - r**2) * noise
        found = compare.rank_correlation(pd.Series(one), pd.Series(two))
        hits += found.low <= true <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_parts_and_their_precision_by_hand():
    pairs = pairs_of(
        [1, 2, 3, 4, 5, None], [4, 1, 2, 3, None, 5], [True, False, True, True, None, None]
    )
    parts = compare.flagged_parts(pairs, 3)
    assert parts["sample_id"].tolist() == [1, 2, 0, 3]
    assert parts["part"].tolist() == ["both", "both", "only A", "only B"]
    counts = compare.part_counts(parts)
    assert counts["n_samples"].tolist() == [2, 1, 1]
    assert counts["n_mislabeled"].tolist() == [1, 1, 1]
    assert counts["precision"].tolist() == [0.5, 1.0, 1.0]
    # Wilson's interval of 1 in 2, worked out apart: 0.0945 to 0.9055.
    assert counts.loc["both", ["low", "high"]].tolist() == pytest.approx([0.0945, 0.9055], abs=1e-4)


def test_a_label_that_was_mended_counts_by_the_run_that_flags_it():
    pairs = pairs_of([1, 2, 3, 4], [1, 4, 2, 3], [True, True, False, False], [False] * 4)
    counts = compare.part_counts(compare.flagged_parts(pairs, 2))
    assert counts["n_mislabeled"].tolist() == [0, 1, 0]  # sample 0 is wrong in A only


def test_unknown_true_labels_give_no_precision():
    pairs = pairs_of([1, 2], [2, 1], [None, None])
    counts = compare.part_counts(compare.flagged_parts(pairs, 1))
    assert counts["n_samples"].tolist() == [0, 1, 1]
    assert counts["n_known"].tolist() == [0, 0, 0]
    assert counts["precision"].isna().all()


def test_samples_without_a_score_are_never_flagged():
    pairs = pairs_of([1, None], [None, None], [True, True])
    assert compare.flagged_parts(pairs, 2)["sample_id"].tolist() == [0]


@pytest.mark.parametrize("budget", [0, -1, 3])
def test_a_budget_out_of_range_is_refused(budget):
    with pytest.raises(UsageError, match="1 to 2"):
        compare.flagged_parts(pairs_of([1, 2], [1, 2], [True, False]), budget)
