"""Samples that aum's users put into a class of their own are known as such; no other class is."""

import numpy as np
import pandas as pd
import pytest

from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import score_of
from hmw_core.errors import UsageError
from hmw_core.importers.base import ImportOptions
from hmw_core.importers.write import import_run
from hmw_core.laboratory.thresholds import find_threshold
from hmw_core.log.threshold_margins import margin_means

N_CLASSES, N, N_EXTRA, EPOCHS = 5, 200, 20, 8


def records() -> tuple[pd.DataFrame, np.ndarray]:
    """Return records of the aum package, and the class that the network sees in each sample.

    The first samples are put into a class of their own, of the label `N_CLASSES`.
    """
    rng = np.random.default_rng(0)
    seen = np.arange(N) % N_CLASSES
    label = np.where(np.arange(N) < N_EXTRA, N_CLASSES, seen)
    tables = []
    for epoch in range(1, EPOCHS + 1):
        logits = rng.normal(size=(N, N_CLASSES + 1)) + 3 * np.eye(N_CLASSES + 1)[seen]
        given_logit = logits[np.arange(N), label]
        logits[np.arange(N), label] = -np.inf
        table = {"sample_id": np.arange(N), "num_measurements": epoch, "target_logit": label}
        table |= {"target_val": given_logit, "other_logit": logits.argmax(axis=1)}
        tables.append(pd.DataFrame(table | {"other_val": logits.max(axis=1)}))
    return pd.concat(tables), seen


@pytest.mark.parametrize("names", [(), tuple("abcde")], ids=["found", "told by the names"])
def test_threshold_samples_have_no_score_and_make_the_threshold(names, tmp_path):
    table, seen = records()
    table.to_csv(tmp_path / "full_aum_records.csv", index=False)
    run = import_run("aum", tmp_path, tmp_path / "run", ImportOptions(class_names=names))
    assert run.n_classes == N_CLASSES
    assert run.info["threshold_samples"] == {"n": 20, "share": 0.1, "seed": None}
    assert run.samples()["given_label"][N_EXTRA:].tolist() == seen[N_EXTRA:].tolist()
    score = score_of(CRITERIA["aum"], run)
    assert score.isna().tolist() == [True] * N_EXTRA + [False] * (N - N_EXTRA)
    own = (table["target_val"] - table["other_val"]).groupby(table["sample_id"]).mean()
    assert score[N_EXTRA:].to_numpy() == pytest.approx(own[N_EXTRA:].to_numpy(), rel=1e-5)
    means = margin_means(run)
    assert means["is_threshold"].tolist() == score.isna().tolist()
    assert means["margin"].to_numpy() == pytest.approx(own.to_numpy(), rel=1e-5)
    cut = find_threshold(run, "aum", "threshold_samples").cut
    assert cut == pytest.approx(np.percentile(own[:N_EXTRA], 99), rel=1e-5)
    (warning,) = run.warnings
    assert "The 20 samples of the label 5 are AUM's threshold samples" in warning.text
    assert warning.sample_id == tuple(range(12))
    assert ("--class-names" in warning.text) == (not names)


def test_their_class_is_null_where_the_network_sees_it_elsewhere(tmp_path):
    table, _ = records()
    table.to_csv(tmp_path / "full_aum_records.csv", index=False)
    run = import_run("aum", tmp_path, tmp_path / "run")
    first = table[(table["num_measurements"] == 1) & (table["target_logit"] < N_CLASSES)]
    found = run.signals(["other_label", "other_logit"], epochs=[1]).set_index("sample_id")
    is_extra = (first["other_logit"] == N_CLASSES).to_numpy()
    assert is_extra.sum() > 10
    assert found["other_label"][N_EXTRA:].isna().tolist() == is_extra.tolist()
    assert found["other_logit"][N_EXTRA:].to_numpy() == pytest.approx(first["other_val"], rel=1e-5)


def test_true_labels_stand_for_those_of_threshold_samples(tmp_path):
    table, seen = records()
    table.to_csv(tmp_path / "full_aum_records.csv", index=False)
    np.save(tmp_path / "true.npy", seen)
    options = ImportOptions(true_labels=tmp_path / "true.npy")
    run = import_run("aum", tmp_path, tmp_path / "run", options)
    assert run.samples()["given_label"].tolist() == seen.tolist()
    assert "their true labels stand there" in run.warnings[0].text


def test_a_forgotten_name_is_not_taken_for_them(tmp_path):
    table, _ = records()
    table = table[table["target_logit"] < N_CLASSES]
    table.assign(other_logit=table["other_logit"] % N_CLASSES).to_csv(
        tmp_path / "r.csv", index=False
    )
    options = ImportOptions(class_names=tuple("abcd"))
    with pytest.raises(UsageError, match="4 class names, but .* has 5 classes"):
        import_run("aum", tmp_path / "r.csv", tmp_path / "run", options)


def is_last(table: pd.DataFrame) -> pd.Series:
    return table["target_logit"] == N_CLASSES


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda t: t, tuple("abcdef")),
        (lambda t: t[~is_last(t) | (t["sample_id"] < 4)], ()),
        (lambda t: t.assign(target_val=t["target_val"] + 4 * is_last(t)), ()),
        (lambda t: t.assign(other_logit=t["other_logit"].mask(is_last(t), 1)), ()),
    ],
    ids=["named as a class", "few", "the network knows them", "all look like one class"],
)
def test_a_last_class_of_the_data_stays_a_class(change, names, tmp_path):
    change(records()[0]).to_csv(tmp_path / "full_aum_records.csv", index=False)
    run = import_run("aum", tmp_path, tmp_path / "run", ImportOptions(class_names=names))
    assert run.n_classes == N_CLASSES + 1
    assert run.info["threshold_samples"] is None
    assert run.warnings == ()
    assert score_of(CRITERIA["aum"], run).notna().all()
