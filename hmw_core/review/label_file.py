"""An export of labels as a file: its columns and their kinds, written and read back as it was."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hmw_core.errors import UsageError
from hmw_core.foreign.label_column import truth_values
from hmw_core.log.layout import write_whole
from hmw_core.review.label_codec import FORMATS, decode, encode
from hmw_core.spreadsheet import is_text

LABELS_FORMAT = 1

# Each column of a file of labels: its Arrow type, and what it says.
COLUMNS = {
    "sample_id": (pa.int64(), "row of the training set, 0..N-1; the file is in this order"),
    "source": (pa.string(), "path or key in the data set; empty where there is none"),
    "given_label": (pa.int64(), "label trained on"),
    "given_name": (pa.string(), "its class"),
    "new_label": (
        pa.int64(),
        "label of the standing relabel verdict, else the given one, after merges of classes",
    ),
    "new_name": (pa.string(), "its class, as it was renamed"),
    "changed": (pa.bool_(), "whether the two differ"),
    "verdict": (pa.string(), "keep, relabel, unsure or skip; empty where nobody judged"),
    "reviewer": (pa.string(), "who judged"),
    "time": (pa.string(), "when, UTC"),
    "note": (pa.string(), "what the reviewer wrote"),
    "predicted_label": (pa.int64(), "argmax of the logits in the last epoch used"),
    "predicted_name": (pa.string(), "its class"),
    "score": (pa.float64(), "the criterion's score; empty where it has none"),
    "suspicion_rank": (pa.int64(), "1 for the most suspicious; empty without a score"),
    "label_score": (pa.float64(), "0 for the most suspicious to 1, cleanlab's: lower is worse"),
    "is_label_issue": (pa.bool_(), "whether a person gave it another label"),
    "is_flagged": (pa.bool_(), "whether it is among the first `n_flagged`; empty without a number"),
}
# What a file says of where it came from; in a CSV a column each, the first marks it as ours.
PROVENANCE = (
    "labels_format",
    "run",
    "run_format",
    "fingerprint",
    "criterion",
    "higher_means",
    "criteria_version",
    "first_epoch",
    "last_epoch",
    "n_verdicts",
    "class_changes",
    "n_flagged",
    "exported",
    "program",
    "commit",
)
# What a file of noise says, besides `labels_format`, `run`, `fingerprint`, `exported`, `commit`.
NOISE_PROVENANCE = ("noise", "noise_rate", "data_seed", "labels_sha256")
_NUMBERS = {
    "labels_format", "run_format", "criteria_version", "first_epoch", "last_epoch", "n_verdicts",
    "n_flagged",
}  # fmt: skip


def encode_labels(table: pd.DataFrame, format: str) -> bytes:
    """Return `corrected_labels`' table as the bytes of a file; see `label_codec.encode`.

    Raises
    ------
    UsageError
        If the format is none of `label_codec.FORMATS`.
    """
    return encode(arrow_table(table), table.attrs["provenance"], format)


def arrow_table(table: pd.DataFrame) -> pa.Table:
    """Return `corrected_labels`' table with the types of `COLUMNS`."""
    schema = pa.schema([(name, COLUMNS[name][0]) for name in table.columns])
    return pa.Table.from_pandas(table, schema=schema, preserve_index=False)


def write_labels(path: str | Path, table: pd.DataFrame) -> Path:
    """Write `corrected_labels`' table whole; see `write_file`."""
    return write_file(path, arrow_table(table), table.attrs["provenance"])


def write_file(path: str | Path, table: pa.Table, provenance: Mapping[str, Any]) -> Path:
    """Write a table and where it came from whole; the file's ending says the format.

    Raises
    ------
    UsageError
        If the ending is none of .csv, .parquet, .json, or the file cannot be written.
    """
    file = Path(path)
    format = file.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        endings = ", ".join(f".{known}" for known in FORMATS)
        raise UsageError(f"{file} must end in one of {endings}, which says its format")
    content = encode(table, provenance, format)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, content)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror or error}") from None
    return file


def read_table(path: str | Path) -> pd.DataFrame:
    """Return a file that `write_labels` wrote as the table it was, with its `attrs`.

    Raises
    ------
    UsageError
        If the file is not there, is no such file, or a cell is not of its column's kind.
    """
    name, content = content_of(path)
    arrow, said = decode_labels(content, name)
    missing = [column for column in COLUMNS if column not in arrow.column_names]
    if not said or missing:
        lacks = f"it lacks the columns {', '.join(missing)}" if missing else "it has no provenance"
        raise UsageError(f"{name} is not an export of labels: {lacks}")
    table = typed(arrow, name)
    table.attrs["provenance"] = said
    return table


def typed(table: pa.Table, name: str) -> pd.DataFrame:
    """Return the columns of `COLUMNS`, each of its kind: nullable where it may be null."""
    frame = {}
    for column, (kind, _) in COLUMNS.items():
        values = table[column]
        if pa.types.is_boolean(kind):
            values = truth_values(values, f"{name}: column {column!r}")
        elif is_text(values.type) and not is_text(kind):  # a spreadsheet may quote empty cells
            values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
        try:
            values = values.cast(kind)
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{name}: column {column!r} is not of its kind: {reason}") from None
        if is_text(kind):
            frame[column] = pd.array(values.to_pylist(), dtype="str")
        elif pa.types.is_floating(kind):
            frame[column] = values.to_pandas().to_numpy(np.float64)
        else:
            nullable = "Int64" if pa.types.is_integer(kind) else "boolean"
            frame[column] = pd.array(values.to_pylist(), dtype=nullable)
            if column not in ("predicted_label", "suspicion_rank", "is_flagged"):
                if values.null_count:
                    raise UsageError(f"{name}: column {column!r} has empty cells")
                frame[column] = frame[column].to_numpy(nullable.lower().removesuffix("ean"))
    return pd.DataFrame(frame)


def content_of(path: str | Path) -> tuple[str, bytes]:
    """Return a file's path as text and its bytes, or say why it cannot be read."""
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would be waited for
            raise UsageError(f"{path} cannot be read: it is no file")
        return str(path), Path(path).read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no file of labels at {path}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None


def decode_labels(content: bytes, name: str) -> tuple[pa.Table, dict[str, Any]]:
    """Return a file's table and its provenance, whose numbers are checked."""
    about = (*PROVENANCE, *NOISE_PROVENANCE)
    table, said = decode(content, name, about, {*COLUMNS, *about, "label"})
    for key in _NUMBERS & said.keys():
        try:
            said[key] = None if said[key] in (None, "") else int(said[key])
        except (TypeError, ValueError):
            raise UsageError(f"{name}: {key} is {said[key]!r}, not a whole number") from None
    version = said.get("labels_format")
    if version is not None and version > LABELS_FORMAT:
        raise UsageError(
            f"{name} is of format {version}, newer than this program, which reads up to "
            f"{LABELS_FORMAT}"
        )
    return table, said
