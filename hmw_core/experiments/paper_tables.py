"""A sweep of Table 1, 2 or 3 beside the paper's: cells, differences, and where HMW helps or harms.

All numbers are test accuracies in per cent, their differences points. A difference to the paper is
taken only where data set, noise and every field of the recipe are the paper's; a copy in bench
size has the paper's numbers beside it for the order of its rows.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hmw_core.experiments.paper import (
    COLUMNS,
    NOISE_COLUMNS,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_3_COLUMNS,
    paper_row,
)
from hmw_core.experiments.paper_sources import row_source
from hmw_core.experiments.proof import t_interval
from hmw_core.experiments.sweeps import ACCURACIES, LAST, Sweep

TABLES = ("table-1", "table-2", "table-3")
PUBLISHED_ON = {
    "table-1": ("cifar10", "cifar100"),
    "table-2": ("animal10n",),
    "table-3": ("webvision",),
}
"""Data sets of each table; the first is the one whose numbers stand beside other data."""
OF_WEBVISION = dict(
    zip(
        TABLE_3_COLUMNS,
        ("test_accuracy", "test_top5", "test_accuracy_ilsvrc12", "test_top5_ilsvrc12"),
        strict=True,
    )
)
"""Column of Table 3 -> what a run's metrics call it."""
SHORT = {
    "last_accuracy": "Last epoch",
    "best_accuracy": "Best epoch",
    "last10_accuracy": f"Mean of last {LAST}",
}
HELPS, HARMS, OPEN = "helps", "harms", "cannot be told"
NOTHING = "–"
THEIRS = "The paper's difference"
EFFECT = (
    "The recipe with HMW minus its base, in points, paired by seed, with the 95 % interval of "
    "Student's t over the seeds: helps or harms where the interval excludes 0. One in twenty "
    "intervals misses by chance."
)


def is_paper_table(sweep: Sweep) -> bool:
    """Tell whether a sweep is a table of the paper's, or a copy of one."""
    return sweep.info.get("named") in TABLES


def is_comparable(sweep: Sweep, cell: int) -> bool:
    """Tell whether a cell was trained as the paper's: its data, its noise, the recipe as it is."""
    about = sweep.info["cells"][cell]
    dataset, noise = about["dataset"], about["noise"]
    if about["departs"] or dataset not in PUBLISHED_ON[sweep.info["named"]]:
        return False
    told = ("recipe", "noise", "noise_rate")
    if any(n not in told and not n.startswith("method_args.") for n in about["fields"]):
        return False  # trained with settings that no source has published for this row
    return noise in NOISE_COLUMNS[dataset] if dataset in NOISE_COLUMNS else noise == "none"


def column_titles(sweep: Sweep) -> list[str]:
    """Return the columns of a sweep's table, in the paper's order."""
    titles: dict[str, int] = {}
    for number in range(len(sweep.cells)):
        for title in _columns(sweep, number):
            titles.setdefault(title, _place(sweep, number))
    return sorted(titles, key=titles.__getitem__)


def rows_of(sweep: Sweep) -> list[str]:
    """Return the rows of a sweep's table: the paper's in its order, each reading under its row."""
    ours = list(dict.fromkeys(str(cell["recipe"]) for cell in sweep.info["cells"]))
    theirs = list(_paper_table(sweep))
    rows = []
    for row in theirs:
        mine = [recipe for recipe in ours if paper_row(recipe) == row]
        rows += mine or [row]
    return [*rows, *(recipe for recipe in ours if recipe not in rows)]


def values_table(sweep: Sweep) -> pd.DataFrame:
    """Return one row a finished training and column of the table.

    Columns: cell, row (the recipe), column, seed, run, and `ACCURACIES` in per cent. Where several
    cells have one row and column, as after a change of the recipe, the last of them counts.
    """
    cells = {}
    for number, about in enumerate(sweep.info["cells"]):
        for title in _columns(sweep, number):
            cells[str(about["recipe"]), title] = number
    found = []
    for training in sweep.info["trainings"]:
        if training["status"] != "finished":
            continue
        recipe = str(sweep.info["cells"][training["cell"]]["recipe"])
        for title, key in _columns(sweep, training["cell"]).items():
            if cells[recipe, title] != training["cell"]:
                continue
            series = training if key == "test_accuracy" else training.get("tests", {})
            by_epoch = np.array(series.get(key) or [], dtype=np.float64)
            if not np.isfinite(by_epoch).any():
                continue
            found.append(
                {
                    "cell": training["cell"],
                    "row": recipe,
                    "column": title,
                    "seed": training["seed"],
                    "run": training["run"],
                    "last_accuracy": 100 * by_epoch[-1],
                    "last10_accuracy": 100 * np.nanmean(by_epoch[-LAST:]),
                    "best_accuracy": 100 * np.nanmax(by_epoch),
                }
            )
    columns = ["cell", "row", "column", "seed", "run", *ACCURACIES]
    return pd.DataFrame(found, columns=columns)


