"""Delimited text as programs and spreadsheets write it: the same table comes out, or a sentence."""

import csv
import io
import math

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmw_core.errors import UsageError
from hmw_core.foreign.delimited import read_delimited

TABLE = {"sample_id": ["007", "NA", "None", "a,b;c"], "score": ["0.5", "-1.25", "3", "1e-05"]}


def written(**options) -> str:
    return pd.DataFrame(TABLE).to_csv(index=False, quoting=csv.QUOTE_MINIMAL, **options)


def german() -> str:
    return written(sep=";").replace("0.5", "0,5").replace("-1.25", "-1,25")


def padded(text: str, sign: str) -> str:
    """Return what a spreadsheet saves that has empty columns at the right and rows below."""
    lines = [line + 3 * sign for line in text.splitlines()]
    return "\r\n".join([*lines, 4 * sign, 4 * sign, ""])


SAME = {
    "comma": written(),
    "semicolon": written(sep=";"),
    "tab": written(sep="\t"),
    "pipe": written(sep="|"),
    "decimal comma": german(),
    "byte order mark": "\ufeff" + written(),
    "CRLF": written(lineterminator="\r\n"),
    "CR": written(lineterminator="\r"),
    "no line end": written().rstrip("\n"),
    "all quoted": pd.DataFrame(TABLE).to_csv(index=False, quoting=csv.QUOTE_ALL),
    "empty lines": "\n\n" + written().replace("\n", "\n\n"),
    "empty columns and rows": padded(written(), ","),
    "empty columns and rows of a German one": padded(german(), ";"),
    "rows above": ";;\n;;\n" + padded(german(), ";"),
    "separator named": "sep=;\r\n" + written(sep=";"),
    "spaces around the titles": written().replace("sample_id,score", " sample_id , score "),
    "UTF-16": written(sep="\t").encode("utf-16"),
    "UTF-16 of the other order": b"\xfe\xff" + written(sep="\t").encode("utf-16-be"),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_table_comes_out(case):
    content = SAME[case]
    table = read_delimited(content.encode() if isinstance(content, str) else content, "f")
    assert table.to_pydict() == TABLE


def test_a_cell_at_the_end_may_be_missing_and_one_too_many_may_be_empty():
    table = read_delimited(b"a,b,c\n1,2,3\n4\n5,6,7,,\n", "f")
    assert table.to_pydict() == {"a": ["1", "4", "5"], "b": ["2", None, "6"], "c": ["3", None, "7"]}


def test_an_empty_cell_is_null_and_a_quoted_one_an_empty_text():
    assert read_delimited(b'a,b\n1,""\n2,\n', "f").to_pydict() == {"a": ["1", "2"], "b": ["", None]}


def test_one_column_may_hold_every_separator():
    table = read_delimited(b'label\na,b\n""\n"c;d"\n', "f")
    assert table.to_pydict() == {"label": ["a,b", "", "c;d"]}


def test_header_and_lines_agree_on_the_separator():
    table = read_delimited(b"id;label (0,1,2,3)\n5;2\n6;1\n", "f")
    assert table.to_pydict() == {"id": ["5", "6"], "label (0,1,2,3)": ["2", "1"]}


def test_decimal_commas_change_nothing_else():
    content = b"sample_id;word;number\n1,5;1,5 kg;1,5\n2,5;2;nan\n"
    table = read_delimited(content, "f")
    assert table["sample_id"].to_pylist() == ["1,5", "2,5"]
    assert table["word"].to_pylist() == ["1,5 kg", "2"]
    assert table["number"].to_pylist() == ["1.5", "nan"]
    assert math.isnan(float(table["number"][1].as_py()))
    assert read_delimited(b'a,b\n"1,5",2\n', "f")["a"].to_pylist() == ["1,5"]


def test_titles_may_be_double_or_missing():
    table = read_delimited(b"note,,note,x\n1,2,3,4\n", "f")
    assert table.column_names == ["note", "note", "x"]
    assert table.column(1).to_pylist() == ["3"]


def test_a_cell_may_have_lines_and_quotes():
    content = io.StringIO()
    csv.writer(content).writerows([["a\nb", "c"], ['say "x"', "1\n2"]])
    table = read_delimited(content.getvalue().encode(), "f")
    assert table == pa.table({"a\nb": ['say "x"'], "c": ["1\n2"]})


CELLS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["NA", "", "1,5", "a;b", "x\ny", "\r", '"', "'=1", "|", "\t"]
)


@given(
    rows=st.integers(1, 4).flatmap(lambda w: st.lists(st.tuples(*[CELLS] * w), max_size=5)),
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    n_empty=st.integers(0, 2),
)
def test_any_table_comes_back_from_any_dialect(rows, separator, end, encoding, n_empty):
    rows = [("word",) * len(row) for row in rows[:1]] + rows  # so that no column is of numbers
    width = len(rows[0]) if rows else 1
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow([f"column {place}" for place in range(width)] + [""] * n_empty)
    writer.writerows([*row] + [""] * n_empty for row in rows)
    table = read_delimited(file.getvalue().encode(encoding), "f")
    found = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    assert found == [row for row in rows if any(row) or width == 1]


REFUSED = {
    "nothing": (b"", "f is empty"),
    "separators alone": (b";;\n;;\n", "f is empty"),
    "Windows-1252": ("a,b\n1,ä\n".encode("cp1252"), r"not text in UTF-8 \(line 2\); .*UTF-8"),
    "UTF-16 without its mark": ("a,b\n1,2\n".encode("utf-16-le"), "bytes that are 0"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "not text in UTF-8"),
    "too many cells": (b"a,b\n1,2\n1,2,3\n", "3 cells in line 2 below the header, which has 2"),
    "a quote that does not end": (b'a,b\n"x,1\n', "cannot be read as delimited text"),
    "no separator is possible": (b"sep=ab\na,b\n", "cannot be read as delimited text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_with_the_remedy(case):
    content, sentence = REFUSED[case]
    with pytest.raises(UsageError, match=sentence):
        read_delimited(content, "f")
