"""The `aum` package: `full_aum_records.csv`, one row a sample and measurement.

It holds the target's and the largest other logit, so margin and prediction are known, and every
criterion made of the margin alone. The loss needs all logits and TKUM a third one: neither can be
had from it, and IAM, which needs TKUM, neither. Measurements are counted for each sample, so the
third one of a sample that missed an epoch is called epoch 3 though it was made later.

Source: Pleiss et al. (NeurIPS 2020); github.com/asappresearch/aum, `AUMRecord`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError
from hmw_core.importers.base import ImportedEpoch, ImportedLog, Importer, ImportOptions, absent
from hmw_core.importers.files import (
    keys_unless_positions,
    labels_of,
    numbers_of,
    read_columns,
    sample_names,
)

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

    def epochs() -> Iterator[ImportedEpoch]:
        for number in range(1, measurement.max() + 1):
            now = measurement == number
            given, largest = values["target_val"][now], values["other_val"][now]
            # As argmax has it: of two equal logits the class of the smaller number.
            wins = (given > largest) | ((given == largest) & (target[now] < other[now]))
            columns = {
                "given_logit": given,
                "other_logit": largest,
                "other_label": other[now],
                "predicted_label": np.where(wins, target[now], other[now]),
            }
            yield ImportedEpoch(place[row[now]], columns)

    return ImportedLog(
        given_label=given_label,
        n_classes=int(max(target.max(), other.max())) + 1,
        n_epochs=int(measurement.max()),
        epochs=epochs(),
        absent=ABSENT,
        keys=keys,
        has_all_classes=False,
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
