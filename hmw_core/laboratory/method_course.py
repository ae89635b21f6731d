"""What a training method did, epoch by epoch: its flags, groups, labels, scores and metrics."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.stages import stages_of
from hmw_core.log import layout
from hmw_core.log.reader import RunReader
from hmw_core.log.schema import MethodColumn
from hmw_core.samples.method_parts import METHOD_LABEL

ALL, CLEAN, MISLABELED, RIGHT = "all samples", "clean", "mislabeled", "changes that are right"
AGREE = "networks_alike"
COLUMNS = ["quantity", "kind", "title", "unit", "group", "epoch", "value", "stage"]
PER_CENT = "%"

Row = tuple[str, str, str, str, str, float]  # `COLUMNS` without epoch and stage


def keeps_nothing(run: RunReader) -> str:
    """Return why there is nothing to tell of a run's method, in a clause; empty where there is."""
    if run.method_columns or run.method_metrics or run.n_networks > 1:
        return ""
    method = (run.info.get("config") or {}).get("method")
    whose = f"its method, {method}," if method else "its training method"
    return f"{whose} keeps nothing of a sample or of an epoch beside the usual signals"


def course(run: RunReader) -> pd.DataFrame:
    """Return what the run's method kept and measured in each epoch, a row per group and epoch.

    Returns
    -------
    DataFrame
        `quantity` (a column or a metric of the method, or `AGREE`); `kind`; its `title` and
        `unit`; `group`; `epoch`; `value`; `stage` (empty where there is none). By kind:

        - `flag`: per cent of the samples for which a bool column is true;
        - `group`: per cent of the samples in each category, which is the `group`;
        - `wrong`: per cent of each category's samples that are mislabeled;
        - `label`: per cent of the samples whose `method_label` is not the given one, and with
          the group `RIGHT` how many of these changes are the true label;
        - `mean`: mean of any other column;
        - `networks`: per cent of the samples of which all networks predict the same;
        - `metric`: the method's number of the epoch.

        Other groups are `ALL`, `CLEAN` and `MISLABELED` samples, the latter two only where true
        labels are known. Samples of which an epoch knows nothing are left out, and so are groups
        without a value.
    """
    samples = run.samples().loc[run.sample_ids()]
    known = samples["is_mislabeled"]
    groups = {ALL: np.ones(len(samples), bool)}
    if known.notna().any():
        groups[CLEAN] = (~known.astype("boolean")).fillna(False).to_numpy(bool)
        groups[MISLABELED] = known.astype("boolean").fillna(False).to_numpy(bool)
    given = samples["given_label"].to_numpy()
    true = samples["true_label"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    columns = run.method_columns
    stage = {e: s.name for s in stages_of(run) for e in range(s.first, s.last + 1)}
    kept_epochs = set(layout.logged_epochs(run.network_folder, "method"))
    networks = [RunReader(run.folder, n) for n in range(1, run.n_networks + 1)]
    rows: list[tuple[int, Row]] = []
    for epoch in run.epochs():
        if columns and epoch in kept_epochs:
            state = run.epoch_columns(epoch, list(columns))
            for name, column in columns.items():
                found = _of_column(column, state[name], groups, given, true)
                rows += [(epoch, row) for row in found]
        if len(networks) > 1 and all(epoch in one.epochs() for one in networks):
            rows += [(epoch, row) for row in _alike(networks, epoch, groups)]
    table = pd.DataFrame(
        [(*row[:5], epoch, row[5], stage.get(epoch, "")) for epoch, row in rows], columns=COLUMNS
    )
    table = pd.concat([table, _metrics(run, stage)], ignore_index=True)
    table = table.astype({"epoch": int, "value": float})
    has_value = table.groupby(["quantity", "kind", "group"])["value"].transform("count") > 0
    order = {name: at for at, name in enumerate(dict.fromkeys(table["quantity"]))}
    table = table[has_value].assign(at=table["quantity"].map(order))
    return table.sort_values(["at", "epoch"], kind="stable")[COLUMNS].reset_index(drop=True)


def _of_column(
    column: MethodColumn,
    value: np.ndarray,
    groups: dict[str, np.ndarray],
    given: np.ndarray,
    true: np.ndarray,
) -> Iterator[Row]:
    """Yield the rows of a column in an epoch; all arrays have shape (N,), NaN where unknown."""
    name, title = column.name, title_of(column.name)
    seen = np.isfinite(value)

    def shares(kind: str, title: str, is_so: np.ndarray) -> Iterator[Row]:
        for group, members in groups.items():
            yield name, kind, title, PER_CENT, group, _per_cent(is_so, members & seen)

    if name == METHOD_LABEL:
        changed = value != given
        yield from shares("label", "Labels that it would change", changed)
        of = changed & seen & ~np.isnan(true)
        if CLEAN in groups:
            yield name, "label", title, PER_CENT, RIGHT, _per_cent(value == true, of)
    elif column.categories:
        for code, category in enumerate(column.categories):
            yield name, "group", title, PER_CENT, category, _per_cent(value == code, seen)
        for code, category in enumerate(column.categories if CLEAN in groups else ()):
            of = (groups[CLEAN] | groups[MISLABELED]) & (value == code)
            wrong = _per_cent(groups[MISLABELED], of)
            yield name, "wrong", "Mislabeled, of each group", PER_CENT, category, wrong
    elif column.dtype == "bool":
        yield from shares("flag", title, value == 1)
    else:
        split = {n: m for n, m in groups.items() if n != ALL} or groups
        for group, members in split.items():
            of = members & seen
            mean = float(value[of].mean(dtype=np.float64)) if of.any() else np.nan
            yield name, "mean", title, column.unit, group, mean


def _alike(networks: list[RunReader], epoch: int, groups: dict[str, np.ndarray]) -> Iterator[Row]:
    predicted = [one.epoch_columns(epoch, ["predicted_label"])["predicted_label"]
                 for one in networks]  # fmt: skip
    seen = ~np.isnan(np.sum(predicted, axis=0))
    alike = np.all([one == predicted[0] for one in predicted[1:]], axis=0)
    title = "Networks that predict the same"
    for group, members in groups.items():
        yield AGREE, "networks", title, PER_CENT, group, _per_cent(alike, members & seen)


def _metrics(run: RunReader, stage: dict[int, str]) -> pd.DataFrame:
    first = run if run.network == 1 else RunReader(run.folder)
    metrics = first.metrics()
    parts = [
        pd.DataFrame(
            {
                "quantity": name,
                "kind": "metric",
                "title": title_of(name.removeprefix("n_")),  # its unit says that it is a count
                "unit": metric.unit,
                "group": "",
                "epoch": metrics["epoch"],
                "value": metrics[name],
                "stage": metrics["epoch"].map(stage).fillna(""),
            }
        )
        for name, metric in run.method_metrics.items()
        if name in metrics
    ]
    return pd.concat(parts) if parts else pd.DataFrame(columns=COLUMNS)


def _per_cent(is_so: np.ndarray, of: np.ndarray) -> float:
    """Return how many of some samples are so, in per cent; NaN of none."""
    return 100 * float(is_so[of].mean()) if of.any() else np.nan
