"""How alike each two criteria rank the samples, and how many flagged ones they have in common."""

from collections.abc import Sequence
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib import colormaps
from matplotlib.figure import Figure

from dashboard.drawing.panels import SMALLEST, paper_panels
from dashboard.drawing.style import CONTINUOUS, screen_figure
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import absent_criteria, check_epoch
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.laboratory.agreement import agreement, usual_budget
from hmw_core.log.reader import RunReader

MOST_ANNOTATED = 16  # criteria; the numbers of more would cover one another
DIVERGING = "RdBu"  # red below 0, blue above
BARS = {"rho": "Rank correlation", "shared": "Share in common"}
PANELS = {"rho": (DIVERGING, -1.0), "shared": (CONTINUOUS, 0.0)}


def prepare(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    budget: int | None = None,
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return `agreement.agreement`'s table with titles, budget and epoch, like ones side by side.

    `budget` is by default as many as are mislabeled, or 5 % where that is not known. `duel` is the
    address of the page that shows the two, `absent` says which criteria the source cannot give.
    """
    last = check_epoch(run, epoch)
    names = list(MAIN_CRITERIA if criteria is None else dict.fromkeys(criteria))
    asked = {name: pick_criterion(run, name) for name in names}
    lacks = absent_criteria(run, names)
    there = list(without_absent(asked, run))
    scores = score_table(run, there, epoch).dropna(axis="columns", how="all")
    if scores.shape[1] < 2:
        why = f"; it has {lacks}" if lacks else ""
        raise CannotShow(
            f"agreement needs two criteria with scores, and run {run.name!r} has "
            f"{scores.shape[1]} of those chosen{why}"
        )
    flagged = usual_budget(run.samples()["is_mislabeled"]) if budget is None else budget
    table = agreement(scores, asked, min(flagged, run.n_samples))
    table = table.assign(
        title=[title_of(name) for name in table["criterion"]],
        against_title=[title_of(name) for name in table["against"]],
        budget=min(flagged, run.n_samples),
        epoch=last,
    )
    table["duel"] = [
        "duel?"
        + urlencode({"run": run.name, "criterion": r.criterion, "against": r.against})
        + f"&budget={r.budget}"
        for r in table.itertuples()
    ]
    return table.assign(absent=lacks) if lacks else table


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen; a number leads to the duel of its two criteria."""
    names = _names(table)
    titles = _titles(table)
    figure = go.Figure()
    annotations = []
    for number, (column, (scale, low)) in enumerate(PANELS.items()):
        axis = "" if number == 0 else "2"
        values = _matrix(table, column)
        figure.add_heatmap(
            x=titles,
            y=titles,
            z=values,
            zmin=low,
            zmax=1,
            colorscale=_colours(scale),
            colorbar={"thickness": 10, "x": 0.425 if number == 0 else 1.0, "len": 1.0},
            hoverongaps=False,
            hovertemplate="%{y} and %{x}: %{z:.3f}<extra></extra>",
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
        )
        figure.update_layout(
            {
                f"xaxis{axis}": {
                    "domain": [0.0, 0.41] if number == 0 else [0.575, 0.985],
                    "anchor": f"y{axis}",
                    "title": {"text": "Against"},
                    "tickangle": -45,
                },
                f"yaxis{axis}": {"anchor": f"x{axis}", "showgrid": False}
                | (
                    {"autorange": "reversed", "title": {"text": "Criterion"}}
                    if number == 0
                    else {"matches": "y", "showticklabels": False}
                ),
            }
        )
        annotations.append(
            {
                "x": 0.205 if number == 0 else 0.78,
                "y": 1.0,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "center",
                "yanchor": "bottom",
                "showarrow": False,
                "text": _panel_titles(table)[number],
                "font": {"size": 14},
            }
        )
        if len(names) <= MOST_ANNOTATED:
            annotations += [
                {
                    "x": titles[names.index(row["against"])],
                    "y": titles[names.index(row["criterion"])],
                    "xref": f"x{axis}",
                    "yref": f"y{axis}",
                    "showarrow": False,
                    "captureevents": True,  # else the plot below takes the click
                    "text": _link(row["duel"], _number(row[column]), _ink(row[column], scale, low)),
                    "font": {"size": 11},
                }
                for _, row in table.iterrows()
            ]
    figure = screen_figure(figure, height=200 + max(30 * len(names), 160))
    figure.update_layout(annotations=annotations, margin={"t": 48})
    figure.update_xaxes(showgrid=False)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    names, titles = _names(table), _titles(table)
    beside = width > 5
    aspect = 1.05 if beside else 0.95
    with paper_panels(width, 2, aspect) as (figure, all_axes):
        for axes, (column, (scale, low)), title in zip(
            all_axes, PANELS.items(), _panel_titles(table), strict=True
        ):
            values = _matrix(table, column)
            image = axes.imshow(values, vmin=low, vmax=1, cmap=scale)
            if len(names) <= (10 if beside else 8):
                for (row, place), value in np.ndenumerate(values):
                    axes.text(
                        place,
                        row,
                        "" if np.isnan(value) else f"{value:.2f}".replace("0.", "."),
                        ha="center",
                        va="center",
                        fontsize=SMALLEST,
                        color=_ink(value, scale, low),
                    )
            axes.set_xticks(range(len(names)), titles, rotation=90)
            is_first = axes is all_axes[0]
            axes.set_yticks(range(len(names)), titles if is_first or not beside else [])
            axes.tick_params(labelsize=SMALLEST)
            axes.set_xlabel("Against")
            axes.set_title(title.replace("<br>", "\n"))
            figure.colorbar(image, ax=axes, shrink=0.6, label=BARS[column])
            axes.set_ylabel("Criterion" if is_first or not beside else " ")
    return figure


def _names(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table["criterion"]))


def _titles(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table["title"]))


def _matrix(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column as (criterion, against); nothing where a criterion meets itself."""
    names = _names(table)
    return (
        table.pivot(index="criterion", columns="against", values=column)
        .loc[names, names]
        .to_numpy()
    )


def _panel_titles(table: pd.DataFrame) -> list[str]:
    first = table.iloc[0]
    chance = table["shared_by_chance"].median()
    return [
        f"Spearman’s rank correlation<br>all samples, epoch {first['epoch']}",
        f"Share in common of the {first['budget']:,} flagged<br>by chance {chance:.2f}",
    ]


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _link(address: str, text: str, ink: str) -> str:
    return f"<a href='{address}' target='_self' style='color:{ink}'>{text}</a>"


def _colours(scale: str) -> list[list]:
    """Return Matplotlib's scale for plotly, so that screen and paper have the same."""
    steps = np.linspace(0.0, 1.0, 17)
    rgb = (np.array(colormaps[scale](steps))[:, :3] * 255).round().astype(int)
    return [[float(t), f"rgb({r},{g},{b})"] for t, (r, g, b) in zip(steps, rgb, strict=True)]


def _ink(value: float, scale: str, low: float) -> str:
    """Return the colour of a number on its cell: the cell's colour decides, not the page's."""
    place = 0.5 if np.isnan(value) else (value - low) / (1.0 - low)
    red, green, blue, _ = colormaps[scale](place)
    return "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "black"


FIGURE = FigureSpec(
    title="Which criteria agree",
    paper="",
    look_for=(
        "Blocks of criteria that say the same: adding a second one of a block to a review brings "
        "little that is new. Criteria that share many flagged samples while their ranks differ "
        "agree about the worst ones only. A number opens the duel of its two criteria."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
