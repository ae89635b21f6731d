"""Why these? In which columns a selection of samples differs most from all the others.

Effect sizes share one scale, so that they can be sorted: the rank-biserial correlation,
2 AUROC - 1 in [-1, 1], which for a category is the difference of its two shares. 0 is no
difference, 1 that every sample chosen is above every other one (or of the category, and no other).
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from scipy.stats import false_discovery_control, fisher_exact, mannwhitneyu

from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.of_run import title_of
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.pictures.picture_features import picture_features
from hmw_core.samples.sample_table import sample_table

ALPHA = 0.05  # share of false findings among those reported, at most, in the mean
MOST_CATEGORIES = 200  # of a column, the most common ones; each is a test of its own
COLUMNS = [
    "column",
    "value",
    "kind",
    "effect",
    "p_value",
    "p_adjusted",
    "selected",
    "rest",
    "n_without",
    "because_of",
    "sentence",
]
RANK = "rank_"
# How a sentence says that a sample has a category.
PHRASES = {
    "given_label": "are given {}",
    "true_label": "are truly {}",
    "predicted_label": "are predicted {}",
    "verdict": "have the verdict {}",
    "is_mislabeled": "are {}",
    "folder": "come from {}",
}
UNITS = {"file_size": " bytes", "width": " px", "height": " px"}
NAMES = {"file_size": "The stored file", "width": "The width", "height": "The height"}


def contrast_columns(run: RunReader, epoch: int | None = None) -> pd.DataFrame:
    """Return what can tell a run's samples apart, by `sample_id`; labels as class names.

    Parameters
    ----------
    run : RunReader
    epoch : int, optional
        Last epoch used. Default: the last one logged.

    Returns
    -------
    DataFrame
        `given_label`, `true_label`, `predicted_label` (class names), `is_mislabeled`
        (`mislabeled` or `clean`), `verdict` (`none` for samples not judged), `folder` (where the
        `source` lies), `rank_<criterion>` (1 for the most suspicious), and the columns of
        `picture_features`. Null where not known.
    """
    known = sample_table(run, epoch=epoch)
    names = pd.Series(run.class_names, dtype="object")
    table = pd.DataFrame(index=known.index)
    for column in ("given_label", "predicted_label", "true_label"):
        table[column] = known[column].map(names).astype("object")
    table["is_mislabeled"] = known["is_mislabeled"].map({True: "mislabeled", False: "clean"})
    table["verdict"] = known["verdict"].fillna("none")
    table["folder"] = known["source"].map(_folder, na_action="ignore")
    for name in MAIN_CRITERIA:
        table[RANK + name] = known[RANK + name]
    return table.join(picture_features(run))


def why_these(
    run_table: pd.DataFrame,
    selected_ids: Sequence[int] | np.ndarray,
    because_of: Sequence[str] = (),
) -> pd.DataFrame:
    """Return how a selection differs from the rest, column by column, largest effect first.

    Numbers are compared by the Mann-Whitney test, and each category of a text column (its 200
    most common ones) by Fisher's exact test; p-values are adjusted together by Benjamini and
    Hochberg. Columns that are constant or empty are left out, and samples without a value are
    left out of their column.

    Parameters
    ----------
    run_table : DataFrame
        One row a sample, by `sample_id`: numbers, or text, booleans and categories.
    selected_ids : sequence of int
    because_of : sequence of str
        Columns that made the selection: those differ, of course, and are marked.

    Returns
    -------
    DataFrame
        `column`; `value`, the category, null for a number; `kind`, `number` or `category`;
        `effect` in [-1, 1], above 0 where the selection has more; `p_value`; `p_adjusted`;
        `selected` and `rest`: medians, or shares; `n_without`: samples of the selection without a
        value; `because_of`; `sentence`. By the size of `effect`, those marked last.

    Raises
    ------
    UsageError
        If the selection is empty, holds every sample, or a sample that is not in the table.
    """
    chosen = np.unique(np.asarray(selected_ids, dtype=np.int64))
    foreign = np.setdiff1d(chosen, run_table.index.to_numpy())
    if len(foreign):
        raise UsageError(f"there is no sample {foreign[0]} among those to compare with")
    if not 0 < len(chosen) < len(run_table):
        held = "no sample" if not len(chosen) else "every sample"
        raise UsageError(f"the selection holds {held}, so there is nothing to compare it with")
    inside = run_table.index.isin(chosen)
    rows = []
    for column in run_table.columns:
        values = run_table[column]
        known = values.notna().to_numpy(dtype=bool)
        mine, others = values[inside & known], values[~inside & known]
        if not len(mine) or not len(others) or values[known].nunique() < 2:
            continue
        without = int(len(chosen) - len(mine))
        if is_numeric_dtype(values) and not is_bool_dtype(values):
            found = [_number(str(column), mine, others)]
        else:
            found = _categories(str(column), mine.astype(str), others.astype(str))
        rows += [row | {"n_without": without, "because_of": column in because_of} for row in found]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_adjusted"])
    made = table["because_of"].astype(bool)
    table["p_adjusted"] = np.nan
    for part in (made, ~made):  # apart: findings that are certain would let chance ones through
        if part.any():
            table.loc[part, "p_adjusted"] = false_discovery_control(table.loc[part, "p_value"])
    order = np.lexsort((table["p_value"], -table["effect"].abs(), made))
    return table.loc[order, COLUMNS].reset_index(drop=True)


def findings(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `why_these` that are more than chance at a false discovery rate."""
    return table[table["p_adjusted"] <= ALPHA].reset_index(drop=True)


