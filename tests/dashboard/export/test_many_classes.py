"""Thousands of classes: nothing is made of classes by classes; what no figure can show is said."""

import resource
from pathlib import Path

import numpy as np
import pytest

from dashboard.export.find import label_of
from dashboard.export.prepared import prepare_figures
from hmw_core import RunReader, RunWriter
from hmw_core.class_limit import MOST_CLASSES
from hmw_core.errors import UsageError
from hmw_core.laboratory.learning_order import learning_table
from hmw_core.noise.measure import measured_noise
from hmw_core.samples.suggestions import suggest, suggested_label

N_CLASSES, N_SAMPLES = 40_000, 600
# Numbers of classes by classes take 12 GiB. Threads reserve addresses, too: 72 MiB each.
MORE_THAN_AT_REST = 6 << 30
MATRICES = ("noise_matrix", "transition", "transition_pattern", "detection_classes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    true = rng.choice(N_CLASSES, N_SAMPLES, replace=False)
    given = np.where(np.arange(N_SAMPLES) % 5 == 0, rng.permutation(true), true)
    folder = tmp_path_factory.mktemp("runs") / "many"
    writer = RunWriter.create(
        folder, given_label=given, true_label=true, n_classes=N_CLASSES, n_epochs=2, outputs="none"
    )
    for epoch in (1, 2):
        for ids in np.array_split(np.arange(N_SAMPLES), 6):
            logits = np.zeros((len(ids), N_CLASSES), np.float32)
            logits[np.arange(len(ids)), true[ids]] = 5
            writer.record(ids, logits)
        writer.end_epoch(epoch)
    writer.finish()
    return folder


@pytest.fixture
def little_memory():
    """Let this process map little more than it does now: an array of C x C fails at once."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not say how much a process has mapped")
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + MORE_THAN_AT_REST
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_every_figure_is_prepared_or_refused_in_a_sentence(folder, little_memory):
    found = prepare_figures([RunReader(folder)], ["all"])
    for name in MATRICES:
        assert "up to 1,000 classes, and there are 40,000" in found.reasons[name]
    assert {"distributions", "detection", "learning_order_curves", "threshold"} <= set(found.tables)


def test_suggestions_hold_what_was_predicted_only(folder, little_memory):
    run = RunReader(folder)
    true, given = (run.samples()[f"{which}_label"] for which in ("true", "given"))
    label = suggested_label(run, range(N_SAMPLES))
    moved = (true != given).to_numpy(bool)
    assert label[moved].tolist() == true[moved].tolist()
    assert label[~moved].isna().all()
    few = suggest(run, [0, 3])
    assert few["label"].tolist() == true[[0, 3]].tolist()
    assert few["share"].tolist() == [1.0, 1.0]


def test_chance_is_of_the_pairs_that_occur(folder, little_memory):
    table = learning_table(RunReader(folder))
    # A mislabeled sample's true class has no other sample: chance is one in all classes.
    assert table["chance"].sum() == pytest.approx(table["seen_mislabeled"].sum() / N_CLASSES)


def test_no_matrix_is_noted_of_so_many_classes(little_memory):
    labels = np.arange(N_CLASSES)
    assert measured_noise(labels, np.roll(labels, 1), N_CLASSES) == {"mislabeled_fraction": 1.0}
    few = measured_noise(np.array([0, 1]), np.array([1, 1]), 2)
    assert few == {"mislabeled_fraction": 0.5, "transition_matrix": [[0.0, 1.0], [0.0, 1.0]]}
    assert "transition_matrix" in measured_noise(labels[:9], labels[:9], MOST_CLASSES)
    assert "transition_matrix" not in measured_noise(labels[:9], labels[:9], MOST_CLASSES + 1)


def test_an_unknown_class_is_not_answered_with_all_of_them(folder):
    run = RunReader(folder)
    assert label_of(run, "39999") == 39_999
    for name in ("x", "40000", "-1", "1.0", "\u0663", "1" * 40, ""):
        with pytest.raises(UsageError, match=f"has no class {name!r}") as caught:
            label_of(run, name)
        assert len(str(caught.value)) < 500
