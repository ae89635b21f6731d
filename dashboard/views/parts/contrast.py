"""Why these? A block of a page that says how a selection differs from all the others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.cached import samples as cached_samples
from dashboard.views.parts.choices import plain
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.samples.contrast import ALPHA, RANK, findings

SHOWN = 12  # findings; the others wait in a table below


def show_contrast(
    run: RunReader,
    sample_ids: Sequence[int] | np.ndarray,
    epoch: int | None,
    because_of: Sequence[str] = (),
) -> None:
    """Show in which columns these samples differ most from the rest of the run.

    `because_of` names the criteria and columns that made the selection: they are told apart, since
    they differ by construction.
    """
    st.subheader("Why these?", anchor=False)
    ids = np.unique(np.asarray(sample_ids, dtype=np.int64))
    if not 0 < len(ids) < run.n_samples:
        what = "Choose some samples" if not len(ids) else "All samples are chosen: choose fewer"
        st.info(f"{what} to see how they differ from the rest.", icon=":material/info:")
        return
    try:
        table = cached_samples.why_these(run, ids, epoch, _columns(because_of))
    except UsageError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    found = findings(table)
    made = found["because_of"].astype(bool)
    own = found[~made]
    st.markdown(
        f"**{len(ids):,} samples against the other {run.n_samples - len(ids):,}**, "
        "largest difference first."
    )
    if own.empty:
        st.info(
            f"Nothing differs more than chance would make it: {_n_columns(table)} columns compared"
            f"{'. A selection this small proves little' if len(ids) < 10 else ''}.",
            icon=":material/info:",
        )
    else:
        _table(own.head(SHOWN), "reasons")
    if len(own) > SHOWN:
        with st.expander(f"{len(own) - SHOWN} smaller differences"):
            _table(own.iloc[SHOWN:], "more reasons")
    if made.any():
        said = " ".join(found[made].drop_duplicates("column")["sentence"])  # the largest of each
        st.caption(f"Differs by construction, since the selection was made by it: {plain(said)}")
    _caption(table, found)


def _columns(because_of: Sequence[str]) -> list[str]:
    """Return the columns that these criteria and columns are in the comparison."""
    return [name for given in because_of for name in (given, f"{RANK}{given}")]


def _table(found: pd.DataFrame, key: str) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "what": found["sentence"],
                "effect": found["effect"].abs(),
                "p": found["p_adjusted"].map(lambda p: "<0.001" if p < 0.001 else f"{p:.3f}"),
            }
        ),
        column_config={
            "what": st.column_config.TextColumn("What is different about them", width=620),
            "effect": st.column_config.ProgressColumn(
                "Effect size",
                format="%.2f",
                min_value=0.0,
                max_value=1.0,
                width=170,
                help="0: no difference, 1: they and the rest do not overlap. For numbers the "
                "rank-biserial correlation, for categories the difference of the two shares.",
            ),
            "p": st.column_config.TextColumn(
                "Adjusted p", help="Benjamini and Hochberg over everything compared", width=90
            ),
        },
        hide_index=True,
        height=36 * (len(found) + 1),
        key=key,
    )


def _caption(table: pd.DataFrame, found: pd.DataFrame) -> None:
    n_tests = int((~table["because_of"].astype(bool)).sum())
    parts = [
        f"{n_tests} comparisons in {_n_columns(table)} columns; shown are those kept by a false "
        f"discovery rate of {100 * ALPHA:.0f} % (Benjamini and Hochberg; Mann-Whitney for numbers, "
        "Fisher for categories)",
        "criteria resemble one another: where one made the selection, the others follow",
    ]
    lacking = found[found["n_without"] > 0]
    if len(lacking):
        most = lacking.loc[lacking["n_without"].idxmax()]
        parts.append(
            f"samples without a value are left out of their column, up to {most['n_without']:,} "
            f"of the selection ({plain(str(most['column']))})"
        )
    st.caption(f"{'. '.join(part[0].upper() + part[1:] for part in parts)}.")


def _n_columns(table: pd.DataFrame) -> int:
    return int(table["column"].nunique())
