"""samples.parquet, read and checked, and what every other file may say of samples and classes."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hmw_core.log.files import DamagedFile, naming, open_table, read_table
from hmw_core.log.schema import SAMPLES, types_of
from hmw_core.log.tables import ALWAYS_KNOWN

LABELS = ("given_label", "true_label", "predicted_label", "other_label", "class_label")
MOST_ROWS_A_BYTE = 8  # a sample's id alone takes more than a bit, however well it is packed


def limits_of(n_samples: int, n_classes: int) -> dict[str, int]:
    """Return below which number a column of samples or classes ends; all begin at 0."""
    samples = dict.fromkeys(("sample_id", "other_id"), n_samples)
    return dict.fromkeys(LABELS, n_classes) | samples


def check_numbers(
    path: Path, table: pa.Table, limits: Mapping[str, int], known: Collection[str] = ALWAYS_KNOWN
) -> None:
    """Refuse numbers of classes and samples beyond `limits`, and nulls in `known`.

    Raises
    ------
    DamagedFile
        If the table of this file has some.
    """
    with naming(path):
        for name in limits.keys() & set(table.column_names):
            ends = pc.min_max(table[name]).as_py()
            is_outside = not 0 <= (ends["min"] or 0) <= (ends["max"] or 0) < limits[name]
            if is_outside or (name in known and table[name].null_count):
                raise ValueError(f"its {name} is not in 0..{limits[name] - 1} throughout")


def read_samples(folder: Path, limits: Mapping[str, int]) -> pd.DataFrame:
    """Return sample_id, given_label, true_label, source, is_mislabeled; row = sample_id.

    Raises
    ------
    DamagedFile
        If the file is missing, of another size, or has labels beyond the `limits`.
    """
    n_samples = limits["sample_id"]
    path = folder / "samples.parquet"
    with open_table(path, types_of(SAMPLES), n_rows=n_samples):
        if n_samples > MOST_ROWS_A_BYTE * path.stat().st_size:
            raise DamagedFile(path, "is damaged: it is too small for as many samples")
    table = read_table(path, types_of(SAMPLES))
    check_numbers(path, table, limits)
    ids = np.arange(n_samples)
    if not np.array_equal(table["sample_id"].to_numpy(), ids):
        raise DamagedFile(path, "is damaged: its sample_id does not count from 0")
    samples = pd.DataFrame(
        {
            "sample_id": ids,
            "given_label": table["given_label"].to_numpy().astype(np.int64),
            "true_label": pd.array(table["true_label"].to_pandas(), dtype="Int64"),
            "source": table["source"].to_pandas(),
        }
    )
    samples["is_mislabeled"] = samples["given_label"].ne(samples["true_label"])
    samples["is_mislabeled"] = samples["is_mislabeled"].astype("boolean")
    return samples
