"""A column of labels as pandas, numpy, Arrow and people write it, as whole numbers from 0 on."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hmw_core.errors import UsageError

UNKNOWN = (-1, -100)  # what data sets and PyTorch's losses write where there is no label
ACCEPTED = "accepted is a whole number or a word a sample, or one-hot rows"
# What spreadsheets write for false and true in the languages that translate it.
FALSE = (
    "0 false falsch faux falso onwaar falsk falskt usann epätosi fałsz nepravda hamis yanliş fals "
    "ложь хибність ψευδησ"
)
TRUE = (
    "1 true wahr vrai verdadero vero verdadeiro waar sand sant sann tosi prawda pravda igaz doğru "
    "adevărat cert истина істина αληθησ"
)
_TRUTHS = dict.fromkeys(FALSE.split(), 0) | dict.fromkeys(TRUE.split(), 1)
_WHOLE = r"^\s*[+-]?\d{1,15}(\.0*)?\s*$"


class LabelColumn(NamedTuple):
    """Labels as `label_column` found them."""

    label: np.ndarray
    """(N,), int64; -1 where unknown."""
    words: list[str] | None
    """The classes, where it holds words: in alphabetical order, or as `class_names`."""


def label_column(
    values: Any,
    where: str,
    *,
    class_names: Sequence[str] | None = None,
    n_classes: int | None = None,
    may_be_unknown: bool = False,
    digits_are_words: bool = False,
    sample: Callable[[int], str] = lambda row: f"sample {row} (counted from 0)",
) -> LabelColumn:
    """Return a column's labels: numbers as they are, words as the numbers of their classes.

    Read are whole numbers of any type (2.0 is 2), truth values (0 and 1), words, categories, bytes
    in UTF-8; each of these as (N, 1); and one-hot rows (N, C).

    Parameters
    ----------
    values : array-like of shape (N,), (N, 1) or (N, C)
        Of numpy, pandas or Arrow.
    where : str
        What and where it is, for messages.
    class_names : sequence of str, optional
        What words mean, in the order of the classes. Default: the words found are the classes.
    n_classes : int, optional
        Of numbers. Default: as many as `class_names`, or any.
    may_be_unknown : bool
        Whether an empty label, -1 and -100 become -1; else they are refused.
    digits_are_words : bool
        Whether texts such as "7" are names of classes, or numbers.
    sample : callable
        Names the sample of a row, for messages.

    Raises
    ------
    UsageError
        If it is none of these, or a label is missing, negative, a fraction, or no class.
    """
    column = _flat(values, where)

    def wrong(row: int, what: str) -> UsageError:
        value = column[row].as_py()
        shown = repr(value) if numbers is None else f"{value}".strip()
        found = "is empty" if value is None else f"is {shown}, {what}"
        return UsageError(f"{where}: the label of {sample(row)} {found}")

    if pa.types.is_string(column.type):
        if class_names is None or "" not in class_names:
            column = _empty_as_null(column)
        numbers = None if digits_are_words else _numbers_of_text(column, class_names)
        if numbers is None:
            label, words = _of_words(column, class_names)
            unknown = column.is_valid().to_numpy(False) & (label < 0)
            if unknown.any():
                shown = ", ".join(map(repr, words[:10])) + (" ..." if len(words) > 10 else "")
                raise wrong(int(unknown.argmax()), f"which is no class; known: {shown}")
            if (label < 0).any() and not may_be_unknown:
                raise wrong(int((label < 0).argmax()), "")
            return LabelColumn(label, words)
    else:
        numbers = column
    number = numbers.to_numpy(False).astype(np.float64)
    is_empty = np.isnan(number)
    number[is_empty] = -1
    is_unknown = np.isin(number, UNKNOWN)
    lowest = -1 if may_be_unknown else 0
    bad = (number != np.floor(number)) | (np.abs(number) > 2**53)
    bad |= (number < 0) & ~(is_unknown & may_be_unknown)
    if bad.any():
        row = int(bad.argmax())
        why = f"not a whole number from {lowest} on"
        if is_unknown[row]:
            why += ", and means that there is none; leave such samples out"
        raise wrong(row, why)
    number[is_unknown] = -1
    label = number.astype(np.int64)
    known = n_classes or len(class_names or ())
    if known and len(label) and label.max() >= known:
        first = int((label >= known).argmax())
        why = f"but there are {known} classes, 0..{known - 1}"
        if label.max() == known and not (label == 0).any():
            why += "; they seem to count from 1, so subtract 1 from each"
        raise wrong(first, why)
    return LabelColumn(label, None)


def truth_values(column: Any, where: str) -> pa.Array:
    """Return a column of truth values, in words of any usual language, as bool; null where empty.

    Raises
    ------
    UsageError
        If it holds anything else.
    """
    flat: pa.Array | None = _flat(column, where)
    if flat is not None and pa.types.is_string(flat.type):
        flat = _truths_of_text(_empty_as_null(flat))
    if flat is None or not np.isin(flat.drop_null().to_numpy(False), (0, 1)).all():
        raise UsageError(f"{where} must hold true and false")
    return flat.cast(pa.bool_())


def _flat(values: Any, where: str) -> pa.Array:
    """Return a column of shape (N,) as float64, int64 or text, null where it is empty."""
    try:
        column = _as_arrow(values, where)
        column.validate(full=True)  # of a damaged file
        if isinstance(column, pa.DictionaryArray):
            column = column.dictionary_decode()
        kind = column.type
        if isinstance(kind, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
            column = _as_arrow(np.array(column.to_pylist()), where)
            kind = column.type
        if pa.types.is_null(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind):
            return column.cast(pa.float64())
        if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            return column.cast(pa.int64())
        if not pa.types.is_temporal(kind):
            return column.cast(pa.string())
        why = f"values of the type {kind}"
    except UsageError:
        raise
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        why = "values of several types, rows of different lengths, or other than numbers and words"
    raise UsageError(f"{where} has {why}; {ACCEPTED}")


def _as_arrow(values: Any, where: str) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            values = _one_a_row(values, where)
        if values.dtype.kind in "ST":  # Arrow takes neither bytes of one length nor StringDType
            values = values.astype(object)
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
    return values if isinstance(values, pa.Array) else pa.Array.from_pandas(values)


def _one_a_row(matrix: np.ndarray, where: str) -> np.ndarray:
    """Return the labels of rows (N, 1), or of one-hot rows (N, C)."""
    if matrix.ndim == 2 and matrix.shape[1] == 1:
        return matrix[:, 0]
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
        raise UsageError(f"{where} has the shape {matrix.shape}; {ACCEPTED}")
    is_one = matrix == 1
    wrong = (is_one.sum(axis=1) != 1) | ~(is_one | (matrix == 0)).all(axis=1)
    if wrong.any():
        raise UsageError(
            f"{where} has the shape {matrix.shape}, but row {int(wrong.argmax())} (counted from 0) "
            f"is not one-hot (a single 1, else 0); {ACCEPTED}"
        )
    return is_one.argmax(axis=1)


def _empty_as_null(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _numbers_of_text(column: pa.Array, class_names: Sequence[str] | None) -> pa.Array | None:
    """Return texts of whole numbers, or of truth values that are no classes, as int64."""
    if pc.all(pc.match_substring_regex(column, _WHOLE)).as_py() in (True, None):
        whole = pc.replace_substring_regex(pc.utf8_trim_whitespace(column), r"\.0*$", "")
        return pc.replace_substring_regex(whole, r"^\+", "").cast(pa.int64())
    if class_names is None or not pc.any(pc.is_in(column, pa.array(class_names))).as_py():
        return _truths_of_text(column)
    return None


def _truths_of_text(column: pa.Array) -> pa.Array | None:
    """Return the words for true and false as 1 and 0, None where there are others."""
    encoded = column.dictionary_encode()
    words = [_TRUTHS.get(word.strip().casefold()) for word in encoded.dictionary.to_pylist()]
    return None if None in words else pa.array(words, pa.int64()).take(encoded.indices)


def _of_words(column: pa.Array, class_names: Sequence[str] | None) -> tuple[np.ndarray, list[str]]:
    """Return the class of each word, -1 where it is empty or no class, and the classes."""
    encoded = column.dictionary_encode()
    found = encoded.dictionary.to_pylist()
    words = sorted(found) if class_names is None else list(class_names)
    place = {word: label for label, word in reversed(list(enumerate(words)))}
    of_code = pa.array([place.get(word, -1) for word in found], pa.int64())
    return pc.fill_null(of_code.take(encoded.indices), -1).to_numpy(False), words
