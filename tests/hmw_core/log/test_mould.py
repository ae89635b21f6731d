"""Files filled in again equal files encoded anew."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hmw_core.log.mould import ParquetMould
from hmw_core.log.tables import output_table


def numbers(seed, n_rows=37):
    rng = np.random.default_rng(seed)
    return {
        "sample_id": rng.permutation(n_rows).astype(np.int32),
        "loss": rng.normal(size=n_rows).astype(np.float32),
        "score": rng.normal(size=n_rows),
        "logits": rng.normal(size=(n_rows, 5)).astype(np.float16),
    }


def test_a_filled_file_holds_the_new_numbers(tmp_path):
    mould = ParquetMould.of(output_table(numbers(0)))
    for seed in (1, 2):
        path = tmp_path / f"{seed}.parquet"
        path.write_bytes(mould.fill(numbers(seed)))
        assert pq.read_table(path).equals(output_table(numbers(seed)))
        with duckdb.connect() as connection:
            query = f"SELECT sum(score), count(*) FROM '{path}'"
            total = connection.execute(query).fetchone()
        np.testing.assert_allclose(total, (numbers(seed)["score"].sum(), 37))


def test_numbers_are_cast_to_the_types_of_the_table():
    mould = ParquetMould.of(output_table(numbers(0)))
    wide = {name: values.astype(np.float64) for name, values in numbers(1).items()}
    assert pq.read_table(pa.BufferReader(bytes(mould.fill(wide)))).equals(output_table(numbers(1)))


def test_tables_that_differ_do_not_fit():
    mould = ParquetMould.of(output_table(numbers(0)))
    assert mould.fits(numbers(1))
    assert not mould.fits(numbers(1, n_rows=36))
    assert not mould.fits({k: v for k, v in numbers(1).items() if k != "loss"})
    assert not mould.fits(numbers(1) | {"more": np.zeros(37)})


def test_what_cannot_be_filled_in_has_no_mould():
    assert ParquetMould.of(pa.table({"x": pa.array([1.0, None])})) is None
    assert ParquetMould.of(pa.table({"x": pa.array([1, 2]), "y": pa.array(["a", "b"])})) is None
    assert ParquetMould.of(pa.table({"x": pa.array([], pa.float32())})) is None
    assert ParquetMould.of(pa.table({"x": pa.array([True, False])})) is None


def test_special_floats_and_extremes_survive():
    values = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4e38], dtype=np.float32)
    mould = ParquetMould.of(pa.table({"x": pa.array(np.zeros(6, dtype=np.float32))}))
    read = pq.read_table(pa.BufferReader(bytes(mould.fill({"x": values}))))["x"].to_numpy()
    np.testing.assert_array_equal(read, values)
    assert np.signbit(read[3])
