"""What alpha and beta do to the weights: mean weights, effective size and AUROC over a grid."""

from typing import Any

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Line, Mark, Panel, Rule
from dashboard.drawing.style import GREEN, PURPLE
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
    "mean_clean": ("weight", "mean, clean", "clean", "solid"),
    "mean_mislabeled": ("weight", "mean, mislabeled", "mislabeled", "dot"),
    "mean": ("weight", "mean, all (true label unknown)", "unknown", "solid"),
    "effective_share": ("share", "effective sample size, share", PURPLE, "solid"),
    "weight_share_mislabeled": (
        "share",
        "share of weight on mislabeled",
        "mislabeled",
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
    if not len(weight):
        return {}
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


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a line a quantity, with the scales chosen and logged marked."""
    first, places = table.iloc[0], _places(table["scale"])
    known = set(table["scale"])
    marked = [
        (n, s) for n, s in (("chosen", first["chosen"]), ("log", first["logged"])) if s in known
    ]
    if len(marked) == 2 and marked[0][1] == marked[1][1]:
        marked = [("chosen = log", marked[0][1])]
    # Named are 0 and the powers of ten.
    ticks = {at: f"{scale:g}" for scale, at in places.items() if at == round(at)}
    x = Axis(", ".join(filter(None, [first["vary"], first["fixed"]])), ticks=ticks)
    panels = []
    for panel, title in PANELS.items():
        marks: list[Mark] = []
        top = 1.0
        for quantity, (of, name, colour, dash) in LINES.items():
            part = table[table["quantity"] == quantity]
            if of == panel and len(part):
                at, top = part["scale"].map(places), max(top, part["value"].max())
                look: dict[str, Any] = {
                    "dots": True,
                    "hover": "%{customdata[0]:g}: %{y:.3f}",
                    "data": part["scale"],
                }
                marks.append(Line(at, part["value"], colour, name, dash, **look))
        marks += [Rule(x=places[scale], dash="dash", text=text) for text, scale in marked]
        marks += [Rule(y=LOW_MEAN)] if panel == "weight" else []
        panels.append(Panel(marks, x, Axis(AXES[panel], (0, 1.02 * top)), title))
    return Drawing(panels, aspect=0.8)


def _places(scales: pd.Series) -> dict[float, float]:
    """Return where each scale stands: by its logarithm, and 0 one step left of the smallest."""
    ordered = sorted(set(scales))
    above = [scale for scale in ordered if scale > 0]
    places = {scale: float(np.log10(scale)) for scale in above}
    return ({0.0: places[above[0]] - 1} if 0.0 in ordered else {}) | places


FIGURE = FigureSpec(
    title="What alpha and beta do",
    paper="",
    look_for=(
        "The AUROC often keeps rising while the clean samples' mean weight falls: an order well "
        "told is no reason for weights near 0. Below the dotted line clean samples are warned of "
        "as starved. A high weight means clean."
    ),
    prepare=prepare,
    drawing=drawing,
)
