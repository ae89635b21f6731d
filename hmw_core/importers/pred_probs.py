"""Cleanlab's input: `labels` (N,) and `pred_probs` (N, C), as npz or parquet; one epoch.

Confidence (cleanlab's self-confidence), loss and prediction follow from the probabilities. The
logits do not: they are known only up to a constant for each sample, and an ensemble or a forest
never had any, so the margins and what is made of them are absent. cleanlab's own scores are made of
the probabilities, which are kept. There is one epoch, so a mean over the epochs is that epoch.

Source: Northcutt et al. (JAIR 2021), Confident Learning; github.com/cleanlab/cleanlab, `rank.py`.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.importers.base import ImportedEpoch, ImportedLog, Importer, ImportOptions, absent
from hmw_core.importers.columns import (
    check_unique,
    labels_of,
    read_columns,
    read_labels,
    sample_names,
)
from hmw_core.importers.files import keys_unless_positions
from hmw_core.log.schema import RunWarning

PROBABILITIES = "pred_probs"
LABELS = ("labels", "label", "given_label")
FLOAT_16 = 1e-3  # how far the sum of a row in half precision may be from 1
HOLDS = "the file holds probabilities, which fix the logits only up to a constant a sample"
ABSENT = absent("the file holds") | dict.fromkeys(
    ("given_logit", "other_logit", "topk_logit", "logits"), HOLDS
)


def read(source: Path, options: ImportOptions) -> ImportedLog:
    """Read a file of both, or of pred_probs alone with the labels in another."""
    fields = read_columns(source, {PROBABILITIES, "sample_id", *LABELS})
    if PROBABILITIES not in fields:
        raise UsageError(f"{source} lacks {PROBABILITIES}; it has {', '.join(fields) or 'nothing'}")
    probability, warnings = _matrix(fields[PROBABILITIES], source)
    ids, keys = np.arange(len(probability)), None
    if "sample_id" in fields:
        names = sample_names(fields["sample_id"], str(source))
        if len(names) != len(probability):
            raise UsageError(
                f"{source} has {len(names)} sample_id for {len(probability)} rows of "
                f"{PROBABILITIES}"
            )
        check_unique(names, str(source))
        ids, keys = keys_unless_positions(list(names))
    name = next((name for name in LABELS if name in fields), None)
    if (name is None) == (options.labels is None):
        raise UsageError(
            f"{source} holds no labels; name a file of them with --labels"
            if name is None
            else f"{source} holds the labels itself, as {name}; leave --labels out"
        )
    given_label = np.empty(len(probability), dtype=np.int64)
    known = options.class_names, probability.shape[1]
    if options.labels is not None:
        given_label = read_labels(
            options.labels, len(probability), keys, known[0], n_classes=known[1]
        )
    else:
        labels = labels_of(fields[str(name)], f"{source}, {name}", *known)
        if len(labels) != len(probability):
            raise UsageError(
                f"{source} has {len(labels)} labels for {len(probability)} rows of {PROBABILITIES}"
            )
        given_label[ids] = labels
    columns = _columns(probability, given_label[ids])
    return ImportedLog(
        given_label=given_label,
        n_classes=probability.shape[1],
        n_epochs=1,
        epochs=[ImportedEpoch(ids, columns)],
        absent=ABSENT,
        keys=keys,
        warnings=warnings,
    )


def _columns(probability: np.ndarray, given_label: np.ndarray) -> dict[str, np.ndarray]:
    rows = np.arange(len(probability))
    confidence = probability[rows, given_label]
    others = probability.copy()
    others[rows, given_label] = -1
    with np.errstate(divide="ignore"):  # probability 0 is an infinite loss, and stays one
        loss = -np.log(confidence)
    return {
        "probabilities": probability,
        "loss": loss,
        "confidence": confidence,
        "predicted_label": probability.argmax(axis=1),
        "other_label": others.argmax(axis=1),
    }


def _matrix(values: Any, path: Path) -> tuple[np.ndarray, list[RunWarning]]:
    """Return the probabilities as (N, C) float64, and what to say of their rounding.

    Rounded rows do not sum to 1: each value may be wrong by half a unit of its last decimal.
    """
    try:
        rows = values if isinstance(values, np.ndarray) else np.array(values.to_pylist())
        matrix = rows.astype(np.float64, casting="same_kind")
    except (ValueError, TypeError):
        raise UsageError(
            f"{path}: {PROBABILITIES} has rows of different lengths, or other than numbers"
        ) from None
    if matrix.ndim != 2 or matrix.shape[0] == 0 or matrix.shape[1] < 2:
        raise UsageError(
            f"{path}: {PROBABILITIES} must have shape (N, C) with C of 2 or more, "
            f"it has {matrix.shape}"
        )
    if not np.isfinite(matrix).all():
        row = int((~np.isfinite(matrix).all(axis=1)).argmax())
        raise UsageError(
            f"{path}: {PROBABILITIES} of row {row} (counted from 0) are not probabilities: one is "
            "infinite or no number"
        )
    total = matrix.sum(axis=1)
    decimals = _decimals(matrix)
    rounding = 0.0 if decimals is None else 0.5 * matrix.shape[1] / 10**decimals
    far = ~(np.abs(total - 1) <= max(FLOAT_16, rounding)) | ~(matrix >= 0).all(axis=1)
    far |= ~(matrix <= 1 + FLOAT_16).all(axis=1)
    if far.any():
        row = int(far.argmax())
        raise UsageError(
            f"{path}: {PROBABILITIES} of row {row} (counted from 0) are not probabilities that "
            f"sum to 1: they sum to {total[row]:.4g}"
        )
    if (np.abs(total - 1) <= FLOAT_16).all():
        return matrix, []
    text = (
        f"The probabilities are rounded to {decimals} decimals, so that those of a sample sum to "
        f"{total.min():.4g} ... {total.max():.4g}; they are used as they are."
    )
    return matrix, [RunWarning(text)]


def _decimals(matrix: np.ndarray) -> int | None:
    """Return to how many decimals all values are rounded, None where to none of 1 to 6."""
    for decimals in range(1, 7):
        scaled = matrix * 10**decimals
        if (np.abs(scaled - np.round(scaled)) < 0.01).all():  # float32 holds seven digits
            return decimals
    return None


PRED_PROBS = Importer(
    title="Cleanlab's labels and pred_probs",
    reads="npz, parquet, pt or pickle file with labels and pred_probs",
    read=read,
)
