"""A Parquet file with a column of encoded pictures and columns of labels."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hmw_core.errors import UsageError
from training.config import RunConfig
from training.data.datasets.base import Dataset, Split
from training.data.pictures import Images, load_pictures


def parquet(config: RunConfig) -> Dataset:
    """Parquet file (--data) with encoded pictures and labels, whole numbers or words.

    Class names come from the schema's metadata `class_names` (joined by commas), from the words,
    or are the numbers. The test file (--test-data) is read with the true-label column where it
    has one, else with the label column.
    """
    if config.data is None:
        raise UsageError("--dataset parquet needs --data FILE")
    path = Path(config.data)
    file = _open(path)
    label_columns = [config.label_column]
    label_columns += [c for c in (config.true_label_column, config.noise_column) if c is not None]
    table = _read(file, path, [config.image_column, *label_columns])
    names = _class_names(file.schema_arrow, table, label_columns)
    labels = {c: _labels(table[c], names, f"column {c!r} of {path}") for c in label_columns}
    _check_classes(labels, len(names), path)
    true_label = labels.get(config.true_label_column or "")
    train = Split(
        _images(table, path, config),
        labels[config.label_column],
        _sources(path, len(table)),
        true_label=true_label,
        human_label=labels.get(config.noise_column or ""),
    )
    test = None if config.test_data is None else _test_split(Path(config.test_data), names, config)
    return Dataset(names, train, test, augment="crop_flip")


def _test_split(path: Path, names: list[str], config: RunConfig) -> Split:
    file = _open(path)
    column = config.true_label_column
    if column is None or column not in file.schema_arrow.names:
        column = config.label_column
    table = _read(file, path, [config.image_column, column])
    label = _labels(table[column], names, f"column {column!r} of {path}")
    return Split(_images(table, path, config), label, _sources(path, len(table)))


def _open(path: Path) -> pq.ParquetFile:
    if not path.is_file():
        raise UsageError(f"data file {path} does not exist")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UsageError(f"data file {path} is not a readable Parquet file: {error}") from None


def _read(file: pq.ParquetFile, path: Path, columns: list[str]) -> pa.Table:
    present = file.schema_arrow.names
    missing = [column for column in columns if column not in present]
    if missing:
        raise UsageError(f"{path} has no column {missing[0]!r}; it has {', '.join(present)}")
    if file.metadata.num_rows == 0:
        raise UsageError(f"data file {path} has no rows")
    try:
        return file.read(columns=list(dict.fromkeys(columns)))
    except (pa.ArrowInvalid, OSError) as error:
        raise UsageError(f"data file {path} is damaged: {error}") from None


def _class_names(schema: pa.Schema, table: pa.Table, columns: list[str]) -> list[str]:
    words = [c for c in columns if _is_text(table[c].type)]
    if words:
        return sorted(
            {str(v) for c in words for v in table[c].unique().to_pylist() if v is not None}
        )
    stored = (schema.metadata or {}).get(b"class_names")
    if stored:
        return stored.decode("utf-8").split(",")
    whole = [table[c].to_numpy() for c in columns if pa.types.is_integer(table[c].type)]
    largest = max((int(values.max()) for values in whole if values.dtype.kind in "iu"), default=0)
    return [str(label) for label in range(min(largest, len(table)) + 1)]


def _labels(column: pa.ChunkedArray, names: list[str], where: str) -> np.ndarray:
    if column.null_count:
        raise UsageError(f"{where} has {column.null_count} empty labels; each row needs one")
    if _is_text(column.type):
        ids = {name: label for label, name in enumerate(names)}
        values = column.to_pylist()
        unknown = next((v for v in values if v not in ids), None)
        if unknown is not None:
            raise UsageError(f"{where} has the class {unknown!r}; known: {', '.join(names)}")
        return np.asarray([ids[v] for v in values], dtype=np.int64)
    if not pa.types.is_integer(column.type):
        raise UsageError(f"{where} must hold whole numbers or words, not {column.type}")
    label = column.to_numpy().astype(np.int64)
    if label.min() < 0 or label.max() >= len(names):
        raise UsageError(
            f"{where} has labels {label.min()}..{label.max()}; accepted is 0..{len(names) - 1}"
        )
    return label


def _check_classes(labels: dict[str, np.ndarray], n_classes: int, path: Path) -> None:
    if n_classes < 2:
        columns = ", ".join(labels)
        raise UsageError(f"{path} has one class only in {columns}; training needs 2 or more")


def _images(table: pa.Table, path: Path, config: RunConfig) -> Images:
    column = table[config.image_column]
    if pa.types.is_struct(column.type) and "bytes" in column.type.names:
        column = pa.chunked_array([chunk.field("bytes") for chunk in column.chunks])
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        raise UsageError(
            f"column {config.image_column!r} of {path} must hold encoded pictures as bytes, "
            f"not {column.type}"
        )
    if column.null_count:
        raise UsageError(f"column {config.image_column!r} of {path} has rows without a picture")
    return load_pictures(column.to_pylist(), _sources(path, len(column)), config.image_size)


def _sources(path: Path, n_rows: int) -> list[str]:
    return [f"{path.name}#{row}" for row in range(n_rows)]


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
