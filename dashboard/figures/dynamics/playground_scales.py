"""What alpha and beta do to the weights: mean weights, effective size and AUROC over a grid."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels, screen_panels
from dashboard.drawing.style import GREEN, GREY, GROUP_COLOURS, PURPLE
from dashboard.drawing.text import on_paper, on_screen, wrap
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.dynamics.playground import in_words
from dashboard.figures.selection import check_epoch
from hmw_core.errors import UsageError
from hmw_core.laboratory.hm_replay import SCALES, Settings, logged_settings, over_scales
from hmw_core.laboratory.weight_measures import LOW_MEAN, effective_share, separation
from hmw_core.log.reader import RunReader

VARIED = {"both": "alpha = beta", "alpha": "alpha", "beta": "beta"}
# Quantity: its panel, its title, colour and dash.
LINES = {
    "mean_clean": ("weight", "mean, clean", GROUP_COLOURS["clean"], "solid"),
    "mean_mislabeled": ("weight", "mean, mislabeled", GROUP_COLOURS["mislabeled"], "dot"),
    "mean": ("weight", "mean, all (true label unknown)", GROUP_COLOURS["unknown"], "solid"),
    "effective_share": ("share", "effective sample size, share", PURPLE, "solid"),
    "weight_share_mislabeled": (
        "share",
        "share of weight on mislabeled",
        GROUP_COLOURS["mislabeled"],
        "dash",
    ),
    "auroc": ("share", "AUROC of the weight", GREEN, "dashdot"),
}
PANELS = {"weight": "Mean HM weight", "share": "Shares and AUROC"}
AXES = {"weight": "Mean HM weight", "share": "Share, or AUROC"}


def prepare(
    run: RunReader,
    settings: Settings | None = None,
    epoch: int | None = None,
    vary: str = "both",
) -> pd.DataFrame:
    """Return scale, quantity, value, n_samples; and `chosen`, `logged`: the settings' own scale.

    A row per quantity of `LINES` that is known and per scale of `playground.SCALES`. `vary` is
    `both` (alpha = beta), `alpha` or `beta`; the other then stays as chosen, at the nearest scale
    that the grid has. Of a random part of a large run, see `playground.over_scales`. The warm-up
    and the division by the mean are left out.

    Raises
    ------
    CannotShow
        If the run has no such epoch, or its log lacks what the settings need.
    """
    last = check_epoch(run, epoch)
    own = logged_settings(run)
    chosen = own if settings is None else settings
    if vary not in VARIED:
        raise CannotShow(f"there is no {vary!r} to vary; accepted: {', '.join(VARIED)}")
    extra = {chosen.alpha, chosen.beta}
    scales = tuple(sorted({*SCALES, *extra}))
    try:
        found, aum_terms, tkum_terms = over_scales(run, _annealed(chosen), last, scales)
    except UsageError as error:
        raise CannotShow(str(error)) from None
    rows = []
    for at, scale in enumerate(scales):
        alpha = scales.index(chosen.alpha) if vary == "beta" else at
        beta = scales.index(chosen.beta) if vary == "alpha" else at
        weight = chosen.factor * (aum_terms[alpha] + tkum_terms[beta])
        measured = _measured(weight, found.group)
        rows += [(scale, name, value) for name, value in measured.items() if value == value]
    table = pd.DataFrame(rows, columns=["scale", "quantity", "value"])
    return table.assign(
        vary=VARIED[vary],
        fixed=_fixed(chosen, vary),
        chosen=_scale(chosen, vary),
        logged=_scale(own, vary),
        n_samples=int((~np.isnan(aum_terms[0])).sum()),
        n_of=run.n_samples,
        epoch=last,
        settings=in_words(chosen),
    )


def _annealed(settings: Settings) -> Settings:
    """Return the settings without what does not decide the terms, so that they are kept once."""
    return Settings(
        k=settings.k,
        annealing_start=settings.annealing_start,
        history=settings.history,
        terms=settings.terms,
    )


def _measured(weight: np.ndarray, group: np.ndarray) -> dict[str, float]:
    seen = ~np.isnan(weight)
    weight, group = weight[seen], group[seen]
    clean, mislabeled = weight[group == 0], weight[group == 1]
    found = {"effective_share": effective_share(weight)}
    if not len(clean) and not len(mislabeled):
        return {"mean": float(weight.mean()), **found}
    known = clean.sum() + mislabeled.sum()
    return {
        "mean_clean": float(clean.mean()) if len(clean) else np.nan,
        "mean_mislabeled": float(mislabeled.mean()) if len(mislabeled) else np.nan,
        **found,
        "weight_share_mislabeled": float(mislabeled.sum() / known),
        "auroc": separation(clean, mislabeled)[0],
    }


def _scale(settings: Settings, vary: str) -> float:
    """Return where settings lie on the axis; NaN where they are not on this line."""
    if vary == "both" and settings.terms == "both" and settings.alpha != settings.beta:
        return float("nan")
    return settings.beta if vary == "beta" or settings.terms == "tkum" else settings.alpha


def _fixed(settings: Settings, vary: str) -> str:
    if vary == "both" or settings.terms != "both":
        return ""
    return f"beta = {settings.beta:g}" if vary == "alpha" else f"alpha = {settings.alpha:g}"


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = screen_panels(list(PANELS.values()), height=400)
    places = _places(table["scale"])
    for column, panel in enumerate(PANELS, start=1):
        for name, part in _lines(table, panel):
            _, title, colour, dash = LINES[name]
            figure.add_scatter(
                x=part["scale"].map(places),
                y=part["value"],
                customdata=part["scale"],
                mode="lines+markers",
                name=title,
                line={"color": colour, "dash": dash},
                hovertemplate="%{customdata:g}: %{y:.3f}",
                row=1,
                col=column,
            )
        for scale, text in _marks(table):
            figure.add_vline(
                x=places[scale],
                line={"color": GREY, "width": 1, "dash": "dash"},
                annotation={"text": text, "font": {"size": 11}},
                annotation_position="bottom right",
                row=1,
                col=column,
            )
    figure.add_hline(y=LOW_MEAN, line={"color": GREY, "width": 1, "dash": "dot"}, row=1, col=1)
    figure.update_xaxes(
        title=on_screen(_axis(table)),
        tickvals=[places[scale] for scale in _ticks(places)],
        ticktext=[f"{scale:g}" for scale in _ticks(places)],
    )
    for column, panel in enumerate(PANELS, start=1):
        figure.update_yaxes(title=AXES[panel], range=[0, _top(table, panel)], row=1, col=column)
    return figure.update_layout(margin={"t": 60})


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    places = _places(table["scale"])
    with paper_panels(width, len(PANELS), 0.8) as (figure, all_axes):
        for axes, panel in zip(all_axes, PANELS, strict=True):
            for name, part in _lines(table, panel):
                _, title, colour, dash = LINES[name]
                look: dict[str, Any] = {"marker": "o", "markersize": 2.5, "color": colour}
                axes.plot(part["scale"].map(places), part["value"], PAPER_DASHES[dash], **look)
                # One legend for both panels: it is that of the first.
                all_axes[0].plot([], [], PAPER_DASHES[dash], label=title, **look)
            for scale, _ in _marks(table):
                axes.axvline(places[scale], color=GREY, linewidth=0.8, linestyle="--", zorder=0)
            axes.set_title(PANELS[panel])
            ticks = _ticks(places)
            axes.set_xticks([places[s] for s in ticks], [f"{s:g}" for s in ticks])
            axes.set_xlabel(on_paper(wrap(_axis(table), 44)))
            axes.set_ylabel(AXES[panel])
            axes.set_ylim(0, _top(table, panel))
        paper_legend(figure, all_axes[0])
    return figure


def _places(scales: pd.Series) -> dict[float, float]:
    """Return where each scale stands: by its logarithm, and 0 one step left of the smallest."""
    ordered = sorted(set(scales))
    above = [scale for scale in ordered if scale > 0]
    places = {scale: float(np.log10(scale)) for scale in above}
    return ({0.0: places[above[0]] - 1} if 0.0 in ordered else {}) | places


def _ticks(places: dict[float, float]) -> list[float]:
    """Return the scales to name on the axis: 0 and the powers of ten."""
    return [scale for scale in places if places[scale] == round(places[scale])]


def _lines(table: pd.DataFrame, panel: str) -> list[tuple[str, pd.DataFrame]]:
    shown = [name for name in LINES if LINES[name][0] == panel]
    return [
        (name, table[table["quantity"] == name]) for name in shown if name in set(table["quantity"])
    ]


def _marks(table: pd.DataFrame) -> list[tuple[float, str]]:
    """Return the scales to mark and what to call them."""
    first = table.iloc[0]
    names = {"chosen": first["chosen"], "log": first["logged"]}
    known = {name: scale for name, scale in names.items() if scale in set(table["scale"])}
    if len(set(known.values())) == 1 and len(known) == 2:
        return [(known["chosen"], "chosen = log")]
    return [(scale, name) for name, scale in known.items()]


def _axis(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    return ", ".join(filter(None, [first["vary"], first["fixed"]]))


def _top(table: pd.DataFrame, panel: str) -> float:
    return 1.02 * max(
        1.0, max((part["value"].max() for _, part in _lines(table, panel)), default=1)
    )


FIGURE = FigureSpec(
    title="What alpha and beta do",
    paper="",
    look_for=(
        "The AUROC often keeps rising while the clean samples' mean weight falls: an order well "
        "told is no reason for weights near 0. Below the dotted line clean samples are warned of "
        "as starved. A high weight means clean."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
