"""One epoch's arrays as the Arrow tables of `schema`, and back."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from hmw_core.log.files import open_table
from hmw_core.log.layout import ROW_GROUP
from hmw_core.log.schema import SIGNALS, MethodColumn

N_TOPK = 10  # classes kept by outputs="topk"
HALF_MAX = float(np.finfo(np.float16).max)
LABELS = ["sample_id", "epoch", "given_label", "predicted_label", "other_label"]
SCORES_VERSION = b"hmw_criteria_version"  # key in the metadata of scores/
# Floats of one column resemble each other byte by byte: split that way they pack better. LZ4 is
# a tenth larger than zstd here and reads in half the time, which every page waits for.
SIGNAL_ENCODING = {
    "compression": "lz4",
    "column_encoding": {c.name: "BYTE_STREAM_SPLIT" for c in SIGNALS if c.dtype == "float32"},
    "use_dictionary": LABELS,
}
# Dictionaries and statistics of logits would cost more than all the rest of the file.
OUTPUT_ENCODING = {"use_dictionary": ["epoch"], "write_statistics": ["sample_id", "epoch"]}
# A NaN in these is what the network gave; in every other column it means "not to be had", as
# does a label below 0.
MAY_BE_NAN = ("loss", "given_logit", "other_logit")
ALWAYS_KNOWN = ("sample_id", "epoch", "given_label")  # also of a sample that was not seen


def signal_table(
    epoch: int,
    sample_id: np.ndarray,
    given_label: np.ndarray,
    columns: Mapping[str, np.ndarray],
    missed: np.ndarray,
) -> pa.Table:
    """Return the table of `schema.SIGNALS`, null where a sample was missed.

    A column that `columns` does not have is null throughout.
    """
    known = {"sample_id": sample_id, "epoch": np.full(len(sample_id), epoch)}
    signals = {**columns, **known, "given_label": given_label}
    arrays = {}
    for column in SIGNALS:
        dtype = pa.type_for_alias(column.dtype)
        if column.name not in signals:
            arrays[column.name] = pa.nulls(len(missed), dtype)
            continue
        values = signals[column.name]
        null = None if column.name in ALWAYS_KNOWN else missed
        if values.dtype.kind == "f" and column.name not in MAY_BE_NAN:
            null = missed | np.isnan(values)
        if null is not None and column.dtype == "int32":  # a label handed in as a float may be NaN
            null = null | (values < 0)
            values = np.where(null, 0, values)
        arrays[column.name] = pa.array(values.astype(dtype.to_pandas_dtype()), dtype, mask=null)
    return pa.table(arrays)


def half_outputs(logits: np.ndarray, cosine: np.ndarray | None, keep: str) -> dict[str, np.ndarray]:
    """Return what the log keeps of a batch's outputs.

    Parameters
    ----------
    logits, cosine : (B, C) float, cosine optional
    keep : {"full", "topk", "none"}
        All logits and cosines as float16; the ten largest logits with their classes and the
        log-sum-exp of all; or nothing.
    """
    if keep == "none":
        return {}
    if keep == "full":
        found = {"logits": logits} if cosine is None else {"logits": logits, "cosine": cosine}
        return {name: as_half(values) for name, values in found.items()}
    label = np.argsort(-logits, axis=1, kind="stable")[:, :N_TOPK]
    largest = logits.max(axis=1, keepdims=True)
    shift = np.where(np.isinf(largest), 0, largest)
    with np.errstate(divide="ignore", over="ignore"):  # infinite where the largest logit is
        total = np.log(np.exp(logits - shift).sum(axis=1))
    return {
        "top_label": label.astype(np.int32),
        "top_logit": as_half(np.take_along_axis(logits, label, axis=1)),
        "logsumexp": (shift[:, 0] + total).astype(np.float32),
    }


def output_table(epoch: int, sample_id: np.ndarray, outputs: Mapping[str, np.ndarray]) -> pa.Table:
    """Return the table of `schema.OUTPUT_COLUMNS`, or of the top classes."""
    arrays: dict[str, pa.Array] = {
        "sample_id": pa.array(sample_id.astype(np.int32)),
        "epoch": pa.array(np.full(len(sample_id), epoch, np.int32)),
    }
    for name, values in outputs.items():
        arrays[name] = pa.array(values) if values.ndim == 1 else as_lists(values)
    return pa.table(arrays)


def method_table(
    epoch: int,
    sample_id: np.ndarray,
    columns: Sequence[MethodColumn],
    state: Mapping[str, np.ma.MaskedArray],
) -> pa.Table:
    """Return the table of `schema.METHOD`; a column that was not recorded is null throughout."""
    arrays: dict[str, pa.Array] = {
        "sample_id": pa.array(sample_id.astype(np.int32)),
        "epoch": pa.array(np.full(len(sample_id), epoch, np.int32)),
    }
    for column in columns:
        dtype = pa.bool_() if column.dtype == "bool" else pa.type_for_alias(column.dtype)
        if column.name not in state:
            arrays[column.name] = pa.nulls(len(sample_id), dtype)
            continue
        values = state[column.name]
        plain = values.filled(0).astype(dtype.to_pandas_dtype())
        arrays[column.name] = pa.array(plain, dtype, mask=np.ma.getmaskarray(values))
    return pa.table(arrays)


def as_half(values: np.ndarray) -> np.ndarray:
    """Cast to float16; what would overflow becomes the largest finite value, infinity stays."""
    half = np.clip(values, -HALF_MAX, HALF_MAX).astype(np.float16)
    is_infinite = np.isinf(values)
    if is_infinite.any():
        half[is_infinite] = values[is_infinite]
    return half


def as_lists(values: np.ndarray) -> pa.FixedSizeListArray:
    """Return an (N, D) array as N fixed-size lists."""
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])


def read_rows(
    path: Path, columns: Mapping[str, str], n_rows: int, rows: tuple[int, int] | None
) -> pa.Table:
    """Return columns of a file of `n_rows`: all, or the rows from `rows[0]` to before `rows[1]`.

    Raises
    ------
    DamagedFile
        See `files.open_table`, of which `columns` are.
    """
    with open_table(path, columns, n_rows) as file:
        names, groups = list(columns), file.num_row_groups
        whole = (file.metadata.row_group(i).num_rows == ROW_GROUP for i in range(groups - 1))
        if rows is None or not all(whole):
            table = file.read(columns=names, use_threads=False)
            return table if rows is None else table.slice(rows[0], rows[1] - rows[0])
        start, stop = rows
        first, last = start // ROW_GROUP, max(start, stop - 1) // ROW_GROUP
        table = file.read_row_groups(
            range(first, min(last, groups - 1) + 1), columns=names, use_threads=False
        )
    return table.slice(start - first * ROW_GROUP, stop - start)


def as_matrix(column: pa.ChunkedArray) -> np.ndarray:
    """Return a fixed-size-list column as an (N, D) array."""
    values = column.combine_chunks()
    width = column.type.list_size  # -1 could not be told where there is no row
    return values.flatten().to_numpy(zero_copy_only=False).reshape(len(values), width)


def with_arrays(table: pa.Table, columns: Sequence[str]) -> pd.DataFrame:
    """Return epoch, sample_id, and each list column as float32 arrays (labels as they are)."""
    frame = pd.DataFrame(
        {"epoch": table["epoch"].to_numpy(), "sample_id": table["sample_id"].to_numpy()}
    )
    for name in columns:
        matrix = as_matrix(table[name])
        kind = np.float32 if matrix.dtype.kind == "f" else matrix.dtype
        frame[name] = list(matrix.astype(kind))
    return frame
