"""The contest of hard clean against mislabeled under many rules for what is hard, as a grid."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Cells, Drawing, Panel, cell_texts
from dashboard.drawing.text import shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    limits_of,
    measure_title,
    ranked_names,
    with_contest,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.contest import contest_of
from hmw_core.laboratory.contest_tables import by_definition
from hmw_core.laboratory.hard import MEAN_RANK, Hard
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION

SIBLINGS_BY = ("last_loss", "mean_loss")


def prepare(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    hard_fraction: float = HARD_FRACTION,
    hard_runs: Sequence[str] = (),
    budget: float | int | None = None,
    measure: str = "auroc",
) -> pd.DataFrame:
    """Return rule, rule_title, criterion, title, value and whether the rule is the criterion's own.

    The rules: the share `hard_fraction` of the clean samples that each criterion finds most
    suspicious, that their mean rank does, and that the losses of the runs `hard_runs` do (other
    seeds on the same samples and labels). Criteria stand by the measure among all clean samples.
    """
    asked = check_contest(run, criteria, epoch, None, None)
    name = measure_title(measure)
    contest = contest_of(run, asked.names, asked.epoch, budget=budget, n_resamples=0)
    order = ranked_names(run, contest, measure)
    names = [n for n in asked.names if n in order]
    rules = [Hard(by, hard_fraction) for by in names]
    rules.append(Hard(MEAN_RANK, hard_fraction))
    rules += [Hard(by, hard_fraction, other) for other in hard_runs for by in SIBLINGS_BY]
    table = by_definition(run, names, rules, asked.epoch, budget=budget)
    table = table[table["measure"] == measure].drop(columns="measure").reset_index(drop=True)
    chosen = [rules[place] for place in table["definition"]]
    table = table.assign(
        rule=[rule.by for rule in chosen],
        rule_run=[rule.from_run for rule in chosen],
        rule_title=[_rule_title(rule) for rule in chosen],
        title=table["criterion"].map(title_of),
        own=[
            rule.by == name and rule.from_run is None
            for rule, name in zip(chosen, table["criterion"], strict=True)
        ],
    )
    table = table.rename(columns={"n_clean": "n_hard"}).drop(columns="n_mislabeled")
    table = table.sort_values("criterion", key=lambda c: c.map(order.index), kind="stable")
    table = table.sort_values("definition", kind="stable").reset_index(drop=True)
    return with_contest(table, asked, contest, budget).assign(
        measure=name, hard_fraction=hard_fraction, contest="hard clean"
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a row a rule, bold where the criterion chose the samples itself."""
    columns = list(dict.fromkeys(table["title"]))
    rows = table.iloc[:: len(columns)]["rule_title"].to_list()
    shape, first = (len(rows), len(columns)), table.iloc[0]
    value = table["value"].to_numpy(dtype=float).reshape(shape)
    hover = [
        f"hard by {row.rule_title}\n{row.title}: {row.value:.4f}"
        + "\nits own choice: the contest is biased against it" * row.own
        for row in table.itertuples()
    ]
    cells = Cells(
        value,
        cell_texts(value, ".3f"),
        np.array(hover, dtype=object).reshape(shape),
        cell_texts(value, ".2f"),
        bold=table["own"].to_numpy().reshape(shape),
        limits=limits_of(value),
        bar=first["measure"],
    )
    title = (
        f"{first['n_hard']:,} hard clean ({100 * first['hard_fraction']:g} % of the clean) "
        f"against {first['n_mislabeled']:,} mislabeled\n"
        f"all classes · epoch {first['epoch']}\nBold: chosen by the criterion itself"
    )
    y = Axis("Hard clean samples chosen by", names=rows)
    return Drawing([Panel([cells], Axis("Criterion in the contest", names=columns), y)], title)


def _rule_title(rule: Hard) -> str:
    by = "mean rank of all these" if rule.by == MEAN_RANK else title_of(rule.by)
    return by if rule.from_run is None else f"{by} in {shorten(rule.from_run, 24)}"


FIGURE = FigureSpec(
    title="Who wins when somebody else says what is hard",
    paper="",
    look_for=(
        "Columns that stay high whichever row is asked. Bold marks a "
        "criterion judged on samples it chose itself, where it must do worst: compare criteria "
        "in the rows of others. Relatives load it, too, as one loss does for another; another "
        "seed's loss less so, as its chance errors are its own, but never quite not."
    ),
    prepare=prepare,
    drawing=drawing,
)
