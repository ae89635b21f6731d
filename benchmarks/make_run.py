"""Write a large run through RunWriter, with simulated training dynamics, to measure readers on.

The numbers are made up, so nothing here says anything about a criterion; shapes, sizes and files
are those of a real run: 50,000 samples x 10 classes x 250 epochs by default.
"""

from pathlib import Path

import numpy as np

from hmw_core import RunWriter

N_FEATURES = 128


def write_run(folder: Path, n_samples: int, n_classes: int, n_epochs: int, seed: int = 0) -> None:
    """Write the run; 50 % symmetric noise, fitted true labels first and given labels later."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, n_classes, n_samples)
    given = np.where(rng.random(n_samples) < 0.5, rng.integers(0, n_classes, n_samples), true)
    images = rng.integers(0, 256, (n_samples, 8, 8, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    vectors = rng.normal(size=(n_classes, N_FEATURES)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ease = rng.beta(4, 2, n_samples).astype(np.float32)
    rows = np.arange(n_samples)
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=true,
        n_classes=n_classes,
        n_epochs=n_epochs,
        images=images,
        recipe="CCE",
        dataset_name="simulated",
        noise={
            "name": "symmetric",
            "rate": 0.5,
            "mislabeled_fraction": float((given != true).mean()),
            "transition_matrix": None,
        },
        seed=seed,
    )
    with writer:
        for epoch in range(1, n_epochs + 1):
            done = epoch / n_epochs
            cosine = rng.normal(0, 0.08, (n_samples, n_classes)).astype(np.float32)
            cosine[rows, true] += ease * min(1.0, 4 * done) * (1 - 0.6 * done)
            cosine[rows, given] += ease * 0.8 * done**2
            np.clip(cosine, -1, 1, out=cosine)
            for batch in np.array_split(rng.permutation(n_samples), 20):
                writer.record(
                    batch,
                    logits=12 * cosine[batch],
                    cosine=cosine[batch],
                    weight=np.ones(len(batch), np.float32),
                )
            writer.end_epoch(
                epoch,
                test_accuracy=0.9 - 0.4 * done,
                learning_rate=0.02,
                seconds=10.0,
                samples_per_second=n_samples / 10,
            )
        writer.flush()
        strength = cosine[rows, given][:, None]
        features = vectors[given] * strength + vectors[true] * (1 - strength)
        features = features + rng.normal(0, 0.08, features.shape)
        writer.log_features(n_epochs, features.astype(np.float32), vectors)