def cells_table(sweep: Sweep) -> pd.DataFrame:
    """Return one row a row and column of the table, also where nothing was trained.

    Columns: row, column, cell (missing where the sweep has none), n, n_planned, n_failed; for each
    of `ACCURACIES` its mean over the seeds under its own name, `_low` and `_high` (95 %, Student's
    t); paper (the paper's number, missing where it has none), and lead, lead_low, lead_high (last
    epoch minus the paper, where that can be compared).
    """
    values, rows = values_table(sweep), []
    parts = {key: part[list(ACCURACIES)] for key, part in values.groupby(["row", "column"])}
    nothing = values[list(ACCURACIES)].iloc[:0]
    statuses: dict[int, list[str]] = {}
    for training in sweep.info["trainings"]:
        statuses.setdefault(training["cell"], []).append(training["status"])
    cell_of = {
        (str(about["recipe"]), title): number
        for number, about in enumerate(sweep.info["cells"])
        for title in _columns(sweep, number)
    }
    for row in rows_of(sweep):
        for column in column_titles(sweep):
            number = cell_of.get((row, column))
            part = parts.get((row, column), nothing)
            status = statuses.get(-1 if number is None else number, [])
            entry: dict[str, Any] = {
                "row": row,
                "column": column,
                "cell": number,
                "n": len(part),
                "n_planned": len(status),
                "n_failed": status.count("failed"),
                "paper": paper_cell(sweep, row, column),
            }
            for measure in ACCURACIES:
                mean, low, high = t_interval(part[measure].to_numpy())
                entry |= {measure: mean}
                low, high = np.clip([low, high], 0, 100)
                entry |= {f"{measure}_low": low, f"{measure}_high": high}
            told = number is not None and entry["paper"] is not None
            if told and is_comparable(sweep, number or 0):
                lead = t_interval(part["last_accuracy"].to_numpy() - entry["paper"])
                entry |= dict(zip(("lead", "lead_low", "lead_high"), lead, strict=True))
            rows.append(entry)
    table = pd.DataFrame(rows, columns=_CELL_COLUMNS)
    numbers = [name for name in table if name not in ("row", "column")]
    return table.astype(dict.fromkeys(numbers, float)).astype(dict.fromkeys(_COUNTS, int))


_COUNTS = ("n", "n_planned", "n_failed")
_CELL_COLUMNS = (
    *("row", "column", "cell", *_COUNTS),
    *(f"{measure}{end}" for measure in ACCURACIES for end in ("", "_low", "_high")),
    *("paper", "lead", "lead_low", "lead_high"),
)


def paper_cell(sweep: Sweep, row: str, column: str) -> float | None:
    """Return the paper's number of a row and column; of the table's first data set on others."""
    found = _paper_table(sweep).get(paper_row(row))
    if found is None or row == "CCE+CutMix":
        return None
    if row == "CCE+HMW" and sweep.info["named"] != "table-1" and row in _recipes(sweep):
        return None  # the paper's is trained with CutMix
    return found.get(column) if column in found else found.get(_standing_for(sweep, column))


def overview(sweep: Sweep, measure: str = "last_accuracy") -> pd.DataFrame:
    """Return the table as text: each column of ours, then the paper's, then their difference."""
    cells, table = cells_table(sweep), {"Method": rows_of(sweep)}
    for column in column_titles(sweep):
        part = cells[cells["column"] == column].to_dict("records")
        table[column] = [value_text(row, measure) for row in part]
        theirs = f"{column}: paper{_beside(sweep, column)}"
        table[theirs] = [number_text(row["paper"]) for row in part]
        if any(not math.isnan(row["lead"]) for row in part) and measure == "last_accuracy":
            table[f"{column}: minus paper"] = [lead_text(row) for row in part]
    return pd.DataFrame(table)


