"""A run in one line: what the overview says about it."""

from typing import Any

import numpy as np
import pandas as pd

from dashboard.drawing.text import mid_sentence, three_digits
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.weight_measures import measure, starvation
from hmw_core.log.reader import RunReader

NBSP = "\u00a0"  # no line ends between a number and its unit


def summary(run: RunReader) -> dict[str, Any]:
    """Return the overview's row of a run; an unknown value is None.

    Shares and accuracies are in per cent, AUROCs in [0, 1], of the last whole epoch unless `best`.
    """
    metrics = run.metrics()
    noise = run.info.get("noise") or {}
    test = 100 * metrics["test_accuracy"].dropna()
    share = mislabeled_share(run)
    return {
        "run": run.name,
        "status": run.status,
        "recipe": run.info.get("recipe"),
        "dataset": run.info["dataset"]["name"],
        "n_samples": run.n_samples,
        "noise": noise_text(noise),
        "mislabeled_fraction": None if share is None else 100 * share,
        "last_epoch": run.last_epoch,
        "n_epochs": run.n_epochs,
        "last_test_accuracy": float(test.iloc[-1]) if len(test) else None,
        "best_test_accuracy": float(test.max()) if len(test) else None,
        "auroc_last_loss": _last(metrics, "auroc_last_loss"),
        "auroc_iam": _last(metrics, "auroc_iam"),
        "auroc_own": own_auroc(run, metrics),
    }


def own_auroc(run: RunReader, metrics: pd.DataFrame) -> str | None:
    """Return which of the columns of the run's method finds the mislabeled best, and its AUROC.

    It is that of the last epoch with one, as the log has it; None where nobody knows.
    """
    found = {
        name: value
        for name, column in run.method_columns.items()
        if column.higher_means is not None
        and (value := _last(metrics, f"auroc_{name}")) is not None
    }
    if not found:
        return None
    best = max(found, key=lambda name: found[name])
    return f"{mid_sentence(title_of(best))} {three_digits(found[best])}"


def notes_of(run: RunReader) -> list[str]:
    """Return what went wrong with a run, what its data are warned of, and whom its weights starve.

    Raises
    ------
    UsageError
        If a file of the last epoch is damaged.
    """
    error = [run.error] if run.error else []
    return [*error, *run.damage, *(warning.text for warning in run.warnings), *starved(run)]


def starved(run: RunReader) -> list[str]:
    """Return why the weights of the last epoch may starve clean samples, a sentence a reason.

    It is known from the first weighted epoch on, so a running training can still be stopped.
    """
    if not run.last_epoch:
        return []
    weight = run.epoch_columns(run.last_epoch, ["weight"])["weight"]
    if np.isnan(weight).all() or np.nanmin(weight) == np.nanmax(weight):
        return []  # nothing is weighted, or not yet
    samples = run.samples().loc[run.sample_ids()]
    found = measure(weight, samples["is_mislabeled"], samples["given_label"].to_numpy())
    whose = f"The weights of epoch {run.last_epoch} may starve the training: "
    return [whose + warned.sentence for warned in starvation(found, run.class_names)]


def description(run: RunReader) -> str:
    """Return a run in a few words: recipe, data, noise, epochs."""
    name = run.info["dataset"]["name"]
    noise = run.info.get("noise") or {}
    share = mislabeled_share(run)
    parts = [
        run.info.get("recipe"),
        ", ".join([*([name] if name else []), f"{run.n_samples:,} samples"]),
        noise_text(noise),
        "true labels unknown" if share is None else f"{100 * share:.1f}{NBSP}% mislabeled",
        f"{run.last_epoch} of {run.n_epochs} epochs, {run.status}",
    ]
    return " · ".join(part for part in parts if part)


def mislabeled_share(run: RunReader) -> float | None:
    """Return the share of wrong given labels in [0, 1], None unless all true labels are known."""
    share = (run.info.get("noise") or {}).get("mislabeled_fraction")
    if share is None and run.has_true_label:
        share = float(run.samples()["is_mislabeled"].mean())
    return share


def noise_text(noise: dict[str, Any]) -> str | None:
    """Return a noise as one reads it, such as `symmetric 50 %`.

    That none was added does not say that the labels are right: data may come with wrong ones.
    """
    name, rate = noise.get("name"), noise.get("rate")
    if not name:
        return None
    if name in ("none", "human"):
        return "no noise added" if name == "none" else "human labels"
    return f"{name} {100 * rate:g}{NBSP}%" if rate else name


def _last(metrics: pd.DataFrame, column: str) -> float | None:
    if column not in metrics or metrics[column].isna().all():
        return None
    return float(metrics[column].dropna().iloc[-1])
