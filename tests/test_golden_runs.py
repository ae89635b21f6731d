"""Runs of format 1, written by the version that introduced it and kept as files, open for ever.

`tests/golden/format-1` is a training on 240 digits with cosines, features of two epochs and all
outputs; `format-1-threshold` has threshold samples and keeps the five largest logits.
`expected-scores.parquet` holds every criterion as that version computed it.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashboard.figures import FIGURES
from hmw_core import RunReader, list_runs
from hmw_core.criteria import NAMED
from hmw_core.criteria.compute import compute_scores
from hmw_core.log.threshold_margins import margin_means
from training.config import RunConfig

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def runs(tmp_path) -> Path:
    """A copy, since pages and criteria keep what they compute beside a run."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "runs"))


def test_both_runs_are_listed_and_whole(runs):
    found = [run for run in list_runs(runs) if isinstance(run, RunReader)]
    names = [run.name for run in found]
    assert sorted(names) == ["format-1", "format-1-threshold"]
    for run in found:
        assert run.status == "finished"
        assert run.damage == []
        assert run.epochs() == list(range(1, run.n_epochs + 1))
        assert run.has_images


def test_what_later_versions_added_has_its_old_meaning(runs):
    run = RunReader(runs / "format-1")
    assert "pass" not in run.info
    assert (run.pass_name, run.n_networks, run.network) == ("training", 1, 1)
    assert run.method_columns == {}
    assert run.method_state().empty
    config = RunConfig.from_json(run.info["config"])
    assert (config.method, config.method_args, config.optimizer) == ("standard", {}, "sgd")


def test_the_log_reads_as_it_was_written(runs):
    run = RunReader(runs / "format-1")
    samples = run.samples()
    assert len(samples) == 240
    assert int(samples["is_mislabeled"].sum()) == round(
        run.info["noise"]["mislabeled_fraction"] * 240
    )
    first = run.signals(["loss", "given_logit", "margin", "hm_weight"], sample_id=0)
    assert len(first) == 4
    assert first.notna().all(axis=None)
    outputs = run.outputs(["logits", "cosine"], sample_id=0, epochs=[4])
    assert np.stack(outputs["logits"]).shape == (1, 10)
    assert outputs["logits"][0][samples["given_label"][0]] == pytest.approx(
        first["given_logit"].iloc[-1], abs=2e-3
    )
    assert run.feature_epochs() == [2, 4]
    assert run.features(4).class_vectors.shape == (10, 128)
    assert len(run.images([0, 239])) == 2
    assert run.metrics()["test_accuracy"].notna().all()


def test_every_criterion_has_the_value_that_it_had(runs):
    expected = pd.read_parquet(GOLDEN / "expected-scores.parquet")
    found = compute_scores(RunReader(runs / "format-1"), NAMED)
    assert set(found) >= set(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-9, err_msg=name)


def test_threshold_samples_and_the_largest_logits(runs):
    run = RunReader(runs / "format-1-threshold")
    means = margin_means(run)
    assert int(means["is_threshold"].sum()) == run.info["threshold_samples"]["n"]
    assert run.info["outputs"]["keep"] == "topk"
    assert run.output_columns() == []


@pytest.mark.parametrize(
    "name", ["auroc_by_epoch", "distributions", "weight_histogram", "detection"]
)
def test_figures_have_their_tables(runs, name):
    assert len(FIGURES[name].prepare(RunReader(runs / "format-1")))