def detail(sweep: Sweep, column: str) -> pd.DataFrame:
    """Return one column of the table as text: last, best, mean of the last ten, and the paper's."""
    cells = cells_table(sweep)
    part = cells[cells["column"] == column].to_dict("records")
    table = {"Method": [row["row"] for row in part]}
    table |= {title: [value_text(row, m) for row in part] for m, title in SHORT.items()}
    theirs = f"T{paper_words(sweep)[1:]}{_beside(sweep, column)}"
    table[theirs] = [number_text(row["paper"]) for row in part]
    if any(not math.isnan(row["lead"]) for row in part):
        table["Last minus the paper"] = [lead_text(row) for row in part]
    table["Seeds"] = [str(row["n"]) for row in part]
    table["What the paper's number is"] = [_kinds(sweep, row["row"]) for row in part]
    return pd.DataFrame(table)


def sources_table(sweep: Sweep) -> pd.DataFrame:
    """Return what the sources say of each row of the paper's table, as text."""
    rows = []
    for row in dict.fromkeys(paper_row(recipe) for recipe in rows_of(sweep)):
        source = row_source(sweep.info["named"], row)
        if source is not None:
            rows.append((row, ", ".join(source.kinds), source.text))
    columns = ["The paper's row", "Its numbers are", "What the sources say"]
    return pd.DataFrame(rows, columns=columns)


def effect_pairs(recipes: Sequence[str]) -> list[tuple[str, str]]:
    """Return every recipe with HMW beside the same method without it.

    Examples
    --------
    >>> effect_pairs(["CCE", "CCE-code", "CCE+HMW-code", "UNICON", "UNICON+HMW"])
    [('CCE+HMW-code', 'CCE'), ('CCE+HMW-code', 'CCE-code'), ('UNICON+HMW', 'UNICON')]
    """
    pairs = []
    for recipe in recipes:
        if "+HMW" not in recipe:
            continue
        plain = recipe.removesuffix("-code").replace("+HMW", "")
        bases = [plain, f"{plain}-code"] if recipe.endswith("-code") else [plain]
        bases += ["CCE"] if plain.endswith("+CutMix") else []
        pairs += [(recipe, base) for base in bases if base in recipes]
    return pairs


def effects(sweep: Sweep) -> pd.DataFrame:
    """Return what HMW changes, paired by seed: one row a pair, column and measure.

    Columns: hmw, base, column, measure, n (seeds of both), difference, low, high (points),
    word (`helps`, `harms` or `cannot be told`) and paper (the paper's difference; missing where
    it has none, and for measures other than the last epoch, as the paper does not say which).
    """
    values, rows = values_table(sweep).set_index("seed"), []
    parts = {key: part[list(SHORT)] for key, part in values.groupby(["row", "column"])}
    for hmw, base in effect_pairs(_recipes(sweep)):
        for column in column_titles(sweep):
            if not {(hmw, column), (base, column)} <= parts.keys():
                continue
            both = parts[hmw, column] - parts[base, column]
            for measure in SHORT:
                lead = both[measure].dropna().to_numpy()
                if len(lead) == 0:
                    continue
                mean, low, high = t_interval(lead)
                theirs = [paper_cell(sweep, row, column) for row in (hmw, base)]
                known = None not in theirs and measure == "last_accuracy"
                rows.append(
                    {
                        "hmw": hmw,
                        "base": base,
                        "column": column,
                        "measure": measure,
                        "n": len(lead),
                        "difference": mean,
                        "low": low,
                        "high": high,
                        "word": effect_word(low, high),
                        "paper": (theirs[0] or 0) - (theirs[1] or 0) if known else math.nan,
                    }
                )
    columns = ["hmw", "base", "column", "measure", "n", "difference", "low", "high", "word"]
    return pd.DataFrame(rows, columns=[*columns, "paper"])


