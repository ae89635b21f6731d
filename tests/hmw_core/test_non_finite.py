"""Values that are not finite: one rule in every criterion, mean, weight, rank and log."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import NAMED
from hmw_core.criteria.compute import compute_scores, without_absent
from hmw_core.log.tables import as_half, half_outputs
from hmw_core.margins import HMSettings, hyperspherical_slice, iam_slice, margin, tkum
from hmw_core.objective import signals as by_torch
from hmw_core.objective.weighting.hmw import HMWeighting
from hmw_core.recording.signals import signal_columns

N, C, EPOCHS, BAD, AT = 40, 7, 6, 7, 3
GIVEN = np.random.default_rng(0).integers(0, C, N)
OTHER = (GIVEN[BAD] + 1) % C
INF, NAN = np.inf, np.nan

# What an overflow, a NaN or a mask may leave of one row: which classes get which value.
BROKEN = {
    "other plus infinity": {OTHER: INF},
    "given plus infinity": {GIVEN[BAD]: INF},
    "two plus infinities": {OTHER: INF, GIVEN[BAD]: INF},
    "other NaN": {OTHER: NAN},
    "given NaN": {GIVEN[BAD]: NAN},
    "all NaN": dict.fromkeys(range(C), NAN),
    "all minus infinity": dict.fromkeys(range(C), -INF),
    "given masked": {GIVEN[BAD]: -INF},
    "infinity beside a mask": {OTHER: INF, (OTHER + 1) % C: -INF},
}


def batches(epoch):
    rng = np.random.default_rng(epoch)
    logits = (rng.normal(size=(N, C)) + 2 * np.eye(C)[GIVEN]).astype(np.float32)
    return logits, np.tanh(logits / 3)


def make_run(folder, change=lambda epoch, *arrays: None, skip=(), as_tensor=False, **options):
    """A run whose epochs are changed in place, and in which `skip` (epoch, sample) are missed."""
    arguments = {"given_label": GIVEN, "n_classes": C, "n_epochs": EPOCHS, "outputs": "full"}
    with RunWriter.create(folder, **arguments | options) as log:
        for epoch in range(1, EPOCHS + 1):
            logits, cosine = batches(epoch)
            change(epoch, logits, cosine)
            ids = np.array([i for i in range(N) if (epoch, i) not in skip])
            kind = torch.from_numpy if as_tensor else np.asarray
            log.record(ids, kind(logits[ids]), cosine=kind(cosine[ids]))
            log.end_epoch(epoch)
    return RunReader(folder)


def breaking(values):
    def change(epoch, *arrays):
        if epoch == AT:
            for array in arrays:
                for label, value in values.items():
                    array[BAD, label] = value

    return change


@pytest.fixture(scope="module")
def missed(tmp_path_factory):
    """The scores of a run in which the broken sample was not seen in the broken epoch."""
    run = make_run(tmp_path_factory.mktemp("runs") / "missed", skip={(AT, BAD)})
    criteria = without_absent(NAMED, run)
    return compute_scores(run, criteria, AT), compute_scores(run, criteria, EPOCHS), run


@pytest.mark.parametrize("values", BROKEN.values(), ids=BROKEN)
def test_a_broken_row_counts_as_not_seen_in_every_criterion(values, missed, tmp_path):
    run = make_run(tmp_path / "run", breaking(values))
    criteria = without_absent(NAMED, run)
    assert len(criteria) > 30
    for epoch, expected in zip((AT, EPOCHS), missed, strict=False):
        found = compute_scores(run, criteria, epoch)
        for name in criteria:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, err_msg=name)
    kept = run.scores(EPOCHS, 2)  # what the running sums of the training hold
    for name in kept:
        np.testing.assert_allclose(kept[name], missed[1][name], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("values", BROKEN.values(), ids=BROKEN)
def test_a_broken_row_is_counted_and_said(values, missed, tmp_path):
    run = make_run(tmp_path / "run", breaking(values))
    metrics = run.metrics()
    assert metrics["n_non_finite"].tolist() == [0, 0, 1, 0, 0, 0]
    np.testing.assert_allclose(metrics["train_loss"], missed[2].metrics()["train_loss"], rtol=1e-6)
    (said,) = run.warnings
    assert said.sample_id == (BAD,)
    assert "first in epoch 3, of 1 of 40 samples" in said.text
    groups = run.samples()[["sample_id"]].assign(group="all")
    columns = ["loss", "margin", "tkum", "hm_weight", "confidence"]
    means = [r.mean_signals(columns, groups)[columns] for r in (run, missed[2])]
    np.testing.assert_allclose(means[0], means[1], rtol=1e-6)


def test_the_log_keeps_what_the_network_gave(tmp_path):
    run = make_run(tmp_path / "run", breaking({OTHER: INF}))
    columns = ["given_logit", "other_logit", "predicted_label", "confidence"]
    row = run.signals(columns, sample_id=BAD, epochs=[AT]).iloc[0]
    logits = batches(AT)[0][BAD]
    assert row["given_logit"] == logits[GIVEN[BAD]]
    assert row["other_logit"] == INF
    assert row[["predicted_label", "confidence"]].isna().all()
    kept = run.outputs(["logits"], sample_id=BAD, epochs=[AT])["logits"].iloc[0]
    assert kept[OTHER] == INF


def test_a_resumed_run_says_it_no_second_time(tmp_path):
    make_run(tmp_path / "run", breaking({OTHER: INF}))
    with RunWriter.resume(tmp_path / "run", last_epoch=4) as log:
        logits, _ = batches(5)
        logits[3, 0] = NAN
        log.record(np.arange(N), logits)
        log.end_epoch(5)
    run = RunReader(tmp_path / "run")
    assert run.metrics()["n_non_finite"].tolist() == [0, 0, 1, 0, 1]
    assert len(run.warnings) == 1


def by_hand(row, label, k):
    """AUM and TKUM of the classes that are not masked, by sorting; TKUM None with two left."""
    others = sorted((v for c, v in enumerate(row) if c != label and v > -INF), reverse=True)
    following = others[1 : 1 + k]
    under = others[0] - sum(following) / len(following) if following else None
    return row[label] - others[0], under


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("n_allowed", [2, 3, 4, 7])
def test_masked_classes_are_as_if_they_were_not_there(n_allowed, k):
    rng = np.random.default_rng(n_allowed)
    values = rng.normal(size=(N, C)) / 4
    for row, label in zip(values, GIVEN, strict=True):
        row[(label + np.arange(n_allowed, C)) % C] = -INF
    expected = [by_hand(row, label, k) for row, label in zip(values, GIVEN, strict=True)]
    aum, under = np.array([(m, NAN if u is None else u) for m, u in expected]).T
    np.testing.assert_allclose(margin(values, GIVEN), aum)
    np.testing.assert_allclose(tkum(values, GIVEN, k), under)
    np.testing.assert_allclose(
        iam_slice(values, GIVEN, 2, 3, k), 2 * aum - 3 * np.nan_to_num(under)
    )
    # On the sphere a distance is (1 - cosine) / 2, so margins are half as large and turned.
    sigmoid = 1 / (1 + np.exp(-20 * aum / 2))
    both = sigmoid if n_allowed == 2 else (sigmoid + np.exp(-30 * under / 2)) / 2
    np.testing.assert_allclose(hyperspherical_slice(values, GIVEN, 20, 30, k), both)


def test_criteria_of_a_masked_run(tmp_path):
    """Two of the classes are masked for all samples but theirs, in every epoch."""
    rows = ~np.isin(GIVEN, [0, 1])

    def mask(epoch, logits, cosine):
        logits[:, :2][rows] = -INF

    run = make_run(tmp_path / "run", mask)
    assert run.metrics()["n_non_finite"].tolist() == [0] * EPOCHS
    assert run.warnings == ()
    scores = compute_scores(run, {name: NAMED[name] for name in ("aum", "tkum", "tkum_k5")})
    expected = {1: [], 5: []}
    for epoch in range(1, EPOCHS + 1):
        logits, cosine = batches(epoch)
        mask(epoch, logits, cosine)
        for k, found in expected.items():
            found.append([by_hand(row, label, k) for row, label in zip(logits, GIVEN, strict=True)])
    means = {k: np.mean(found, axis=0) for k, found in expected.items()}
    np.testing.assert_allclose(scores["aum"], means[1][:, 0], rtol=1e-5)
    np.testing.assert_allclose(scores["tkum"], means[1][:, 1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores["tkum_k5"], means[5][:, 1], rtol=1e-2, atol=1e-2)  # float16
    every = compute_scores(run, without_absent(NAMED, run))
    assert np.isfinite(every).all(axis=None)


def test_a_sample_whose_other_classes_are_all_masked_has_a_loss_of_0_and_no_margin(tmp_path):
    def mask(epoch, logits, cosine):
        logits[BAD, np.arange(C) != GIVEN[BAD]] = -INF

    run = make_run(tmp_path / "run", mask)
    names = ("mean_loss", "confidence", "aum", "tkum", "iam")
    scores = compute_scores(run, {name: NAMED[name] for name in names})
    assert scores.loc[BAD, ["mean_loss", "confidence"]].tolist() == [0.0, 1.0]
    assert scores.loc[BAD, ["aum", "tkum", "iam"]].isna().all()
    assert run.metrics()["n_non_finite"].tolist() == [1] * EPOCHS


ODD = [INF, -INF, NAN, 0.0, 1.0]
LARGE = [3e38, -3e38, 70000.0]  # of logits alone: cosines are at most 1


@settings(max_examples=30, deadline=None, database=None)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1), st.data())
def test_both_halves_agree_whatever_the_values(n_classes, seed, data):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, n_classes, 5)
    k = data.draw(st.integers(1, max(1, n_classes - 2)))
    arrays = []
    for scale, odd in ((3.0, st.sampled_from(ODD + LARGE)), (0.5, st.sampled_from(ODD))):
        values = (rng.normal(size=(5, n_classes)) * scale).astype(np.float32)
        for row in range(4):
            place = data.draw(st.lists(st.integers(0, n_classes - 1), max_size=n_classes))
            values[row, place] = data.draw(odd)
        arrays.append(values)
    hm = HMSettings(20.0, 30.0, k)
    expected = signal_columns(*arrays, label, hm)
    tensors = [torch.from_numpy(values) for values in arrays]
    found = by_torch.signal_columns(*tensors, torch.from_numpy(label), hm)
    for name, values in expected.items():
        got = found[name].numpy()
        if name == "other_label":  # of tied classes each names one
            assert (got != label).all()
            values, got = (arrays[0][np.arange(5), labels] for labels in (values, got))
        np.testing.assert_allclose(got, values, rtol=3e-5, atol=1e-6, err_msg=name)
    for keep in ("full", "topk"):
        of_numpy = half_outputs(*arrays, keep)
        of_torch = by_torch.half_outputs(*tensors, keep)
        for name in ("logits", "cosine") if keep == "full" else ("logsumexp",):
            np.testing.assert_allclose(of_torch[name], of_numpy[name], rtol=1e-5, err_msg=name)


def test_half_precision_keeps_infinities_and_no_others():
    kept = as_half(np.array([INF, -INF, NAN, 1e9, -1e9, 1.5]))
    np.testing.assert_array_equal(kept, np.array([INF, -INF, NAN, 65504, -65504, 1.5], np.float16))


@pytest.mark.parametrize("history", ["ca", "uniform_mean", "current"])
@pytest.mark.parametrize("value", [INF, NAN, -INF])
def test_the_running_weight_of_a_training_is_not_poisoned(history, value):
    label, ids = torch.from_numpy(GIVEN), torch.arange(N)
    clean, broken = (HMWeighting(N, EPOCHS, history=history) for _ in range(2))
    others = torch.arange(N) != BAD
    for epoch in range(1, EPOCHS + 1):
        cosine = torch.from_numpy(batches(epoch)[1])
        if epoch in (1, AT):
            cosine[BAD, GIVEN[BAD]] = value
            expected = clean(cosine[others], label[others], ids[others], epoch)
            found = broken(cosine, label, ids, epoch)
            assert torch.equal(found[others], expected)
            assert 0 < found[BAD] <= 1
            assert epoch > 1 or found[BAD] == 1  # no slice so far: as in a warm-up
        else:
            expected, found = (w(cosine, label, ids, epoch) for w in (clean, broken))
            assert torch.equal(found, expected)


def test_a_wide_float_that_overflows_the_log_is_infinite_there(tmp_path):
    with RunWriter.create(tmp_path / "r", given_label=GIVEN, n_classes=C, n_epochs=1) as log:
        logits = batches(1)[0].astype(np.float64)
        logits[BAD] *= 1e300
        log.record(np.arange(N), logits)
        log.end_epoch(1)
    run = RunReader(tmp_path / "r")
    assert run.metrics()["n_non_finite"].tolist() == [1]
    assert np.isnan(compute_scores(run, {"aum": NAMED["aum"]})["aum"][BAD])