def _folder(source: str) -> str:
    """Return the folder part of a path or key; of a key without one, what comes before a `#`."""
    parent = PurePosixPath(source.replace("\\", "/")).parent.as_posix()
    return source.partition("#")[0] if parent == "." and "#" in source else parent


def _number(column: str, mine: pd.Series, others: pd.Series) -> dict[str, object]:
    a, b = mine.to_numpy(dtype=np.float64), others.to_numpy(dtype=np.float64)
    # Asymptotic also for few: the exact one takes minutes beside 50,000, and is no stricter.
    test = mannwhitneyu(a, b, method="asymptotic")
    effect = float(2 * test.statistic / (len(a) * len(b)) - 1)
    selected, rest = float(np.median(a)), float(np.median(b))
    return {
        "column": column,
        "value": None,
        "kind": "number",
        "effect": effect,
        "p_value": float(test.pvalue),
        "selected": selected,
        "rest": rest,
        "sentence": _number_sentence(column, effect, selected, rest),
    }


def _categories(column: str, mine: pd.Series, others: pd.Series) -> list[dict[str, object]]:
    inside, outside = mine.value_counts(), others.value_counts()
    total = inside.add(outside, fill_value=0).sort_values(ascending=False, kind="stable")
    values = list(total.index[:MOST_CATEGORIES])
    if len(total) == 2:  # the other one says the same
        share = {v: inside.get(v, 0) / len(mine) - outside.get(v, 0) / len(others) for v in values}
        values = [max(values, key=share.__getitem__)]
    rows = []
    for value in values:
        a, b = int(inside.get(value, 0)), int(outside.get(value, 0))
        test = fisher_exact([[a, len(mine) - a], [b, len(others) - b]])
        selected, rest = a / len(mine), b / len(others)
        has = PHRASES.get(column, f"have {column} {{}}").replace("{}", str(value))
        rows.append(
            {
                "column": column,
                "value": value,
                "kind": "category",
                "effect": selected - rest,
                "p_value": min(float(test.pvalue), 1.0),
                "selected": selected,
                "rest": rest,
                "sentence": f"{_percent(selected)} {has}, against {_percent(rest)} of the rest.",
            }
        )
    return rows


def _number_sentence(column: str, effect: float, selected: float, rest: float) -> str:
    name = column.removeprefix(RANK)
    if column.startswith(RANK):
        more = "more" if effect < 0 else "less"
        return (
            f"{title_of(name)} finds them {more} suspicious: median rank {selected:,.0f}, "
            f"against {rest:,.0f} of the rest."
        )
    unit = UNITS.get(column, "")
    subject = NAMES.get(column, column.replace("_", " ").capitalize())
    more = "larger" if effect > 0 else "smaller"
    return f"{subject} is {more}: median {_digits(selected)}{unit}, against {_digits(rest)}{unit}."


def _digits(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _percent(share: float) -> str:
    percent = 100 * share
    if 0 < percent < 0.1:
        return "under 0.1 %"
    return f"{percent:.0f} %" if percent >= 9.95 or percent == 0 else f"{percent:.1f} %"
