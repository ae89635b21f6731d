"""Fixtures: small runs written through RunWriter, as a training would."""

import os
from pathlib import Path

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.experiments.proof import ARMS, PROOF_FORMAT, write_proof
from hmw_core.log.schema import MethodColumn, MethodMetric
from hmw_core.processes import PASSIVE

os.environ.setdefault(*PASSIVE)  # before any test loads torch: tests run side by side, too

# Of a method that keeps groups and flags, and that is no criterion.
METHOD_STATE = (
    MethodColumn("picked", "", "true or false", "whether it was trained on", dtype="bool"),
    MethodColumn("group", "", "", "what became of it", dtype="int32",
                 categories=("kept", "dropped")),
    MethodColumn("method_label", "class", "0 to 4", "what it would train on", dtype="int32"),
)  # fmt: skip
METHOD_METRICS = (MethodMetric("theta", "", "share of the largest mean"),)
N_SAMPLES, N_CLASSES, N_EPOCHS, N_FEATURES = 60, 5, 4, 8


def write_run(
    folder: Path,
    *,
    known: bool = True,
    epochs: int = N_EPOCHS,
    finish: str | None = "finished",
    pictures: bool = True,
    with_cosine: bool = True,
    class_names: list[str] | None = None,
    recipe: str = "CCE",
    proof: bool = True,
    method: bool = False,
) -> RunWriter:
    """Write a run in which every criterion separates the mislabeled samples perfectly.

    A sample's features lie near its true class's vector; sample_id % 10 == 0 are mislabeled
    (given = true + 1), and the clean ones with sample_id % 10 == 5 are hard (nearer the middle).
    With `method` the log also has what a method keeps that drops the mislabeled from epoch 2 on.
    """
    rng = np.random.default_rng(0)
    true = np.arange(N_SAMPLES) % N_CLASSES
    given = np.where(np.arange(N_SAMPLES) % 10 == 0, (true + 1) % N_CLASSES, true)
    hard = np.arange(N_SAMPLES) % 10 == 5
    vectors = np.eye(N_CLASSES, N_FEATURES, dtype=np.float32)
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=true if known else None,
        n_classes=N_CLASSES,
        n_epochs=N_EPOCHS,
        class_names=class_names,
        images=rng.integers(0, 256, (N_SAMPLES, 8, 8), dtype=np.uint8) if pictures else None,
        recipe=recipe,
        dataset_name="tiny",
        noise={
            "name": "symmetric",
            "rate": 0.1,
            "mislabeled_fraction": float((given != true).mean()) if known else None,
            "transition_matrix": None,
        },
        seed=0,
        alpha=1.0,
        beta=1.0,
        method_state=METHOD_STATE if method else (),
        method_metrics=METHOD_METRICS if method else (),
    )
    if method:
        facts = {"transition_matrix": np.full((N_CLASSES, N_CLASSES), 1 / N_CLASSES).tolist()}
        writer.note_facts(facts | {"condition_number": 7.0, "transition_from": "estimated"})
    for epoch in range(1, epochs + 1):
        strength = np.where(hard, 0.4, 1.0) * (0.5 + 0.5 * epoch / N_EPOCHS)
        noise = rng.normal(0, 0.02, (N_SAMPLES, N_FEATURES))
        features = vectors[true] * strength[:, None] + 0.3 + noise
        norms = np.linalg.norm(features, axis=1, keepdims=True)
        cosine = (features @ vectors.T) / norms
        dropped = (given != true) & (epoch > 1)
        state = {
            "picked": ~dropped,
            "group": dropped,
            "method_label": np.where(dropped, true, given),
        }
        for batch in np.array_split(rng.permutation(N_SAMPLES), 3):
            writer.record(
                batch,
                state={n: v[batch] for n, v in state.items()} if method else None,
                logits=4 * features[batch] @ vectors.T,
                cosine=cosine[batch] if with_cosine else None,
                weight=np.ones(len(batch)),
            )
        writer.end_epoch(
            epoch,
            test_accuracy=0.5 + 0.1 * epoch,
            learning_rate=0.02,
            seconds=0.5,
            samples_per_second=N_SAMPLES / 0.5,
            **(
                {"theta": 1 - epoch / 10, "stage": "warm-up" if epoch < 2 else "pick"}
                if method
                else {}
            ),
        )
        if epoch == epochs:
            writer.flush()
            writer.log_features(epoch, features, vectors)
    if proof and epochs:
        write_small_proof(folder / "proofs" / "labels-0")
    if finish:
        writer.finish(finish, None if finish == "finished" else "stopped by the test")
    return writer


# Test accuracies of three seeds whose means and intervals can be worked out by hand.
PROVEN = {
    "original": (0.60, 0.62, 0.64),
    "corrected": (0.80, 0.81, 0.85),
    "suspects_dropped": (0.70, 0.71, 0.72),
    "random_dropped": (0.50, 0.70, 0.60),
}


def write_small_proof(folder: Path, n_seeds: int = 3, **changes) -> dict:
    """Write a proof of `PROVEN` without training, and return its `proof.json`; `changes` win."""
    dropped = {"suspects_dropped": 6, "random_dropped": 6}
    info = {
        "format": PROOF_FORMAT,
        "created": "2026-01-02T03:04:05+00:00",
        "status": "finished",
        "error": None,
        "labels": {"file": "labels.csv", "n_changed": 6, "n_suspects": 6},
        "n_test": 100,
        "test_labels_are_true": True,
        "config": {"epochs": N_EPOCHS},
        "config_changes": {},
        "seeds": list(range(1, n_seeds + 1)),
        "arms": {
            arm: {
                "n_samples": N_SAMPLES - dropped.get(arm, 0),
                "n_changed": 6 if arm == "corrected" else 0,
                "n_dropped": dropped.get(arm, 0),
            }
            for arm in ARMS
        },
        "notes": [],
        "trainings": [
            {
                "arm": arm,
                "seed": seed,
                "n_samples": N_SAMPLES - dropped.get(arm, 0),
                "mislabeled_fraction": 0.1 if arm == "original" else 0.0,
                "test_accuracy": PROVEN[arm][seed - 1],
                "seconds": 2.0,
            }
            for seed in range(1, n_seeds + 1)
            for arm in ARMS
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_proof(folder, info | changes)
    return info | changes


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """A finished run with everything in it; read-only, shared by the tests."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    write_run(folder)
    return folder


@pytest.fixture
def tiny_run(tiny_folder) -> RunReader:
    """The reader of `tiny_folder`."""
    return RunReader(tiny_folder)


@pytest.fixture(scope="session")
def unknown_folder(tmp_path_factory) -> Path:
    """The same run with unknown true labels, as real data has them."""
    folder = tmp_path_factory.mktemp("runs") / "unknown"
    write_run(folder, known=False)
    return folder


@pytest.fixture
def unknown_run(unknown_folder) -> RunReader:
    """The reader of `unknown_folder`."""
    return RunReader(unknown_folder)
