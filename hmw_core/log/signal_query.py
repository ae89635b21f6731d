"""Signals of some samples over many epochs, asked of DuckDB."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError
from hmw_core.log.schema import DERIVED, SIGNAL_NAMES


class SignalQuery:
    """Columns of `schema.SIGNALS` and `schema.DERIVED`, of all samples or some.

    Parameters
    ----------
    columns : sequence of str
    given_labels : ndarray of shape (N,)
        Of every sample: with the label, DuckDB skips the row groups of the other classes.
    sample_id : int or sequence of int, optional
        Only these samples.
    given_label : int, optional
        Only the samples of this class.

    Raises
    ------
    UsageError
        If a column is unknown.
    """

    def __init__(
        self,
        columns: Sequence[str],
        given_labels: np.ndarray,
        sample_id: int | Sequence[int] | None,
        given_label: int | None,
    ) -> None:
        check_columns(columns)
        wanted = [
            f", {' - '.join(DERIVED[name])} AS {name}" if name in DERIVED else f", {name}"
            for name in columns
            if name not in ("epoch", "sample_id")
        ]
        is_asked = np.ones(len(given_labels), dtype=bool)
        tests = []
        if given_label is not None:
            tests.append(f"given_label = {int(given_label)}")
            is_asked &= given_labels == given_label
        if sample_id is not None:
            ids = np.atleast_1d(np.asarray(sample_id, dtype=np.int64))
            known = ids[(ids >= 0) & (ids < len(given_labels))]
            labels = sorted(set(given_labels[known].tolist()))
            tests.append(f"given_label IN ({', '.join(map(str, labels)) or -1})")
            tests.append(f"sample_id IN ({', '.join(map(str, known.tolist())) or -1})")
            is_asked &= np.isin(np.arange(len(given_labels)), known)
        self.n_rows = int(is_asked.sum())  # of an epoch
        where = f"WHERE {' AND '.join(tests)}" if tests else ""
        self.text = (
            f"SELECT epoch, sample_id{''.join(wanted)} FROM read_parquet($files) {where} "
            "ORDER BY epoch, sample_id"
        )

    def run(self, files: list[str], limits: Mapping[str, int]) -> pd.DataFrame:
        """Return the rows of these files, one an epoch, by epoch and sample.

        Raises
        ------
        ValueError
            If a file is damaged, has other samples, or a number beyond its column's limit.
        """
        import duckdb  # loaded by pages that ask for signals, not by a training

        try:
            with duckdb.connect() as connection:
                found = connection.execute(self.text, {"files": files}).df()
        except (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException):
            raise  # a wrong query is our mistake, not a damaged file
        except duckdb.Error as error:
            raise ValueError(str(error)) from None
        for name in limits.keys() & set(found.columns):
            if not found[name].dropna().between(0, limits[name] - 1).all():
                raise ValueError(f"its {name} is not in 0..{limits[name] - 1} throughout")
        if len(found) != len(files) * self.n_rows:
            raise ValueError("its samples are not those of samples.parquet")
        return found


def check_columns(columns: Sequence[str]) -> None:
    """Refuse names that are no signals, with the list of those that are."""
    known = [*SIGNAL_NAMES, *DERIVED]
    for name in columns:
        if name not in known:
            raise UsageError(f"unknown signal {name!r}; known: {', '.join(known)}")


def stored_of(name: str) -> tuple[str, ...]:
    """Return the stored columns that a signal is made of."""
    return DERIVED.get(name, (name,))


def derive(name: str, stored: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return a signal from the stored columns that it is made of."""
    first, *rest = stored_of(name)
    with np.errstate(invalid="ignore", over="ignore"):  # a class that is ruled out is infinite
        return stored[first] - stored[rest[0]] if rest else stored[first]
