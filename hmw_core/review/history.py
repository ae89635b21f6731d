"""What was done in a run's review, newest first, what was taken back among it."""

import numpy as np
import pandas as pd

from hmw_core.log.verdicts import VerdictLog

COLUMNS = (
    "id", "time", "reviewer", "kind", "n_samples", "sample_id", "given_label", "verdict",
    "new_label", "note", "undone_by", "undone_at",
)  # fmt: skip


def history(log: VerdictLog) -> pd.DataFrame:
    """Return one row for each thing that can be undone as a whole, newest first.

    Parameters
    ----------
    log : VerdictLog
        Of `verdicts.read`.

    Returns
    -------
    DataFrame
        `id` is what `verdicts.undo` takes. `kind`: `verdict` (on one sample), `batch` (one verdict
        on many), `merge` or `rename` (of a class: `given_label`, into `new_label` or to the name in
        `verdict`). `sample_id`, `given_label`, `new_label` and `verdict` are null where those of a
        batch differ. `undone_by` and `undone_at` are null while it stands; what of a batch was
        undone one by one is taken off its `n_samples`.
    """
    rows = []
    written = log.written if log.written is not None else log.table
    single = written["batch"].isna()
    alone = written[single].assign(kind="verdict", n_samples=1)
    rows.append(alone)
    for batch, group in written[~single].groupby("batch", sort=False):
        standing = group[~group["id"].isin(log.undone.keys())]
        row = {name: _common(group[name]) for name in ("given_label", "verdict", "new_label")}
        first = group.iloc[0]
        row |= {name: first[name] for name in ("time", "reviewer", "note")}
        row |= {"id": batch, "kind": "batch", "n_samples": len(standing)}
        rows.append(pd.DataFrame([row]))
    for change in log.changes_written:
        row = {
            "id": change.id, "time": change.time, "reviewer": change.reviewer, "note": change.note,
            "kind": "merge" if change.name is None else "rename", "given_label": change.label,
            "new_label": change.into, "verdict": change.name,
        }  # fmt: skip
        rows.append(pd.DataFrame([row]))
    table = pd.concat([r.astype(object) for r in rows if len(r)] or [alone.astype(object)])
    table = table.reindex(columns=list(COLUMNS))
    undone = {key: log.undone[key] for key in table["id"] if key in log.undone}
    table["undone_by"] = [undone[i].reviewer if i in undone else None for i in table["id"]]
    table["undone_at"] = [undone[i].time if i in undone else None for i in table["id"]]
    for name in ("n_samples", "sample_id", "given_label", "new_label"):
        table[name] = pd.array(
            [pd.NA if pd.isna(value) else int(value) for value in table[name]], dtype="Int64"
        )
    order = np.argsort(table["time"].to_numpy(dtype=str), kind="stable")[::-1]
    return table.iloc[order].reset_index(drop=True)


def _common(values: pd.Series) -> object:
    """Return the value that all have, None where they differ."""
    return values.iloc[0] if values.nunique(dropna=False) == 1 else None
