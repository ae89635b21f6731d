"""A sweep written without training, whose means and intervals can be worked out by hand."""

from pathlib import Path

from hmw_core.experiments.sweeps import SWEEP_FORMAT, TRAINING, write_sweep

LAST = {  # (recipe, noise rate) -> last test accuracy of the seeds 0, 1, 2
    ("CCE", 0.2): (0.80, 0.82, 0.84),
    ("CCE", 0.5): (0.50, 0.54, 0.58),
    ("CCE+HMW", 0.2): (0.90, 0.93, 0.93),
    ("CCE+HMW", 0.5): (0.60, 0.60, 0.60),
}


def write_small_sweep(folder: Path, **changes) -> dict:
    """Write a finished sweep of two recipes, two noise rates and three seeds; `changes` win."""
    cells = [{"recipe": recipe, "noise": "symmetric", "noise_rate": rate} for recipe, rate in LAST]
    return write_cells(folder, cells, list(LAST.values()), **changes)


def write_cells(folder: Path, cells, accuracies, n_epochs=4, **changes) -> dict:
    """Write a finished sweep of these cells, whose seeds end at these accuracies."""
    trainings = []
    for seed in range(max(map(len, accuracies))):
        for number, last in enumerate(accuracies):
            if seed >= len(last):
                continue
            by_epoch = [last[seed] / 2] * (n_epochs - 2) + [last[seed] + 0.05, last[seed]]
            trainings.append(
                TRAINING
                | {
                    "run": f"cell={number}-seed={seed}",
                    "cell": number,
                    "seed": seed,
                    "status": "finished",
                    "seconds": 2.0,
                    "mislabeled_fraction": 0.18,
                    "test_accuracy": by_epoch,
                    "auroc": {"iam": 0.9 + 0.01 * seed, "last_loss": 0.8},
                }
            )
    info = {
        "format": SWEEP_FORMAT,
        "name": folder.name,
        "named": None,
        "title": None,
        "notes": [],
        "command": "python -m training sweep small --grid recipe=CCE,CCE+HMW",
        "created": "2026-01-02T03:04:05+00:00",
        "status": "finished",
        "error": None,
        "processes": 1,
        "base": {"epochs": n_epochs, "dataset": "digits"},
        "cells": [
            {
                "fields": fields,
                "departs": {},
                "recipe": fields.get("recipe"),
                "dataset": "digits",
                "noise": fields.get("noise", "none"),
                "noise_rate": fields.get("noise_rate", 0.0),
                "epochs": n_epochs,
                "alpha": fields.get("alpha", 100.0),
                "beta": fields.get("beta", 100.0),
            }
            for fields in cells
        ],
        "seeds": sorted({training["seed"] for training in trainings}),
        "trainings": trainings,
    } | changes
    folder.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_sweep(folder, info)
    return info
