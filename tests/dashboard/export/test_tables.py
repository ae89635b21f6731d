"""Tables as CSV, Markdown and LaTeX: what they say, and what hostile cells do not do."""

import csv
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.export.tables import latex, to_latex, to_markdown
from hmw_core.spreadsheet import csv_bytes

TABLE = pd.DataFrame(
    {
        "criterion": ["IAM", "Last loss"],
        "AUROC": [0.87654, float("nan")],
        "difference": ["+0.012", "-0.020"],
        "n": [10, 2000],
    }
)


def test_csv_keeps_every_digit_and_reads_as_the_table():
    read = pd.read_csv(io.BytesIO(csv_bytes(TABLE)))
    assert read["AUROC"][0] == 0.87654
    assert pd.isna(read["AUROC"][1])
    assert read["difference"].tolist() == [0.012, -0.02]  # a number is no formula


def test_csv_guards_cells_titles_and_the_index():
    table = pd.DataFrame({"=cmd|x": ["=1+1", "+SUM(A1)", "-2+3", "@x", "a=b"]}, index=list("=abcd"))
    rows = list(csv.reader(io.StringIO(csv_bytes(table).decode())))
    assert rows[0] == ["", "'=cmd|x"]
    assert [row[1] for row in rows[1:]] == ["'=1+1", "'+SUM(A1)", "'-2+3", "'@x", "a=b"]
    assert rows[1][0] == "'="


BREAKS = ["\r", "\n", "\r\n", "\r\r", "\x0b", "\x0c", "\x85", "\u2028"]


@pytest.mark.parametrize(
    "make", [lambda table: table, pa.Table.from_pandas], ids=["pandas", "arrow"]
)
@pytest.mark.parametrize("line_end", BREAKS)
def test_no_break_in_a_text_begins_a_row(make, line_end):
    formula = f"cat{line_end}=cmd|'/C calc'!A1"
    table = pd.DataFrame({"class": [formula, f"{line_end}=1"], f"n{line_end}=2": [1, 2]})
    written = csv_bytes(make(table)).decode()
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert [len(row) for row in rows] == [2, 2, 2]
    assert rows[1] == [formula, "1"]
    starts = {row[0].removeprefix("'")[:1] for row in rows}
    assert starts <= {"c", line_end[0]}
    if line_end[0] in "\r\n":
        assert rows[2][0] == f"'{line_end}=1"
    read = pd.read_csv(io.StringIO(written, newline=""))
    assert read["class"][0].replace("\r\n", "\n") == formula.replace("\r\n", "\n")
    assert len(read) == 2


def test_csv_of_every_kind_of_column():
    table = pd.DataFrame(
        {
            "whole": pd.array([1, None], dtype="Int64"),
            "truth": [True, False],
            "half": np.array([0.5, np.nan], np.float16),
            "large": [1e22, -np.inf],
            "mixed": [(1, "=x"), None],
            "when": pd.to_datetime(["2024-05-06 07:08:09", None]),
            "text": pd.Categorical(["=x", None]),
        }
    )
    table = pd.concat([table, table["text"]], axis=1)  # two columns of one title
    first, second = csv_bytes(table).decode().splitlines()[1:]
    assert first == """1,true,0.5,1e+22,"(1, '=x')","2024-05-06 07:08:09","'=x","'=x\""""
    assert second == ",false,,-inf,,,,"


def test_markdown_cuts_numbers_and_sets_them_right():
    lines = to_markdown(TABLE, "Two rows.").splitlines()
    assert lines[0] == "Two rows."
    assert lines[3] == "| :--- | ---: | ---: | ---: |"
    assert lines[4] == "| IAM | 0.877 | +0.012 | 10 |"
    assert lines[5] == "| Last loss | – | -0.020 | 2000 |"


def test_markdown_shows_markup_letter_by_letter():
    table = pd.DataFrame({"a|b": ["x|y", "<b>", "two\nlines", "[l](u)", "*s*"]})
    lines = to_markdown(table, "a *b*").splitlines()
    assert lines[0] == r"a \*b\*"
    assert lines[2] == r"| a\|b |"
    assert lines[4:] == [
        r"| x\|y |",
        r"| \<b\> |",
        "| two lines |",
        r"| \[l\](u) |",
        r"| \*s\* |",
    ]


def test_latex_has_a_row_a_line_and_rules():
    text = to_latex(TABLE, "50 % of it")
    assert r"\caption{50 \% of it}" in text
    assert r"\begin{tabular}{lrrr}" in text
    assert r"IAM & 0.877 & +0.012 & 10 \\" in text
    assert r"Last loss & -- & $-$0.020 & 2000 \\" in text
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")


@pytest.mark.parametrize(
    ("given", "set_as"),
    [
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("a_b & 5% $x$ #1", r"a\_b \& 5\% \$x\$ \#1"),
        ("x^2~y", r"x\textasciicircum{}2\textasciitilde{}y"),
        ("0.1 ± 0.2", r"0.1 $\pm$ 0.2"),
        ("two\nlines", "two lines"),
        ("-1", "$-$1"),
    ],
)
def test_latex_sets_text_letter_by_letter(given, set_as):
    assert latex(given) == set_as


def test_latex_row_never_begins_with_an_argument_of_the_line_break():
    text = to_latex(pd.DataFrame({"a": ["[2cm]", "*"]}), "")
    assert r"{}[2cm] \\" in text
    assert r"{}* \\" in text


def test_an_index_that_says_something_is_a_column():
    named = TABLE.set_index("criterion")
    assert to_markdown(named, "").splitlines()[2].startswith("| criterion | AUROC |")
    assert csv_bytes(named).splitlines()[0] == b'"criterion","AUROC","difference","n"'


def test_the_page_shows_the_table_and_offers_three_files():
    def page():
        import pandas as pd

        from dashboard.views.parts.blocks import offer_table

        offer_table(pd.DataFrame({"a": [1]}), "my table", "What: it *says*.")

    shown = AppTest.from_function(page).run()
    assert not shown.exception
    assert shown.dataframe[0].value["a"].tolist() == [1]
    assert shown.caption[0].value == r"What\: it \*says\*."
    assert [button.proto.label for button in shown.get("download_button")] == [
        "CSV",
        "Markdown",
        "LaTeX",
    ]
