"""Replayed weights against the log's own, the torch weighting in all its options, and by hand."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.laboratory import hm_replay as playground
from hmw_core.laboratory import weight_measures
from hmw_core.laboratory.hm_replay import (
    Settings,
    logged_settings,
    over_scales,
    replay,
    used_settings,
)
from hmw_core.laboratory.weight_measures import effective_share, measure, starvation
from hmw_core.objective.weighting.hmw import HMWeighting
from tests.conftest import write_run

N, C, E = 40, 6, 5


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A run of random outputs, half of a class unseen in epoch 2; the arrays that were logged."""
    rng = np.random.default_rng(3)
    given = rng.integers(0, C, N)
    # Halves are what outputs/ can hold, so that both roads start at the same numbers.
    cosine = rng.uniform(-1, 1, (E, N, C)).astype(np.float16).astype(np.float32)
    logits = (3 * rng.normal(size=(E, N, C))).astype(np.float16).astype(np.float32)
    seen = np.ones((E, N), dtype=bool)
    seen[1, ::7] = False
    folder = tmp_path_factory.mktemp("runs") / "random"
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=np.where(np.arange(N) % 3 == 0, (given + 1) % C, given),
        n_classes=C,
        n_epochs=E,
        alpha=20.0,
        beta=30.0,
        k=2,
    )
    for epoch in range(E):
        ids = np.flatnonzero(seen[epoch])
        writer.record(ids, logits=logits[epoch][ids], cosine=cosine[epoch][ids])
        writer.end_epoch(epoch + 1)
    writer.finish()
    return RunReader(folder), cosine, seen


def by_torch(run, settings, values, seen, last=E):
    """The weights of the training: whole epochs, each one batch."""
    weighting = HMWeighting(N, E, **asdict(settings))
    label = torch.tensor(run.samples()["given_label"].to_numpy())
    weight = np.full((last, N), np.nan)
    for epoch in range(last):
        ids = torch.from_numpy(np.flatnonzero(seen[epoch]))
        found = weighting(torch.from_numpy(values[epoch])[ids], label[ids], ids, epoch + 1)
        weight[epoch, ids.numpy()] = found
    return weight


def by_sample(found):
    return pd.Series(found.weight, index=found.sample_id).sort_index().to_numpy()


