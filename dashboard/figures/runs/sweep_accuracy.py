"""A sweep's settings side by side, by condition: every seed, mean, interval, the paper's number."""

from typing import Any

import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Mark, Panel, Points
from dashboard.drawing.run_lines import below
from dashboard.drawing.style import BLUE, VERMILION
from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.experiments.sweep_differences import paper_numbers
from hmw_core.experiments.sweeps import (
    ACCURACIES,
    Sweep,
    condition,
    in_words,
    measure_title,
    setting,
    summary_table,
    sweep_table,
)

MOST = 60  # rows that can be read
BELOW, SPREAD = 0.2, 0.16  # of a row's height: the seeds stand below the mean, spread so far
MEAN, SEED, PAPER = "mean of the seeds", "one seed", "the paper's number"


def prepare(sweep: Sweep, measure: str = "last_accuracy") -> pd.DataFrame:
    """Return one row a finished training: value beside its cell's mean, low and high.

    Columns: condition, setting, seed, value, mean, low, high (accuracies in per cent; the bounds
    are missing where there is no interval), n, paper (per cent; missing where the paper has no
    number for just this, or `measure` is not an accuracy) and axis (what is measured).
    """
    trainings = sweep_table(sweep)
    if measure not in trainings:
        raise UsageError(f"the sweep {sweep.name} has no {measure}")
    done = trainings[trainings[measure].notna()]
    if done.empty:
        raise CannotShow(f"no training of the sweep {sweep.name} with this number has finished yet")
    scale = 100 if measure in ACCURACIES else 1
    paper = paper_numbers(sweep) if measure in ACCURACIES else [None] * len(sweep.cells)
    rows = []
    for row in summary_table(sweep).to_dict("records"):
        fields, part = sweep.cells[row["cell"]], done[done["cell"] == row["cell"]]
        for seed, value in zip(part["seed"], part[measure], strict=True):
            rows.append(
                {
                    "condition": in_words(condition(fields)) if condition(fields) else "",
                    "setting": in_words(setting(fields)),
                    "seed": seed,
                    "value": scale * value,
                    "mean": scale * row[measure],
                    "low": scale * row[f"{measure}_low"],
                    "high": scale * row[f"{measure}_high"],
                    "n": len(part),
                    "paper": paper[row["cell"]],
                    "axis": measure_title(measure),
                }
            )
    table = pd.DataFrame(rows).astype({"paper": float})
    if table["setting"].nunique() > MOST:
        raise CannotShow(
            f"{table['setting'].nunique()} settings are more than {MOST} rows; see the table"
        )
    return table


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: each seed, mean, interval and the paper's number, a row a setting."""
    settings = list(dict.fromkeys(table["setting"]))
    interval = "95 %" if table["low"].notna().any() else "no"
    y = Axis("Setting", names=[shorten(name, 44) for name in settings])
    panels = []
    for name, shown in table.groupby("condition", sort=False):
        marks: list[Mark] = []
        for setting_name, part in shown.groupby("setting", sort=False):
            row = settings.index(str(setting_name))
            seed: dict[str, Any] = {
                "size": 6,
                "alpha": 0.8,
                "hover": "seed %{customdata[0]}: %{x:.4g}",
            }
            marks.append(
                Points(
                    part["value"], below(row, len(part)), "quiet", SEED, **seed, data=part["seed"]
                )
            )
        each = shown.drop_duplicates("setting")
        rows = each["setting"].map(settings.index)
        marks.append(
            Points(
                each["mean"],
                rows,
                BLUE,
                f"{MEAN}, {interval} interval",
                "diamond",
                low=each["low"],
                high=each["high"],
                hover="%{customdata[0]}, n = %{customdata[1]}: %{x:.4g}, 95 % interval "
                "%{customdata[2]:.4g} to %{customdata[3]:.4g}",
                data=each[["setting", "n", "low", "high"]],
            )
        )
        has = each["paper"].notna()
        if has.any():
            look: dict[str, Any] = {"size": 16, "hover": "the paper: %{x:.1f} %"}
            marks.append(Points(each["paper"][has], rows[has], VERMILION, PAPER, "tick", **look))
        panels.append(Panel(marks, Axis(table["axis"].iloc[0]), y, shorten(str(name), 40)))
    return Drawing(panels, share_y=True, row=34)


FIGURE = FigureSpec(
    title="Settings side by side",
    paper="",
    look_for=(
        "Intervals that stay clear of one another, and the same order under every condition. "
        "Panels have axes of their own. The same seeds stand behind every row, so the differences "
        "below, paired by seed, tell settings apart better than these intervals do."
    ),
    prepare=prepare,
    drawing=drawing,
)
