"""The `aum` package: `full_aum_records.csv`, one row a sample and measurement.

It holds the target's and the largest other logit, so margin and prediction are known, and every
criterion made of the margin alone. The loss needs all logits and TKUM a third one: neither can be
had from it, and IAM, which needs TKUM, neither. Measurements are counted for each sample, so the
third one of a sample that missed an epoch is called epoch 3 though it was made later.

AUM's threshold samples have the label C, one past the classes. They are known as such: they have no
score, their class is none of the run's, and the margins over all C + 1 outputs are kept where
`threshold_margins` has those of our own trainings. `other_logit` stays the largest other of all
outputs, as in the records.

Source: Pleiss et al. (NeurIPS 2020); github.com/asappresearch/aum, `AUMRecord`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError
from hmw_core.importers.aum_threshold import is_extra_class, most_seen, what_to_say
from hmw_core.importers.base import (
    ImportedEpoch,
    ImportedLog,
    Importer,
    ImportOptions,
    ThresholdMargins,
    absent,
)
from hmw_core.importers.columns import (
    labels_of,
    numbers_of,
    read_columns,
    sample_names,
)
from hmw_core.importers.files import keys_unless_positions

FILE = "full_aum_records.csv"
COLUMNS = (
    "sample_id",
    "num_measurements",
    "target_logit",
    "target_val",
    "other_logit",
    "other_val",
)
KEEPS = "the aum package keeps only the target's and the largest other logit"
ABSENT = absent("the aum package keeps") | dict.fromkeys(
    ("loss", "confidence", "topk_logit", "logits"), KEEPS
)


def read(source: Path, options: ImportOptions) -> ImportedLog:
    """Read `full_aum_records.csv`, or the folder it lies in."""
    path = source / FILE if source.is_dir() else source
    if source.is_dir() and not path.exists() and (source / "aum_values.csv").exists():
        path = source / "aum_values.csv"
    table = read_columns(path, COLUMNS)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        hint = ""
        if "aum" in table:
            hint = "; `AUMCalculator(save_dir, compressed=False)` writes them to " + FILE
        raise UsageError(f"{path} lacks the column {', '.join(missing)}{hint}")
    if options.labels is not None:
        raise UsageError(f"{path} holds the labels itself, in target_logit; leave --labels out")
    if len(table["sample_id"]) == 0:
        raise UsageError(f"{path} has no row")
    names = sample_names(table["sample_id"], str(path))
    row, ids = pd.factorize(names)
    measurement = labels_of(table["num_measurements"], f"{path}, num_measurements")
    _check_measurements(path, names, measurement)
    target = labels_of(table["target_logit"], f"{path}, target_logit")
    other = labels_of(table["other_logit"], f"{path}, other_logit")
    label = np.full(len(ids), -1)
    label[row] = target
    changed = label[row] != target
    if changed.any():
        first = int(changed.argmax())
        raise UsageError(
            f"{path}: sample {names[first]!r} has the target {target[first]} in one "
            f"measurement and {label[row[first]]} in another; a sample has one given label"
        )
    place, keys = keys_unless_positions(list(ids))
    given_label = np.empty(len(ids), dtype=np.int64)
    given_label[place] = label
    values = {
        name: numbers_of(table[name], f"{path}, {name}") for name in ("target_val", "other_val")
    }

    def margins(number: int) -> np.ndarray:
        now = measurement == number
        margin = np.full(len(ids), np.nan)
        margin[place[row[now]]] = values["target_val"][now] - values["other_val"][now]
        return margin

    n_classes = int(max(target.max(), other.max())) + 1
    wins = values["target_val"] >= values["other_val"]
    n_names = len(options.class_names)
    is_told = n_names == n_classes - 1
    warnings, threshold = [], None
    is_extra = np.zeros(len(ids), dtype=bool)
    if n_names in (0, n_classes - 1) and is_extra_class(target, other, wins, row, is_told):
        n_classes -= 1
        is_extra[place] = label == n_classes
        given_label[place] = np.where(label == n_classes, most_seen(row, other, target), label)
        warnings = [what_to_say(np.flatnonzero(is_extra), n_classes, is_told, options)]
        threshold = ThresholdMargins(is_extra, margins)

    def epochs() -> Iterator[ImportedEpoch]:
        for number in range(1, measurement.max() + 1):
            now = (measurement == number) & ~is_extra[place[row]]
            given, largest = values["target_val"][now], values["other_val"][now]
            # As argmax has it: of two equal logits the class of the smaller number.
            is_given = (given > largest) | ((given == largest) & (target[now] < other[now]))
            columns = {
                "given_logit": given,
                "other_logit": largest,
                "other_label": other[now],
                "predicted_label": np.where(is_given, target[now], other[now]),
            }
            for name in ("other_label", "predicted_label"):  # null where it is the extra class
                label_of = columns[name].astype(np.float64)
                columns[name] = np.where(label_of < n_classes, label_of, np.nan)
            yield ImportedEpoch(place[row[now]], columns)

    return ImportedLog(
        given_label=given_label,
        n_classes=n_classes,
        n_epochs=int(measurement.max()),
        epochs=epochs(),
        absent=ABSENT,
        keys=keys,
        has_all_classes=False,
        warnings=warnings,
        threshold=threshold,
    )


def _check_measurements(path: Path, names: pd.Index, measurement: np.ndarray) -> None:
    """Refuse a sample whose measurements are not 1, 2, 3, ... each once."""
    found = pd.DataFrame({"name": names, "measurement": measurement})
    found = found.sort_values(["name", "measurement"], kind="stable")
    expected = found.groupby("name").cumcount() + 1
    wrong = found[found["measurement"] != expected]
    if len(wrong):
        first = wrong.iloc[0]
        before = expected.loc[wrong.index[0]]
        what = "twice" if first["measurement"] < before else f"but not {before}"
        raise UsageError(
            f"{path}: sample {first['name']!r} has measurement {first['measurement']} {what}; "
            "each must be there once, from 1 on"
        )


AUM = Importer(
    title="The aum package's records",
    reads=f"{FILE}, or the folder it lies in",
    read=read,
)