def test_the_runs_own_settings_give_the_logged_weights(logged):
    run = logged[0]
    settings = logged_settings(run)
    assert (settings.alpha, settings.beta, settings.k) == (20.0, 30.0, 2)
    for epoch, stored in run.iterate(["hm_weight"]):
        weight = replay(run, settings, epoch).weight
        np.testing.assert_allclose(weight, stored["hm_weight"], rtol=1e-5)
        assert np.isnan(weight).sum() == (6 if epoch == 2 else 0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"k": 1},
        {"k": 4},
        {"alpha": 0.0, "beta": 0.0},
        {"alpha": 5000.0, "beta": 5000.0},
        {"annealing_start": 0},
        {"warmup_epochs": 3},
        {"warmup_epochs": 9},
        {"history": "uniform_mean"},
        {"history": "current"},
        {"terms": "aum"},
        {"terms": "tkum"},
        {"terms": "tkum", "k": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("last", [2, E])
def test_every_option_gives_what_the_training_would(logged, options, last):
    run, cosine, seen = logged
    settings = Settings(**{"alpha": 20.0, "beta": 30.0, "k": 2} | options)
    expected = by_torch(run, settings, cosine, seen, last)
    found = replay(run, settings, last)
    np.testing.assert_allclose(by_sample(found), expected[-1], rtol=2e-4, atol=1e-30)
    wrong = run.samples()["is_mislabeled"].to_numpy(dtype=bool)
    means = found.by_epoch.pivot(index="epoch", columns="group", values="mean_weight")
    assert list(means.columns) == ["clean", "mislabeled"]
    np.testing.assert_allclose(means["clean"], np.nanmean(expected[:, ~wrong], axis=1), rtol=2e-4)
    np.testing.assert_allclose(means["mislabeled"], np.nanmean(expected[:, wrong], 1), rtol=2e-4)
    shares = [effective_share(row[~np.isnan(row)]) for row in expected]
    np.testing.assert_allclose(found.effective["effective_share"], shares, rtol=2e-4)


@pytest.mark.parametrize("terms", ["both", "aum", "tkum"])
@pytest.mark.parametrize("history", ["ca", "current"])
def test_terms_over_scales_add_up_to_the_weight(logged, terms, history):
    run = logged[0]
    settings = Settings(terms=terms, history=history, k=2)
    scales = (0.0, 7.0, 40.0)
    found, aum_terms, tkum_terms = over_scales(run, settings, 4, scales)
    for a, alpha in enumerate(scales):
        for b, beta in enumerate(scales):
            expected = replay(run, replace(settings, alpha=alpha, beta=beta), 4)
            weight = settings.factor * (aum_terms[a] + tkum_terms[b])
            np.testing.assert_allclose(weight, expected.weight, rtol=1e-5)
    assert (found.sample_id == run.sample_ids()).all()


def test_scales_are_computed_of_a_part_of_many_samples(logged, monkeypatch):
    monkeypatch.setattr(playground, "GRID_SAMPLES", 11)
    found, aum_terms, _ = over_scales(logged[0], Settings(k=2), None, (1.0,))
    assert len(found.sample_id) == aum_terms.shape[1] == 11
    assert set(found.sample_id) < set(range(N))


def test_a_log_too_large_is_replayed_in_part(logged, monkeypatch):
    run = RunReader(logged[0].folder)
    everyone = replay(run, Settings(k=2))
    monkeypatch.setattr(playground, "MOST_VALUES", 10 * E + 3)
    some = replay(RunReader(run.folder), Settings(k=2))
    assert len(some.sample_id) == 10
    whole = pd.Series(everyone.weight, index=everyone.sample_id)
    np.testing.assert_array_equal(some.weight, whole.loc[some.sample_id])


def test_two_classes_have_the_aum_term_alone(tmp_path):
    rng = np.random.default_rng(0)
    given = np.arange(10) % 2
    writer = RunWriter.create(tmp_path / "two", given_label=given, n_classes=2, n_epochs=1)
    cosine = rng.uniform(-1, 1, (10, 2))
    writer.record(np.arange(10), logits=rng.normal(size=(10, 2)), cosine=cosine)
    writer.end_epoch(1)
    writer.finish()
    run = RunReader(tmp_path / "two")
    assert logged_settings(run).terms == "aum"
    (_, stored) = next(run.iterate(["hm_weight"]))
    found = replay(run, logged_settings(run))
    np.testing.assert_allclose(found.weight, stored["hm_weight"], rtol=1e-5)
    assert set(found.by_epoch["group"]) == {"unknown"}
    with pytest.raises(UsageError, match="need 3 classes"):
        replay(run, Settings())


def test_a_log_without_cosines_says_so(tmp_path):
    write_run(tmp_path / "bare", with_cosine=False)
    run = RunReader(tmp_path / "bare")
    with pytest.raises(UsageError, match="holds no cosines to the class vectors"):
        replay(run, Settings())


def test_another_k_needs_the_outputs_of_every_epoch(tmp_path):
    rng = np.random.default_rng(0)
    writer = RunWriter.create(
        tmp_path / "no", given_label=[0, 1, 2, 3], n_classes=4, n_epochs=1, outputs="none"
    )
    writer.record(np.arange(4), logits=rng.normal(size=(4, 4)), cosine=rng.uniform(-1, 1, (4, 4)))
    writer.end_epoch(1)
    writer.finish()
    run = RunReader(tmp_path / "no")
    assert len(replay(run, Settings()).weight) == 4
    assert len(replay(run, Settings(k=2, terms="aum")).weight) == 4  # no TKUM, so no k
    with pytest.raises(UsageError, match=r"k = 2 needs the outputs of every epoch.*own k is 1"):
        replay(run, Settings(k=2))


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": -1.0},
        {"beta": np.nan},
        {"alpha": np.inf},
        {"warmup_epochs": -1},
        {"k": 5},
        {"annealing_start": 2},
        {"history": "mean"},
        {"terms": "none"},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(logged, options):
    with pytest.raises(UsageError):
        replay(logged[0], Settings(**options))


def test_what_a_training_used_is_read_from_its_configuration(logged):
    run = logged[0]
    assert used_settings(run) is None
    reader = RunReader(run.folder)
    reader.info["config"] = {
        "weighting": "hmw",
        "weighting_args": {"terms": "aum"},
        **{"alpha": 3.0, "beta": 4.0, "k": 1, "annealing_start": 0, "warmup_epochs": 2},
    }
    assert used_settings(reader) == Settings(
        alpha=3.0, beta=4.0, annealing_start=0, warmup_epochs=2, terms="aum"
    )
    reader.info["config"]["weighting_args"] = {"space": "logits"}  # an option of earlier versions
    assert used_settings(reader) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"weighting_args": 7},
        {"weighting_args": {"history": {}}},
        {"weighting_args": {"newer": 1}},
        {"alpha": "x"},
        {"k": None},
        {"warmup_epochs": "many"},
        {"annealing_start": True},
    ],
)
def test_a_configuration_of_somebody_else_is_none(logged, odd):
    reader = RunReader(logged[0].folder if isinstance(logged, tuple) else logged.folder)
    own = {"weighting": "hmw", "weighting_args": {}, "warmup_epochs": 0}
    whole = own | {"alpha": 1.0, "beta": 1.0, "k": 1, "annealing_start": 1}
    reader.info["config"] = whole
    assert used_settings(reader) == Settings(alpha=1.0, beta=1.0)
    reader.info["config"] = whole | odd
    assert used_settings(reader) is None
    del whole["weighting_args"]
    reader.info["config"] = whole
    assert used_settings(reader) is None


