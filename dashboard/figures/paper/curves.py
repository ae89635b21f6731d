"""Fig. 1: the loss of an easy, a hard and a mislabeled sample, beside their IAM."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import (
    PAPER_DASHES,
    paper_legend,
    paper_panels,
    role_looks,
    screen_panels,
)
from dashboard.drawing.style import GREY
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import (
    absent_columns,
    absent_criteria,
    check_epoch,
    chosen_samples,
    class_title,
    in_sentence,
    sample_title,
)
from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import new_scores, why_absent
from hmw_core.log.reader import RunReader

QUANTITIES = {"loss": ("Loss", "Loss (nat)"), "iam": ("IAM", "IAM so far (logit)")}


def prepare(
    run: RunReader,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return role, sample_id, sample, class_name, epoch, loss (nat) and iam (logit).

    `iam` is the criterion as it stood after each epoch: Eq. 7 over the epochs so far, with
    alpha = beta = 1. Both are NaN where the sample was not seen. Where the run's source lacks one
    of them, `absent` says so.
    """
    last = check_epoch(run, epoch)
    has_iam = why_absent(run, CRITERIA["iam"]) is None
    lacks = [absent_columns(run, {"loss": "loss"}), absent_criteria(run, ["iam"])]
    if all(lacks):
        raise CannotShow(f"run {run.name!r} has {in_sentence(*lacks)}")
    title = class_title(run, given_label)
    chosen = chosen_samples(run, given_label, sample_ids, epoch)
    ids = chosen["sample_id"].to_numpy()
    reads = CRITERIA["iam"].reads
    epochs = [number for number in run.epochs() if number <= last]
    signals = run.signals(["loss", *reads], sample_id=ids.tolist(), epochs=epochs)
    score = new_scores({"iam": CRITERIA["iam"]}, len(ids), run.n_epochs, run.annealing_start)["iam"]
    wide = signals.pivot(index="epoch", columns="sample_id")  # epochs without a gap, all ids
    values = {name: wide[name][ids].to_numpy() for name in ("loss", *reads)}  # (epoch, sample)
    so_far = []
    for row, number in enumerate(wide.index):
        score.update(int(number), {name: values[name][row] for name in reads})
        so_far.append(score.value() if has_iam else np.full(len(ids), np.nan))
    table = chosen.merge(wide.index.to_frame(index=False), how="cross").sort_values(
        "epoch", kind="stable"
    )
    table = table.assign(loss=values["loss"].ravel(), iam=np.concatenate(so_far))
    names = [
        sample_title(row.role, row.sample_id, row.given_name, row.true_name)
        for row in chosen.itertuples()
    ]
    table["sample"] = table["sample_id"].map(dict(zip(ids, names, strict=True)))
    table["class_name"] = title
    columns = ["role", "sample_id", "sample", "class_name", "epoch", "loss", "iam"]
    table = table[columns].reset_index(drop=True)
    return table.assign(absent=in_sentence(*lacks)) if any(lacks) else table


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    where = on_screen(shorten(table["class_name"].iloc[0], 30))
    drawn = _drawn(table)
    figure = screen_panels([f"{name} · {where}" for name, _ in drawn.values()])
    for column, (quantity, (_, axis)) in enumerate(drawn.items(), start=1):
        for part, (colour, dash) in _lines(table):
            figure.add_scatter(
                x=part["epoch"],
                y=part[quantity],
                mode="lines" if len(part) > 1 else "markers",
                name=on_screen(shorten(part["sample"].iloc[0], 60)),
                legendgroup=str(part["sample_id"].iloc[0]),
                showlegend=column == 1,
                line={"color": colour, "dash": dash},
                hovertemplate="epoch %{x}: %{y:.3f}",
                row=1,
                col=column,
            )
        figure.update_xaxes(title="Epoch", row=1, col=column)
        figure.update_yaxes(title=axis, row=1, col=column)
        if quantity == "iam":
            figure.add_hline(y=0, line={"color": GREY, "width": 1}, row=1, col=column)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    where = on_paper(shorten(table["class_name"].iloc[0], 30))
    drawn = _drawn(table)
    with paper_panels(width, len(drawn)) as (figure, panels):
        for axes, (quantity, (name, axis)) in zip(panels, drawn.items(), strict=True):
            for part, (colour, dash) in _lines(table):
                axes.plot(
                    part["epoch"],
                    part[quantity],
                    PAPER_DASHES[dash],
                    marker="" if len(part) > 1 else "o",
                    color=colour,
                    label=on_paper(shorten(part["sample"].iloc[0], 45)),
                )
            axes.set_title(f"{name} · {where}")
            axes.set_xlabel("Epoch")
            axes.set_ylabel(axis)
            if quantity == "iam":
                axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
        paper_legend(figure, panels[0])
    return figure


def _drawn(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the quantities that the log has; both where a sample was merely not seen."""
    some = {name: text for name, text in QUANTITIES.items() if table[name].notna().any()}
    return some or QUANTITIES


def _lines(table: pd.DataFrame) -> list[tuple[pd.DataFrame, tuple[str, str]]]:
    """Return each sample's rows with its colour and dash."""
    parts = [part for _, part in table.groupby("sample_id", sort=False)]
    return list(zip(parts, role_looks([part["role"].iloc[0] for part in parts]), strict=True))


FIGURE = FigureSpec(
    title="Loss and IAM of single samples",
    paper="Fig. 1",
    look_for=(
        "Whether the hard sample's curve stays apart from the mislabeled one's to the end: "
        "on the left the losses of both may fall together, on the right the margins may not."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