def effects_text(sweep: Sweep) -> pd.DataFrame:
    """Return `effects` as text: one row a pair and column, the measures side by side."""
    table, rows = effects(sweep), []
    for (hmw, base, column), part in table.groupby(["hmw", "base", "column"], sort=False):
        by_measure = {row["measure"]: row for row in part.to_dict("records")}
        first = next(iter(by_measure.values()))
        rows.append(
            {
                "With HMW": hmw,
                "Base": base,
                "Column": column,
                "Seeds": str(first["n"]),
                **{
                    title: f"{_signed(by_measure[m])}: {by_measure[m]['word']}"
                    for m, title in SHORT.items()
                },
                THEIRS: number_text(first["paper"], sign=True),
            }
        )
    heading = ["With HMW", "Base", "Column", "Seeds", *SHORT.values()]
    return pd.DataFrame(rows, columns=[*heading, THEIRS])


def effect_sentences(sweep: Sweep, measure: str = "last_accuracy") -> list[str]:
    """Return for each recipe with HMW and its base where the one helps, harms or is open."""
    table, said = effects(sweep), []
    for (hmw, base), part in table[table["measure"] == measure].groupby(
        ["hmw", "base"], sort=False
    ):
        where = [
            f"{word} at {', '.join(part[part['word'] == word]['column'])}"
            for word in (HELPS, HARMS, OPEN)
            if (part["word"] == word).any()
        ]
        said.append(f"{hmw} against {base}: {'; '.join(where)}.")
    return said


def effect_word(low: float, high: float) -> str:
    """Return whether an interval of a difference says that HMW helps or harms."""
    if low > 0:
        return HELPS
    return HARMS if high < 0 else OPEN  # also without an interval, whose bounds are NaN


def missing_words(sweep: Sweep) -> list[str]:
    """Return in sentences which rows, columns and trainings of the table are missing."""
    cells, said = cells_table(sweep), []
    absent = list(dict.fromkeys(cells[cells["cell"].isna()]["row"]))
    whole = [row for row in absent if cells[cells["row"] == row]["cell"].isna().all()]
    if whole:
        said.append(f"Rows of the paper's that are not in this sweep: {', '.join(whole)}.")
    partly = cells[cells["cell"].isna() & ~cells["row"].isin(whole)]
    if len(partly):
        named = [f"{row.row} at {row.column}" for row in partly.itertuples()]
        said.append(f"Cells that are not in this sweep: {'; '.join(named)}.")
    columns = column_titles(sweep)
    theirs = next(iter(_paper_table(sweep).values()))
    shown = {_standing_for(sweep, column) for column in columns} | set(columns)
    left = [column for column in theirs if column not in shown]
    if left and len(theirs) > 1:
        said.append(f"Columns of the paper's that are not in this sweep: {', '.join(left)}.")
    open_ = cells[(cells["n"] < cells["n_planned"]) & cells["cell"].notna()]
    if len(open_):
        named = [
            f"{row.row} at {row.column} ({row.n} of {row.n_planned} seeds"
            f"{f', {row.n_failed} failed' if row.n_failed else ''})"
            for row in open_.itertuples()
        ]
        said.append(f"Not finished: {'; '.join(named)}.")
    return said


def paper_words(sweep: Sweep) -> str:
    """Return how the paper's numbers are headed: on other data with the data that they are of."""
    if any(is_comparable(sweep, number) for number in range(len(sweep.cells))):
        return "the paper"
    own = {"table-1": "CIFAR-10", "table-2": "ANIMAL-10N", "table-3": "WebVision"}
    half = "CIFAR-100" if _half(sweep) == "cifar100" else own[sweep.info["named"]]
    return f"the paper on {half}"


def table_caption(sweep: Sweep, measure: str | None = None) -> str:
    """Return what must be said beside the table."""
    seeds = sweep.info["seeds"]
    what = ACCURACIES[measure] if measure else "Test accuracy"
    spread = (
        f"mean of {len(seeds)} seeds [95 % interval of Student's t]"
        if len(seeds) > 1
        else "one seed, so no interval"
    )
    beside = paper_words(sweep)
    theirs = (
        "Beside it the paper's number, and the difference of the last epoch to it where data, "
        "noise and recipe are the paper's."
        if beside == "the paper"
        else f"Beside it {beside}, for the order of the rows: not to be compared by value."
    )
    return f"{what} (%), {spread}; – is missing. {theirs}"


