"""The contest of hard clean against mislabeled under many rules for what is hard, as a grid."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_panels
from dashboard.drawing.text import on_screen, shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    measure_title,
    paper_grid,
    paper_title,
    ranked_names,
    screen_grid,
    screen_title,
    with_contest,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.contest import contest
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
    held = contest(run, asked.names, asked.epoch, budget=budget, n_resamples=0)
    order = ranked_names(run, held, measure)
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
    return with_contest(table, asked, held, budget).assign(
        measure=name, hard_fraction=hard_fraction, contest="hard clean"
    )


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    value, rows, columns = _grid(table)
    cells = np.full(value.shape, "", dtype=object)
    hover = np.full(value.shape, "", dtype=object)
    for place, row in zip(np.ndindex(*value.shape), table.itertuples(), strict=True):
        cells[place] = f"{row.value:.3f}{' *' if row.own else ''}"
        own = "<br>its own choice: the contest is loaded against it" if row.own else ""
        hover[place] = (
            f"hard by {on_screen(row.rule_title)}<br>{on_screen(row.title)}: {row.value:.4f}{own}"
        )
    known = value[~np.isnan(value)]
    figure = screen_grid(
        value,
        rows,
        columns,
        cells,
        hover,
        limits=(float(known.min()), max(float(known.max()), float(known.min()) + 0.01)),
        bar=table["measure"].iloc[0],
    )
    figure.update_layout(title=screen_title(_title(table)))
    figure.update_xaxes(title="Criterion in the contest")
    figure.update_yaxes(title="Hard clean samples chosen by")
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    value, rows, columns = _grid(table)
    texts = [[f"{v:.2f}".replace("0.", ".") for v in line] for line in value]
    known = value[~np.isnan(value)]
    own = table["own"].to_numpy().reshape(value.shape)
    aspect = min(2.2, (1.5 + 0.16 * len(rows)) / width)
    with paper_panels(width, 1, max(aspect, 0.55)) as (figure, [axes]):
        paper_grid(
            axes,
            value,
            rows,
            columns,
            np.array(texts, dtype=object),
            limits=(float(known.min()), max(float(known.max()), float(known.min()) + 0.01)),
            bar=table["measure"].iloc[0],
            room=72 * width * 0.42 / len(columns),
            bold=own,
        )
        axes.set_xlabel("Criterion in the contest")
        axes.set_ylabel("Hard chosen by")
        axes.set_title(paper_title([*_title(table), "Bold: chosen by the criterion itself"], width))
    return figure


def _grid(table: pd.DataFrame) -> tuple[np.ndarray, list[str], list[str]]:
    columns = list(dict.fromkeys(table["title"]))
    rows = table.drop_duplicates("definition")["rule_title"].to_list()
    return table["value"].to_numpy(dtype=float).reshape(len(rows), len(columns)), rows, columns


def _rule_title(rule: Hard) -> str:
    by = "mean rank of all these" if rule.by == MEAN_RANK else title_of(rule.by)
    return by if rule.from_run is None else f"{by} in {shorten(rule.from_run, 24)}"


def _title(table: pd.DataFrame) -> list[str]:
    first = table.iloc[0]
    return [
        f"{first['n_hard']:,} hard clean ({100 * first['hard_fraction']:g} % of the clean) "
        f"against {first['n_mislabeled']:,} mislabeled",
        f"all classes · epoch {first['epoch']}",
    ]


FIGURE = FigureSpec(
    title="Who wins when somebody else says what is hard",
    paper="",
    look_for=(
        "Columns that stay high whichever row is asked. A star (in the file: bold) marks a "
        "criterion judged on samples it chose itself, where it must do worst: compare criteria "
        "in the rows of others. Relatives load it, too, as one loss does for another; another "
        "seed's loss less so, as its chance errors are its own, but never quite not."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
