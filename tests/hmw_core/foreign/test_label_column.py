"""Label columns as pandas, numpy, Arrow and Hugging Face write them: labels, or one sentence."""

import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hmw_core.errors import UsageError
from hmw_core.foreign.label_column import FALSE, TRUE, label_column, truth_values

WORDS = ["dog", "cat", "dog", "fox"]
ONE_HOT = np.eye(3)[[1, 0, 1, 2]]

NUMBERS = {  # all of them are 1, 0, 1, 2
    "list": [1, 0, 1, 2],
    "int8": np.array([1, 0, 1, 2], np.int8),
    "uint64": np.array([1, 0, 1, 2], np.uint64),
    "float": np.array([1.0, 0.0, 1.0, 2.0]),
    "float16": np.array([1, 0, 1, 2], np.float16),
    "Int64": pd.Series([1, 0, 1, 2], dtype="Int64", index=[7, 5, 3, 1]),
    "decimals": pa.array([decimal.Decimal(f"{n}.00") for n in (1, 0, 1, 2)]),
    "objects": np.array([1, 0, 1, 2], object),
    "categories of numbers": pd.Series([1, 0, 1, 2], dtype="category"),
    "big endian": np.array([1, 0, 1, 2], ">i4"),
    "text": ["1", " 0", "1.0", "+2"],
    "column": np.array([[1], [0], [1], [2]]),
    "lists of one": pa.array([[1], [0], [1], [2]]),
    "one-hot": ONE_HOT,
    "one-hot of truth values": ONE_HOT.astype(bool),
    "one-hot of int8": ONE_HOT.astype(np.int8),
    "lists": pa.array(ONE_HOT.tolist()),
    "lists of one length": pa.array(ONE_HOT.tolist(), pa.list_(pa.float64(), 3)),
    "chunks": pa.chunked_array([[1, 0], [1, 2]]),
}
TEXTS = {
    "list": WORDS,
    "numpy": np.array(WORDS),
    "bytes": np.array(WORDS).astype("S"),
    "StringDType": np.array(WORDS, np.dtypes.StringDType()),
    "objects": np.array(WORDS, object),
    "pandas": pd.Series(WORDS, dtype="str"),
    "pandas of Arrow": pd.Series(WORDS, dtype=pd.ArrowDtype(pa.string())),
    "categories": pd.Series(WORDS, dtype="category"),
    "string view": pa.array(WORDS, pa.string_view()),
    "large string": pa.array(WORDS, pa.large_string()),
    "binary": pa.array([word.encode() for word in WORDS]),
    "dictionaries": pa.chunked_array(
        [pa.array(WORDS[:2]).dictionary_encode(), pa.array(WORDS[2:]).dictionary_encode()]
    ),
    "column": np.array(WORDS)[:, None],
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_stay_as_they_are(case):
    found = label_column(NUMBERS[case], "it")
    assert found.label.tolist() == [1, 0, 1, 2]
    assert found.label.dtype == np.int64
    assert found.words is None


@pytest.mark.parametrize("case", TEXTS)
def test_words_are_classes_in_alphabetical_order_or_in_the_one_given(case):
    found = label_column(TEXTS[case], "it")
    assert found.label.tolist() == [1, 0, 1, 2]
    assert found.words == ["cat", "dog", "fox"]
    given = label_column(TEXTS[case], "it", class_names=["fox", "eel", "dog", "cat"])
    assert given.label.tolist() == [2, 3, 2, 0]


def test_categories_that_no_sample_has_are_no_classes():
    values = pd.Categorical(["b", "a"], categories=["z", "b", "a"], ordered=True)
    assert label_column(values, "it").words == ["a", "b"]


@pytest.mark.parametrize(
    "values",
    [
        [True, False],
        np.array([[True], [False]]),
        pd.Series([True, False], dtype="boolean"),
        ["True", "False"],
        ["WAHR", "falsch"],
        ["VRAI", "FAUX"],
        ["1", "0"],
    ],
)
def test_truth_values_are_one_and_zero(values):
    assert label_column(values, "it").label.tolist() == [1, 0]


def test_words_for_truth_are_classes_where_they_are_called_so():
    assert label_column(["true", "false"], "it", class_names=["true", "false"]).label.tolist() == (
        [0, 1]
    )
    assert label_column(["10", "9"], "it", digits_are_words=True).words == ["10", "9"]


@pytest.mark.parametrize(
    "values",
    [
        [0, None, -1, -100],
        [0.0, np.nan, -1.0, -100.0],
        ["0", "", "-1", "-100"],
        np.ma.array([0, 5, -1, -100], mask=[0, 1, 0, 0]),
        pd.Series([0, None, -1, -100], dtype="Int64"),
    ],
    ids=str,
)
def test_what_is_unknown_is_minus_one_or_refused(values):
    found = label_column(values, "it", may_be_unknown=True)
    assert found.label.tolist() == [0, -1, -1, -1]
    with pytest.raises(UsageError, match=r"the label of sample 1 .* is empty"):
        label_column(values, "it")


def test_unknown_words():
    found = label_column(["cat", None, ""], "it", class_names=["dog", "cat"], may_be_unknown=True)
    assert found.label.tolist() == [1, -1, -1]
    assert label_column(["cat", ""], "it", class_names=["", "cat"]).label.tolist() == [1, 0]
    assert label_column(pa.nulls(2), "it", may_be_unknown=True).label.tolist() == [-1, -1]


REFUSED = {
    "a fraction": ([0, 0.5], "sample 1 .* is 0.5, not a whole number from 0 on"),
    "infinity": ([0, np.inf], "is inf, not a whole number"),
    "negative": ([0, -3], "is -3, not a whole number"),
    "minus one": ([0, -1], "is -1, .* means that there is none; leave such samples out"),
    "PyTorch's": ([0, -100], "is -100, .* means that there is none"),
    "too large": (np.array([2**63], np.uint64), "values of several types"),
    "soft labels": (np.full((2, 2), 0.5), r"row 0 .* is not one-hot"),
    "two ones": (np.array([[1, 0], [1, 1]]), r"row 1 .* is not one-hot"),
    "no one": (np.array([[0, 0], [1, 0]]), r"row 0 .* is not one-hot"),
    "a row of words": (np.array([["a", "b"]]), r"the shape \(1, 2\)"),
    "three axes": (np.zeros((2, 2, 2)), r"the shape \(2, 2, 2\)"),
    "a number": (np.array(3), r"the shape \(\)"),
    "lists of two lengths": (pa.array([[0], [1, 0]]), "several types, rows of different lengths"),
    "mixed": (np.array([0, "a"], object), "values of several types"),
    "objects": (np.array([{}, {}], object), "numbers and words"),
    "records": (pa.array([{"a": 1}]), "it has values of"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), "values of the type date32"),
    "complex": (np.array([1j]), "numbers and words"),
    "bytes that are no text": (np.array([b"\xff"]), "numbers and words"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_in_one_sentence(case):
    values, sentence = REFUSED[case]
    with pytest.raises(UsageError, match=sentence) as refusal:
        label_column(values, "it")
    assert "\n" not in str(refusal.value)


def test_labels_beyond_the_classes_are_refused_with_the_remedy():
    with pytest.raises(UsageError, match=r"sample 2 .* is 3, .* they seem to count from 1"):
        label_column([1, 2, 3], "it", n_classes=3)
    with pytest.raises(UsageError, match=r"is 3, but there are 3 classes, 0..2$"):
        label_column([0, 3], "it", class_names=["a", "b", "c"])
    with pytest.raises(UsageError, match=r"sample 1 .* is 'cow', which is no class; known: 'cat'"):
        label_column(["cat", "cow"], "it", class_names=["cat"])


def test_truth_in_the_words_of_spreadsheets():
    words = [*FALSE.upper().split(), *TRUE.upper().split()]
    found = truth_values(pa.array([*words, None, ""]), "it").to_pylist()
    assert found == [False] * len(FALSE.split()) + [True] * len(TRUE.split()) + [None, None]
    assert truth_values(pa.array([1, 0, None]), "it").to_pylist() == [True, False, None]
    for bad in (["yes?"], [2], [0.5]):
        with pytest.raises(UsageError, match="it must hold true and false"):
            truth_values(pa.array(bad), "it")