def value_text(row: Mapping[str, Any], measure: str) -> str:
    """Return mean and interval of a row of `cells_table` as people read them."""
    failed = f" ({row['n_failed']} failed)" if row["n_failed"] else ""
    if not row["n"]:
        return f"{NOTHING}{failed}"
    text = f"{row[measure]:.1f}"
    if not math.isnan(row[f"{measure}_low"]):
        text += f" [{row[f'{measure}_low']:.1f}, {row[f'{measure}_high']:.1f}]"
    return text + (f" (n = {row['n']})" if row["n"] < row["n_planned"] else "") + failed


def lead_text(row: Mapping[str, Any]) -> str:
    """Return the difference to the paper of a row of `cells_table`."""
    names = {"difference": "lead", "low": "lead_low", "high": "lead_high"}
    told = {name: row[key] for name, key in names.items()}
    return NOTHING if math.isnan(told["difference"]) else _signed(told)


def number_text(value: float | None, *, sign: bool = False) -> str:
    """Return a number of the paper's, – where there is none."""
    if value is None or math.isnan(value):
        return NOTHING
    digits = 1 if math.isclose(value, round(value, 1), abs_tol=1e-6) else 2
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def _signed(row: Mapping[str, Any]) -> str:
    # Adding 0 turns -0.0 into 0.0: "+0.0" and never "-0.0".
    text, low, high = (f"{round(row[n], 1) + 0:+.1f}" for n in ("difference", "low", "high"))
    return text if math.isnan(row["low"]) else f"{text} [{low}, {high}]"


def _beside(sweep: Sweep, column: str) -> str:
    """Return what is added to a heading where the paper's column has another name than ours."""
    theirs = _standing_for(sweep, column)
    return f" ({theirs})" if theirs != column and sweep.info["named"] == "table-1" else ""


def _recipes(sweep: Sweep) -> list[str]:
    return list(dict.fromkeys(str(cell["recipe"]) for cell in sweep.info["cells"]))


def _kinds(sweep: Sweep, row: str) -> str:
    source = row_source(sweep.info["named"], paper_row(row))
    if source is None or row == "CCE+CutMix":
        return NOTHING
    return ", ".join(source.kinds)


def _columns(sweep: Sweep, cell: int) -> dict[str, str]:
    """Return the columns of the table that a cell fills, each with its name in the metrics."""
    about = sweep.info["cells"][cell]
    if about["dataset"] == "webvision" and sweep.info["named"] == "table-3":
        return OF_WEBVISION
    if about["noise"] == "none":
        return {"ANIMAL-10N" if about["dataset"] == "animal10n" else about["dataset"]: _TOP1}
    return {f"{about['noise']} {about['noise_rate']:g}": _TOP1}


_TOP1 = "test_accuracy"


def _place(sweep: Sweep, cell: int) -> int:
    """Return where a cell's column stands in Table 1; first where it is no column of it."""
    about = sweep.info["cells"][cell]
    kind = "symmetric" if about["noise"] == "symmetric" else "asymmetric"
    known = [f"{noise} {rate:g}" for noise, rate in COLUMNS]
    name = f"{kind} {about['noise_rate']:g}"
    return known.index(name) if name in known else -1


def _standing_for(sweep: Sweep, column: str) -> str:
    """Return the paper's column beside which one of ours stands."""
    if sweep.info["named"] != "table-1":
        return {"table-2": "ANIMAL-10N", "table-3": TABLE_3_COLUMNS[0]}[sweep.info["named"]]
    noise, _, rate = column.partition(" ")
    return f"asymmetric {rate}" if noise in ("pair_flip", "block_shift") else column


def _half(sweep: Sweep) -> str:
    found = {str(cell["dataset"]) for cell in sweep.info["cells"]}
    return "cifar100" if found == {"cifar100"} else "cifar10"


def _paper_table(sweep: Sweep) -> dict[str, dict[str, float | None]]:
    """Return the paper's table: row -> column -> number, None where it has none."""
    name = sweep.info["named"]
    if name == "table-2":
        return {row: {"ANIMAL-10N": number} for row, number in TABLE_2.items()}
    if name == "table-3":
        return {
            row: dict(zip(TABLE_3_COLUMNS, numbers, strict=True))
            for row, numbers in TABLE_3.items()
        }
    titles = [f"{noise} {rate:g}" for noise, rate in COLUMNS]
    return {
        row: dict(zip(titles, numbers, strict=True))
        for row, numbers in TABLE_1[_half(sweep)].items()
    }
