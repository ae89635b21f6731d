"""Delimited text as people have it, from programs and from spreadsheets, as a table of texts."""

import csv
import io
import re
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from hmw_core.errors import UsageError

SEPARATORS = ",;\t|"
UTF_8, UTF_16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_LOOKED_AT = 1 << 18  # characters that are looked at to find the separator
_DECIMAL_COMMA = r"^\s*[+-]?(\d+(,\d+)?|,\d+)([eE][+-]?\d+)?\s*$|^(?i:[+-]?(nan|inf|infinity))$"


def read_delimited(content: bytes, name: str) -> pa.Table:
    """Return a CSV's table, each column text as it stands there, null where a cell is empty.

    What a spreadsheet makes of a file is undone: a byte order mark, UTF-16, line ends of any kind,
    empty lines and columns, cells that are missing at a line's end, and decimal commas, which
    become points in a column of nothing but numbers where no comma separates the cells. `NA`,
    `null` and the like are texts as any others. The separator is the one of `SEPARATORS` in which
    header and first lines agree.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for messages.

    Returns
    -------
    pyarrow Table
        Columns without a name are left out; two may have the same.

    Raises
    ------
    UsageError
        If it is no text in UTF-8 or UTF-16, is empty, or a line has more cells than the header.
    """
    text = as_text(content, name)
    if not text.strip(f'{SEPARATORS}" \r\n'):
        raise UsageError(f"{name} is empty")
    if text[:4].lower() == "sep=":  # Excel's own way to name it
        first, _, text = text.partition("\n")
        separator = first[4:].strip("\r") or "\t"
    else:
        separator = _separator(text)
    lines = io.StringIO(text, newline="")
    try:
        rows = csv.reader(lines, delimiter=separator)
        names = next((row for row in rows if any(cell.strip() for cell in row)), [])
        table = _table(text[lines.tell() :], separator, [cell.strip() for cell in names], name)
    except (pa.ArrowInvalid, csv.Error, TypeError) as error:  # TypeError: no separator is possible
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"{name} cannot be read as delimited text: {reason}") from None
    table = table.select([i for i, column in enumerate(table.column_names) if column])
    table = _without_empty_rows(table)
    return table if separator == "," else _with_decimal_points(table)


def as_text(content: bytes, name: str) -> str:
    """Return a file's text, in UTF-8 or, where it says so, in UTF-16.

    Raises
    ------
    UsageError
        If it is in another encoding, or no text; the message says how to save it.
    """
    encoding = "utf-16" if content[:2] in UTF_16 else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{name} is not text in UTF-8 (line {line}); save it with the encoding UTF-8, in Excel "
            'as "CSV UTF-8"'
        ) from None
    if re.match(r"\s*[^\r\n]*\0", text):  # further down it may stand in somebody's note
        raise UsageError(f"{name} is not text: it has bytes that are 0; save it as CSV in UTF-8")
    return text


def _separator(text: str) -> str:
    """Return the separator by which most of the first lines have as many cells as the header."""

    def fits(separator: str) -> tuple[int, int]:
        lines = io.StringIO(text[:_LOOKED_AT], newline="")
        try:
            rows = [row for row in islice(csv.reader(lines, delimiter=separator), 20) if any(row)]
        except csv.Error:
            return 0, 0
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows), width) if width > 1 else (0, 0)

    best = max(SEPARATORS, key=fits)
    return best if fits(best) > (0, 0) else "\x1f"  # one column, whose cells may have all of them


def _table(body: str, separator: str, names: list[str], name: str) -> pa.Table:
    width = len(names)
    keys = [str(place) for place in range(width)]  # two columns may have one name
    ragged = []
    if not body.strip():
        return pa.Table.from_arrays([pa.array([], pa.string())] * width, names)
    table = arrow_csv.read_csv(
        pa.BufferReader(body.encode()),
        read_options=arrow_csv.ReadOptions(column_names=keys, block_size=1 << 24),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator,
            newlines_in_values=True,
            invalid_row_handler=lambda row: ragged.append(row) or "skip",  # type: ignore[func-returns-value]
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(keys, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return (_padded(body, separator, names, name) if ragged else table).rename_columns(names)


def _padded(body: str, separator: str, names: list[str], name: str) -> pa.Table:
    """Return the table of lines of several lengths: some programs leave out empty cells at the end.

    Slower than Arrow, and without the difference of an empty cell and an empty text.
    """
    width, rows = len(names), []
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, strict=True)
    for row in reader:
        if any(row[width:]):
            raise UsageError(
                f"{name} has {len(row)} cells in line {reader.line_num} below the header, which "
                f"has {width}"
            )
        rows.append([cell or None for cell in row[:width]] + [None] * (width - len(row)))
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], names)


def _without_empty_rows(table: pa.Table) -> pa.Table:
    """Return the rows that have a value; of a single column, `""` is a row without one."""
    empty = None
    for column in table.columns:
        blank = column.is_null()
        if table.num_columns > 1:
            blank = pc.equal(pc.fill_null(column, ""), "")
        empty = blank if empty is None else pc.and_(empty, blank)
        if not pc.any(empty).as_py():
            return table
    return table if empty is None else table.filter(pc.invert(empty))


def _with_decimal_points(table: pa.Table) -> pa.Table:
    for place, (title, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        if title == "sample_id":  # a name, whatever it looks like
            continue
        given = column.drop_null()
        given = given.filter(pc.not_equal(given, ""))
        if not pc.any(pc.match_substring(given, ",")).as_py():
            continue
        if pc.all(pc.match_substring_regex(given, _DECIMAL_COMMA)).as_py():
            table = table.set_column(place, title, pc.replace_substring(column, ",", "."))
    return table
