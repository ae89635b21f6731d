"""An imported log as a run folder: all of it, or nothing."""

from pathlib import Path
from typing import Any

import numpy as np

from hmw_core.errors import UsageError, pick
from hmw_core.importers import IMPORTERS
from hmw_core.importers.base import ImportedLog, ImportOptions, ThresholdMargins
from hmw_core.importers.columns import read_labels
from hmw_core.log.new_folder import hidden_folder
from hmw_core.log.reader import RunReader
from hmw_core.log.run_json import MOST_CLASSES
from hmw_core.log.threshold_margins import write_margins
from hmw_core.recording.writer import RunWriter


def import_run(
    kind: str, source: Path, folder: Path, options: ImportOptions | None = None
) -> RunReader:
    """Make a run of another program's log.

    Parameters
    ----------
    kind : str
        Name of `IMPORTERS`.
    source : path
        What that importer reads.
    folder : path
        The run folder, which must not exist.
    options : ImportOptions, optional
        Labels, true labels and class names where the source has none.

    Raises
    ------
    UsageError
        If the source cannot be used, or the folder exists or cannot be written. Nothing is left.
    """
    importer = pick(IMPORTERS, kind, "kind of log")
    if folder.exists():
        raise UsageError(f"run folder {folder} exists already; choose another name")
    options = options or ImportOptions()
    if not source.exists():
        raise UsageError(f"there is no {source}; {kind} reads: {importer.reads}")
    log = importer.read(source, options)
    try:
        with hidden_folder(folder.parent) as (aside, _):
            _write(log, aside / folder.name, kind, source, options)
            (aside / folder.name).rename(folder)
    except FileExistsError:
        raise UsageError(f"run folder {folder} exists already; choose another name") from None
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"run folder {folder} cannot be written: {reason}") from None
    return RunReader(folder)


def _write(log: ImportedLog, folder: Path, kind: str, source: Path, options: ImportOptions) -> None:
    n_samples = len(log.given_label)
    true_label = None
    if options.true_labels is not None:
        true_label = read_labels(
            options.true_labels,
            n_samples,
            log.keys,
            options.class_names,
            n_classes=log.n_classes if log.has_all_classes else None,
            may_be_unknown=True,
        )
    given_label, n_classes = log.given_label, log.n_classes
    if log.threshold is not None and true_label is not None:
        knows = log.threshold.is_threshold & (true_label >= 0)
        given_label = np.where(knows, true_label, given_label)
    if not log.has_all_classes:
        true_classes = 0 if true_label is None else int(true_label.max()) + 1
        n_classes = max(n_classes, len(options.class_names), true_classes)
    if n_classes > MOST_CLASSES:  # a broken cell, not a class
        raise UsageError(
            f"{source} has labels up to {n_classes - 1}; at most {MOST_CLASSES:,} are read"
        )
    if options.class_names and len(options.class_names) != n_classes:
        raise UsageError(
            f"{len(options.class_names)} class names, but {source} has {n_classes} classes"
        )
    with RunWriter.create(
        folder,
        given_label=given_label,
        true_label=true_label,
        n_classes=n_classes,
        n_epochs=log.n_epochs,
        class_names=options.class_names or None,
        source=log.keys,
        config={"imported_from": str(source), "kind": kind},
        recipe=f"imported: {kind}",
        dataset_name=source.resolve().stem,
        absent=log.absent,
        warnings=log.warnings,
        threshold_samples=None if log.threshold is None else _about(log.threshold),
    ) as writer:
        for epoch, (sample_id, columns) in enumerate(log.epochs, start=1):
            if "logits" in columns:
                optional = (columns.get(name) for name in ("cosine", "loss", "weight"))
                writer.record(sample_id, columns["logits"], *optional)
            else:
                writer.record_signals(sample_id, **columns)
            if log.threshold is not None:
                is_threshold, margin = log.threshold
                write_margins(folder, epoch, is_threshold, margin(epoch))
            writer.end_epoch(epoch)


def _about(threshold: ThresholdMargins) -> dict[str, Any]:
    n = int(threshold.is_threshold.sum())
    return {"n": n, "share": n / len(threshold.is_threshold), "seed": None}
