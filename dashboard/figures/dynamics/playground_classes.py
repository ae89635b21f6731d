"""Mean HM weight of each class's clean and mislabeled samples: chosen settings, and the log's."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_legend, paper_panels
from dashboard.drawing.style import GROUP_COLOURS, GROUP_MARKERS, screen_figure
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.playground import CHOSEN, LOGGED, both
from hmw_core.laboratory.hm_replay import Settings
from hmw_core.laboratory.weight_measures import LOW_CLASS, measure
from hmw_core.log.reader import RunReader

GROUPS = {"mean_clean": "clean", "mean_mislabeled": "mislabeled", "mean": "unknown"}
TITLES = {"clean": "clean", "mislabeled": "mislabeled", "unknown": "all, true label unknown"}
PAPER_MARKERS = {"circle": "o", "diamond": "D", "x": "x"}
X, Y = "Mean HM weight", "Given label"
MOST = 40  # classes in a figure: those with the smallest mean weight


def prepare(
    run: RunReader, settings: Settings | None = None, epoch: int | None = None
) -> pd.DataFrame:
    """Return of, settings in words, class_name, group, mean_weight, n_samples, overall, fair.

    Rows are in the order of the class's mean weight of clean samples with the chosen settings,
    smallest first, at most `MOST` classes. `overall` is the mean of the group over all classes,
    `fair` the class's share of it.

    Raises
    ------
    CannotShow
        If the run has no such epoch, or its log lacks what the settings need.
    """
    last, found = both(run, settings, epoch)
    samples = run.samples()
    parts = []
    for of, (words, replayed) in found.items():
        rows = samples.loc[replayed.sample_id]
        measures = measure(replayed.weight, rows["is_mislabeled"], rows["given_label"].to_numpy())
        known = measures.n_clean + measures.n_mislabeled > 0
        for column, group in GROUPS.items():
            if (group != "unknown") != known:
                continue
            means = measures.by_class[column].dropna()
            overall = getattr(measures, column)
            parts.append(
                pd.DataFrame(
                    {
                        "of": of,
                        "settings": words,
                        "given_label": means.index,
                        "group": group,
                        "mean_weight": means.to_numpy(),
                        "n_samples": measures.by_class.loc[means.index, "n_samples"].to_numpy(),
                        "overall": overall,
                        "fair": means.to_numpy() / overall,
                    }
                )
            )
    table = pd.concat(parts, ignore_index=True)
    first = table[(table["of"] == CHOSEN) & (table["group"] != "mislabeled")]
    order = first.sort_values("mean_weight", kind="stable")["given_label"].to_list()[:MOST]
    table = table[table["given_label"].isin(order)]
    names = pd.Series(run.class_names)
    table = table.sort_values(
        "given_label", key=lambda labels: labels.map(order.index), kind="stable"
    )
    return table.assign(
        class_name=table["given_label"].map(names), epoch=last, n_classes=run.n_classes
    ).reset_index(drop=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    places = _places(table)
    for (of, group), part in table.groupby(["of", "group"], sort=False):
        open_mark = "-open" if of == LOGGED else ""
        figure.add_scatter(
            x=part["mean_weight"],
            y=part["given_label"].map(places),
            customdata=part[["n_samples", "fair"]].to_numpy(),
            mode="markers",
            name=f"{TITLES[group]}, {on_screen(of)}: {on_screen(part['settings'].iloc[0])}",
            marker={
                "symbol": GROUP_MARKERS[group] + open_mark,
                "color": GROUP_COLOURS[group],
                "size": 10,
            },
            hovertemplate="%{x:.3f}, %{customdata[1]:.2f} of the mean of all classes "
            "(class of %{customdata[0]:,})",
        )
    for group in dict.fromkeys(table["group"]):
        if group == "mislabeled":
            continue
        chosen = table[(table["of"] == CHOSEN) & (table["group"] == group)]
        figure.add_vline(
            x=LOW_CLASS * chosen["overall"].iloc[0],
            line={"color": GROUP_COLOURS[group], "width": 1, "dash": "dash"},
        )
    figure = screen_figure(figure, height=170 + 26 * len(places))
    figure.update_layout(legend={"y": -90 / (170 + 26 * len(places)), "yanchor": "top"})
    figure.update_xaxes(title=X, rangemode="tozero")
    figure.update_yaxes(
        title=Y,
        tickvals=list(places.values()),
        ticktext=[on_screen(shorten(name, 24)) for name in _names(table)],
        range=[len(places) - 0.5, -0.5],
        showgrid=True,
    )
    return figure.update_layout(margin={"t": 16})


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    places = _places(table)
    with paper_panels(width, 1, (0.7 + 0.17 * len(places)) / width) as (figure, [axes]):
        for (of, group), part in table.groupby(["of", "group"], sort=False):
            colour = GROUP_COLOURS[group]
            marker = PAPER_MARKERS[GROUP_MARKERS[group]]
            hollow: dict[str, Any] = {} if marker == "x" else {"markerfacecolor": "none"}
            axes.plot(
                part["mean_weight"],
                part["given_label"].map(places),
                marker if of == CHOSEN or marker != "x" else "+",
                color=colour,
                markersize=4,
                label=f"{TITLES[group]}, {on_paper(of)}: {on_paper(part['settings'].iloc[0])}",
                **(hollow if of == LOGGED else {}),
            )
        axes.set_yticks(
            list(places.values()), [on_paper(shorten(name, 16)) for name in _names(table)]
        )
        axes.set_ylim(len(places) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel(X)
        axes.set_ylabel(Y)
        paper_legend(figure, axes)
    return figure


def _places(table: pd.DataFrame) -> dict[int, int]:
    return {label: n for n, label in enumerate(dict.fromkeys(table["given_label"]))}


def _names(table: pd.DataFrame) -> list[str]:
    return table.drop_duplicates("given_label")["class_name"].to_list()


FIGURE = FigureSpec(
    title="Mean weight of each class",
    paper="",
    look_for=(
        f"Clean samples of a class left of the dashed line, {100 * LOW_CLASS:.0f} % of the mean "
        "of all clean samples with the chosen settings: that class is starved. Filled marks are "
        "the chosen settings, open ones the log's."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