def test_measures_worked_out_by_hand():
    found = measure(
        np.array([1.0, 0.5, 0.5, 0.0, np.nan]),
        pd.Series([False, False, True, True, False], dtype="boolean"),
        np.array([0, 0, 1, 1, 1]),
    )
    assert (found.n_samples, found.n_left_out, found.n_clean, found.n_mislabeled) == (4, 1, 2, 2)
    assert (found.mean, found.mean_clean, found.mean_mislabeled) == (0.5, 0.75, 0.25)
    assert found.effective_share == pytest.approx(2.0**2 / (4 * 1.5))
    assert found.effective_share_clean == pytest.approx(1.5**2 / (2 * 1.25))
    assert (found.mislabeled_fraction, found.weight_share_mislabeled) == (0.5, 0.25)
    assert found.near_zero_clean == 0.0
    assert found.auroc == pytest.approx(3.5 / 4)
    assert found.by_class["mean"].tolist() == [0.75, 0.25]
    assert found.by_class["weight_share"].tolist() == [0.75, 0.25]
    assert found.by_class["sample_share"].tolist() == [0.5, 0.5]
    assert found.by_class["weight_share_mislabeled"].tolist() == [0.0, 1.0]


def what(weight, wrong, label):
    found = measure(np.array(weight), pd.Series(wrong, dtype="boolean"), np.array(label))
    return [warned.what for warned in starvation(found, ["a", "b"])], found


def test_fair_weights_are_not_warned_of():
    label = [0, 1] * 20
    wrong = [i % 4 == 3 for i in range(40)]
    assert what(np.where(wrong, 0.1, 0.8), wrong, label)[0] == []
    assert what(np.full(40, 0.75), wrong, label)[0] == []  # AUROC 0.5 is no warning


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (np.tile([0.3, 0.3, 0.1, 0.1], 10), ["mean"]),
        (np.r_[1.0, 1.0, np.full(38, 0.05)], ["mean", "effective"]),
        (np.tile([0.2, 0.9, 0.1, 0.1], 10), ["class"]),
        (np.tile([0.6, 0.6, 0.9, 0.9], 10), ["upside down"]),
    ],
)
def test_each_warning(weight, expected):
    wrong = [False, False, True, True] * 10
    got, _ = what(weight, wrong, [0, 1] * 20)
    assert got == expected


def test_without_true_labels_the_warnings_are_about_all_samples():
    got, found = what(np.tile([0.1, 0.5], 20), [None] * 40, [0, 1] * 20)
    assert got == ["mean", "class"]
    assert np.isnan(found.auroc)
    assert np.isnan(found.weight_share_mislabeled)
    sentence = starvation(found, ["a", "b"])[0].sentence
    assert "no true label is known" in sentence
    assert "0.30" in sentence


def test_the_rules_say_their_numbers():
    assert f"{weight_measures.LOW_MEAN:.2f}" in weight_measures.RULES
    assert "rules of thumb" in weight_measures.RULES
