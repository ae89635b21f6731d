"""What a sweep says: differences between settings, paired by seed, and what the paper says of them.

The same seed draws the same noise, split and start for every setting, so differences within a seed
vary less than the accuracies themselves.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from hmw_core.experiments.paper import paper_accuracy
from hmw_core.experiments.paper_tables import is_comparable, is_paper_table
from hmw_core.experiments.proof import t_interval
from hmw_core.experiments.sweeps import (
    ACCURACIES,
    Sweep,
    condition,
    families,
    in_words,
    setting,
    summary_table,
    sweep_table,
)

PAPER_ORDER = "AUM only < AUM + annealing < HMW (Table 4)"
PAPER_TOGETHER = "Both terms beat each alone (Fig. 7)"
PAPER_BASELINE = "One term beats the baseline (Fig. 7)"
PLAIN = "HMW beats plain CCE (Table 1)"
WEIGHTS = "(not in the paper) weights alone, logits normalised in both"


def difference_table(
    sweep: Sweep, reference: str, measure: str = "last_accuracy", only: str | None = None
) -> pd.DataFrame:
    """Return each setting's difference to a reference setting, paired by seed.

    Parameters
    ----------
    sweep : Sweep
    reference : str
        A setting in words, as `settings` has them.
    measure : str
        Column of `sweep_table`.
    only : str, optional
        One setting, in place of all.

    Returns
    -------
    DataFrame
        condition, setting, reference, n (seeds that both have finished), difference, low and high
        (95 %, Student's t of the seeds' differences; missing with fewer than two seeds, or where
        all are the same). Shares for accuracies, so 0.01 is a point. Settings without a common
        seed are left out.
    """
    table = sweep_table(sweep)
    table = table[table["status"] == "finished"]
    fields = table["cell"].map(dict(enumerate(sweep.cells)))
    table = table.assign(
        condition=[in_words(condition(f)) for f in fields],
        setting=[in_words(setting(f)) for f in fields],
    )
    rows = []
    for name, part in table.groupby("condition", sort=False):
        by_seed = part.pivot_table(index="seed", columns="setting", values=measure, sort=False)
        if reference not in by_seed:
            continue
        for other in by_seed.columns:
            if other == reference or only not in (None, other):
                continue
            lead = (by_seed[other] - by_seed[reference]).dropna().to_numpy()
            if len(lead):
                mean, low, high = t_interval(lead)
                rows.append((name, other, reference, len(lead), mean, low, high))
    columns = ["condition", "setting", "reference", "n", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def paper_pairs(sweep: Sweep) -> list[tuple[str, str, str]]:
    """Return claim, setting and reference of what the paper says of a named sweep: the first wins.

    Empty for sweeps that are not the paper's.
    """
    settings = list(dict.fromkeys(in_words(setting(fields)) for fields in sweep.cells))
    pairs: list[tuple[str, str, str]] = []
    if sweep.info.get("named") == "table-4":
        for code in ("-code", ""):
            hmw, annealed, only = (f"{name}{code}" for name in ("CCE+HMW", "AUM+CA", "AUM only"))
            pairs += [(PAPER_ORDER, annealed, only), (PAPER_ORDER, hmw, annealed)]
            pairs += [(PLAIN, hmw, "CCE")]
            pairs += [(WEIGHTS, hmw, "CCE-code")] if code else []
    if sweep.info.get("named") == "figure-7":
        recipes = [f["recipe"] for f in sweep.cells if "alpha" in f and "beta" in f]
        for recipe in dict.fromkeys(recipes):

            def words(alpha: float, beta: float, recipe: str = recipe) -> str:
                return in_words({"recipe": recipe, "alpha": alpha, "beta": beta})

            both, aum, tkum, none = words(50, 50), words(50, 0), words(0, 50), words(0, 0)
            pairs += [(PAPER_TOGETHER, both, aum), (PAPER_TOGETHER, both, tkum)]
            pairs += [(PAPER_BASELINE, aum, none), (PAPER_BASELINE, tkum, none)]
            pairs += [(PLAIN, both, "CCE")]
    return [pair for pair in pairs if pair[1] in settings and pair[2] in settings]


def claims_table(sweep: Sweep, measure: str = "last_accuracy") -> pd.DataFrame:
    """Return what the paper says of a named sweep beside what came out here, as text.

    Columns: The paper says, First, Second, Condition, Here (whether the first really is higher),
    Difference (first minus second, points of accuracy with the 95 % interval) and Seeds.
    """
    rows = []
    for claim, one, other in paper_pairs(sweep):
        for row in difference_table(sweep, other, measure, one).to_dict("records"):
            rows.append(
                {
                    "The paper says": claim,
                    "First": one,
                    "Second": other,
                    "Condition": row["condition"],
                    "Here": verdict(row),
                    "Difference": difference_text(row, measure),
                    "Seeds": row["n"],
                }
            )
    columns = ["The paper says", "First", "Second", "Condition", "Here", "Difference", "Seeds"]
    return pd.DataFrame(rows, columns=columns)


def verdict(row: Mapping[str, Any]) -> str:
    """Return in words whether a difference of `difference_table` can be told from none."""
    if row["n"] < 2:
        return "one seed: no interval"
    if math.isnan(row["low"]):
        return "no spread: no interval"
    if row["low"] > 0:
        return "yes, higher"
    return "no, lower" if row["high"] < 0 else "cannot be told"


def difference_text(row: Mapping[str, Any], measure: str) -> str:
    """Return a difference with its interval as people read it: points where it is an accuracy."""
    scale, digits = (100, 1) if measure in ACCURACIES else (1, 3)
    text = f"{scale * row['difference']:+.{digits}f}"
    if math.isnan(row["low"]):
        return text
    return f"{text} [{scale * row['low']:+.{digits}f}, {scale * row['high']:+.{digits}f}]"


def larger_is_better(sweep: Sweep, field: str, measure: str = "last_accuracy") -> pd.DataFrame:
    """Return the rank correlation of a number with a measure, by condition and the other fields.

    Columns: condition, others, n_values, rho (Spearman, of the means over seeds); for fields that
    take three values or more above 0. The value 0, which takes a term out, is left out.
    """
    means = summary_table(sweep).set_index("cell")[measure]
    rows = []
    for where, others, cells in families(sweep, field):
        values = [(value, means[cell]) for value, cell in cells if value > 0]
        values = [(value, mean) for value, mean in values if not math.isnan(mean)]
        if len(values) >= 3:
            first, second = np.array(values).T
            constant = np.ptp(second) == 0
            rho = math.nan if constant else float(spearmanr(first, second).statistic)
            rows.append((where, others, len(values), rho))
    return pd.DataFrame(rows, columns=["condition", "others", "n_values", "rho"])


def paper_numbers(sweep: Sweep) -> list[float | None]:
    """Return for each cell the paper's test accuracy (per cent), None where it has none.

    Only where data set, noise, rate and every field of the recipe are the paper's.
    """
    return [
        None
        if cell["departs"] or (is_paper_table(sweep) and not is_comparable(sweep, number))
        else paper_accuracy(cell["recipe"], cell["dataset"], cell["noise"], cell["noise_rate"])
        for number, cell in enumerate(sweep.info["cells"])
    ]
