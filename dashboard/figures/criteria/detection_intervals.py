"""Fig. 1 as a contest: each criterion's AUROC with its interval, among all and hard samples."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Panel, Points, Rule
from dashboard.drawing.text import shorten, three_digits
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import (
    absent_criteria,
    absent_hard,
    check_epoch,
    class_title,
    hard_rule,
    in_sentence,
)
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import main_criteria_of, pick_criterion, title_of
from hmw_core.laboratory.detection import detect
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY, HARD_FRACTION


def prepare(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    given_label: int | None = None,
    hard_fraction: float = HARD_FRACTION,
    hard_by: str = HARD_BY,
) -> pd.DataFrame:
    """Return `detection.detect`'s table with title, class_name, epoch and hard_fraction.

    Rows are in the order of the AUROC among all samples, best first. A criterion that the log has
    nothing for has no row, nor the hard samples where it has no loss to choose them by; where the
    run's source lacks these, `absent` says so.
    """
    last = check_epoch(run, epoch)
    title = class_title(run, given_label)
    names = list(main_criteria_of(run)) if criteria is None else list(criteria)
    lacks = absent_criteria(run, names)
    if lacks:
        names = list(without_absent({name: pick_criterion(run, name) for name in names}, run))
        if not names:
            raise CannotShow(f"run {run.name!r} has {lacks}")
    table = detect(run, names, epoch, given_label, hard_fraction=hard_fraction, hard_by=hard_by)
    if "loss" in run.absent:
        table = table[table["contest"] == "all"]
    among_all = table[table["contest"] == "all"].dropna(subset=["auroc"])
    if among_all.empty:
        raise CannotShow(
            f"run {run.name!r}, {title}: no mislabeled beside clean samples of known true label "
            "can be ranked"
        )
    order = among_all.sort_values("auroc", ascending=False, kind="stable")["criterion"].to_list()
    table = table[table["criterion"].isin(order)]
    table = table.sort_values("criterion", key=lambda names: names.map(order.index), kind="stable")
    table = table.assign(
        title=[title_of(name) for name in table["criterion"]],
        class_name=title,
        epoch=last,
        hard_fraction=hard_fraction,
        hard_by=hard_by,
    ).reset_index(drop=True)
    lacks = in_sentence(lacks, absent_hard(run))
    return table.assign(absent=lacks) if lacks else table


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a contest, a row a criterion."""
    titles = list(dict.fromkeys(table["title"]))
    # From chance, or below where an interval is, to 1: a dot at 1 stays whole.
    lowest = float(table[["auroc", "auroc_low"]].min(axis=None))
    x = Axis("AUROC with 95 % interval", (min(0.48, lowest - 0.02), 1.03))
    panels = []
    for _, part in table.groupby("contest", sort=False):
        points = Points(
            part["auroc"],
            part["title"].map(titles.index),
            part["criterion"].to_list(),
            symbol="circle",
            low=part["auroc_low"],
            high=part["auroc_high"],
            written=part["auroc"].map(three_digits).to_list(),
            hover="%{customdata[0]}: %{x:.3f}, 95 % interval %{customdata[1]:.3f} to "
            "%{customdata[2]:.3f}",
            data=part[["title", "auroc_low", "auroc_high"]],
        )
        marks = [points, Rule(x=0.5)]
        panels.append(Panel(marks, x, Axis("Criterion", names=titles), _panel_title(part)))
    return Drawing(panels, share_y=True)


def _panel_title(panel: pd.DataFrame) -> str:
    """Return the contest, its counts, and its epoch and class, a line each."""
    first = panel.iloc[0]
    clean, share = "all clean", ""
    if first["contest"] == "hard clean":
        clean, share = "hard clean", f" ({hard_rule(first['hard_fraction'], first['hard_by'])})"
    return (
        f"{clean} against mislabeled\n"
        f"{first['n_clean']:,}{share} against {first['n_mislabeled']:,}\n"
        f"{shorten(first['class_name'], 22)} · epoch {first['epoch']}"
    )


FIGURE = FigureSpec(
    title="How well each criterion finds the mislabeled samples",
    paper="",
    look_for=(
        "Whether intervals overlap: where they do, this run does not tell which criterion is "
        "better. The criterion that chooses the hard clean samples has the hardest time in their "
        "contest."
    ),
    prepare=prepare,
    drawing=drawing,
)
