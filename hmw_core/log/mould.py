"""Parquet files that differ in their numbers alone: encoded once, then filled in again."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# Nothing whose place or length depends on the numbers.
PLAIN = {
    "compression": "none",
    "use_dictionary": False,
    "write_statistics": False,
    "data_page_size": 1 << 30,
}


class ParquetMould:
    """One row group of plain numbers without nulls, and where each column's lie in the file.

    Small epochs follow each other in milliseconds, and encoding the same schema again takes most
    of one. The encoder is Arrow's all the same: it makes the file once, and what is found in it
    at the place of each column must be that column's numbers.
    """

    def __init__(self, content: bytearray, columns: dict[str, np.ndarray]) -> None:
        self.content = content
        self.columns = columns
        """Views of `content`, in the type and shape of the table's columns."""

    @classmethod
    def of(cls, table: pa.Table) -> "ParquetMould | None":
        """Return the mould of tables like this.

        None where a column is neither numbers nor fixed-size lists of them, where there are nulls
        or no rows, or where Arrow lays the file out otherwise than expected.
        """
        if not len(table) or not all(_is_numbers(column.type) for column in table.schema):
            return None
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, row_group_size=len(table), **PLAIN)
        content = bytearray(sink.getvalue())
        metadata = pq.read_metadata(pa.BufferReader(content))
        columns = {}
        for position, name in enumerate(table.column_names):
            values = table[name].combine_chunks()
            shape: tuple[int, ...] = (len(values),)
            if pa.types.is_fixed_size_list(values.type):
                shape = (len(values), values.type.list_size)
                values = values.flatten()
            if values.null_count or len(values) != np.prod(shape):
                return None
            numbers = values.to_numpy()
            chunk = metadata.row_group(0).column(position)
            # A column's numbers are the last of its only page.
            end = chunk.data_page_offset + chunk.total_compressed_size
            found = content[end - numbers.nbytes : end]
            if chunk.has_dictionary_page or found != numbers.tobytes():
                return None
            view = np.frombuffer(content, numbers.dtype, len(numbers), end - numbers.nbytes)
            columns[name] = view.reshape(shape)
        return cls(content, columns)

    def fits(self, columns: Mapping[str, np.ndarray]) -> bool:
        """Tell whether these columns are those of the table, in number, name and shape."""
        return columns.keys() == self.columns.keys() and all(
            values.shape == self.columns[name].shape for name, values in columns.items()
        )

    def fill(self, columns: Mapping[str, np.ndarray]) -> bytearray:
        """Return the file with these numbers, rows in the table's order, cast to its types.

        The same bytes are filled each time: they are good until the next call.
        """
        for name, values in columns.items():
            self.columns[name][...] = values
        return self.content


def _is_numbers(dtype: pa.DataType) -> bool:
    inner = dtype.value_type if pa.types.is_fixed_size_list(dtype) else dtype
    return pa.types.is_integer(inner) or pa.types.is_floating(inner)
