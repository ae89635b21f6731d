"""Where to cut a criterion's score: the histogram, a rule's model, threshold and band."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Line, Mark, Panel, Rule, Span, Steps
from dashboard.drawing.style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
)
from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import absent_criteria, check_epoch, of_pass
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.laboratory.thresholds import (
    LOSS_FLOOR,
    RULES,
    Scale,
    Threshold,
    axis_scale,
    band,
    find_threshold,
    score_of,
    threshold_table,
    to_axis,
    usable_rules,
)
from hmw_core.log.reader import RunReader
from hmw_core.statistics.modes import bandwidth, density

N_BINS, N_CURVE = 60, 240
GROUPS = {"clean": "clean", "mislabeled": "mislabeled", "unknown": "true label unknown"}
# One colour a rule, none of them that of a group.
RULE_COLOURS = {
    "gaussian": BLUE,
    "divide_mix": PURPLE,
    "beta": ORANGE,
    "valley": GREEN,
    "threshold_samples": "#C2437F",
}
MODELS = {
    "kept": "model: the less suspicious component",
    "suspected": "model: the more suspicious component",
    "smoothed": "smoothed histogram",
}
MODEL_DASHES = {"kept": "dash", "suspected": "dot", "smoothed": "dash"}


def prepare(
    runs: Sequence[RunReader],
    criterion: str = "iam",
    rule: str = "gaussian",
    epoch: int | None = None,
    level: float = 0.5,
    groups: bool = True,
    with_band: bool = True,
) -> pd.DataFrame:
    """Return the first run's histogram with its thresholds, and how the chosen one moves.

    Parameters
    ----------
    runs : sequence of RunReader
        The run, then runs of its recipe with other seeds.
    criterion, rule, epoch, level
        As `thresholds.find_threshold`'s.
    groups : bool
        Whether clean and mislabeled samples are drawn too, where it is known which they are.
    with_band : bool
        Whether the thresholds at earlier checkpoints and of the other seeds are computed.

    Returns
    -------
    DataFrame
        A row a thing drawn, by `part`: `bar` (`group` all, clean, ...; `left`, `right`, `height`
        in samples), `model` (`group` of `MODELS`; `left` is the place, `height` samples a bin),
        `cut` (`group` the rule, `left` the threshold, `height` samples flagged), `band` (`group`
        epochs or seeds, from `left` to `right`; `low` and `high` samples flagged). Beside them
        what all share: criterion, title, unit, higher_means, scale, rule, epoch, n_scored,
        n_without_score, and for the thresholds `why` there is none.
    """
    run = runs[0]
    last = check_epoch(run, epoch)
    of = pick_criterion(run, criterion)
    lacks = absent_criteria(run, [criterion])
    if lacks:
        raise CannotShow(f"run {run.name!r} has {lacks}")
    rules = usable_rules(run, criterion)
    if rule not in rules:
        raise CannotShow(
            f"the rule {rule!r} cannot cut {of.title} of run {run.name!r}; "
            f"there are {', '.join(rules)}"
        )
    score = score_of(run, criterion, rule, last)
    known = np.isfinite(score)
    if not known.any():
        raise CannotShow(f"run {run.name!r} logs nothing that {criterion} can be computed from")
    scale = axis_scale(of)
    values = score[known].to_numpy()
    values = np.maximum(values, LOSS_FLOOR) if scale == "log" else values
    edges = _edges(values, scale)
    table = threshold_table(run, criterion, last, level)
    threshold = find_threshold(run, criterion, rule, last, level)
    parts = [_bars(values, edges, "all")]
    if groups and run.has_true_label:
        wrong = run.samples()["is_mislabeled"].loc[score.index][known]
        named = wrong.map({True: "mislabeled", False: "clean"}).fillna("unknown").to_numpy()
        parts += [_bars(values[named == g], edges, g) for g in GROUPS if (named == g).any()]
    parts.append(_model(threshold, values, edges, of, rule, scale))
    parts.append(
        table.reset_index()[["rule", "cut", "n_flagged", "why"]]
        .set_axis(["group", "left", "height", "why"], axis=1)
        .assign(part="cut")
    )
    if with_band:
        parts.append(_band(band(runs, criterion, rule, last, level), threshold, last))
    return pd.concat([part for part in parts if len(part)], ignore_index=True).assign(
        criterion=criterion,
        title=of.title,
        unit=of.unit,
        higher_means=of.higher_means,
        scale=scale,
        rule=rule,
        epoch=last,
        n_scored=int(known.sum()),
        n_without_score=int((~known).sum()),
        **{"pass": run.pass_name},
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: histograms, the rule's model and band, and all thresholds."""
    first, parts = table.iloc[0], dict(list(table.groupby("part")))
    top = float(parts["bar"]["height"].max()) * 1.05
    marks: list[Mark] = []
    for group, part in parts["bar"].groupby("group", sort=False):
        name = f"{GROUPS.get(str(group), 'all samples')} ({part['height'].sum():,.0f})"
        edges, hover = [*part["left"], part["right"].iloc[-1]], "%{x:.3g}: %{y:,} samples"
        of_all = group == "all"
        colour, width, alpha = ("quiet", 1.0, 0.25) if of_all else (str(group), 1.5, 0.12)
        marks.append(Steps(edges, part["height"], colour, name, width, alpha, hover))
    rest = parts.get("model", table[:0])
    for group, part in rest.groupby("group", sort=False):
        height = part["height"].where(part["height"] <= top)
        look: dict[str, Any] = {"width": 1.5, "hover": "%{y:.1f} samples a bar"}
        shade, dash = RULE_COLOURS[first["rule"]], MODEL_DASHES[str(group)]
        marks.append(Line(part["left"], height, shade, MODELS[str(group)], dash, **look))
    for row in parts.get("band", table[:0]).itertuples():
        shade = SKY if row.group == "seeds" else RULE_COLOURS[first["rule"]]
        marks.append(Span(row.left, row.right, shade, _band_title(row), 0.22))
    for row in parts["cut"].dropna(subset="left").itertuples():
        name = f"{RULES[row.group].title}: {row.height:,.0f} flagged"
        dash, width = ("solid", 2.5) if row.group == first["rule"] else ("dot", 1.5)
        colour = RULE_COLOURS[row.group]
        marks.append(Rule(row.left, None, colour, name, dash, width, hover="%{x:.4g}"))
    side = "lower" if first["higher_means"] == "clean" else "higher"
    x = Axis(f"{first['title']} ({first['unit']}), {side}: flagged", log=first["scale"] == "log")
    title = f"{shorten(first['title'], 40)} · epoch {first['epoch']}, {of_pass(table)}"
    return Drawing([Panel(marks, x, Axis("Samples", (0, top)))], title, height=460, aspect=0.7)


def _bars(values: np.ndarray, edges: np.ndarray, group: str) -> pd.DataFrame:
    count = np.histogram(values, edges)[0]
    return pd.DataFrame(
        {"part": "bar", "group": group, "left": edges[:-1], "right": edges[1:], "height": count}
    )


def _model(
    threshold: Threshold,
    values: np.ndarray,
    edges: np.ndarray,
    criterion: Criterion,
    rule: str,
    scale: Scale,
) -> pd.DataFrame:
    """Return what the rule sees, as samples a bar of the histogram."""
    low, high = (np.log10(edges[[0, -1]]) if scale == "log" else edges[[0, -1]]).tolist()
    drawn = np.linspace(low, high, N_CURVE)
    x = 10.0**drawn if scale == "log" else drawn
    of_rule = axis_scale(criterion, rule)
    per_bar = len(values) * (high - low) / N_BINS
    if scale == "log" and of_rule == "linear":
        per_bar = per_bar * x * np.log(10)  # an equal step of the axis is a longer one there
    curves = {}
    if threshold.mixture is not None:
        at = to_axis(x, criterion, of_rule)
        both = np.exp(threshold.mixture.log_density(at))
        start, end = threshold.mixture.support
        both[(at < start) | (at > end)] = 0.0
        curves = {"kept": both[:, 0] * per_bar, "suspected": both[:, 1] * per_bar}
    elif rule == "valley":
        on_axis = to_axis(values, criterion, of_rule)
        width = bandwidth(on_axis)
        if width > 0:
            place, height = density(on_axis, width)
            at = to_axis(x, criterion, of_rule)
            curves = {"smoothed": np.interp(at, place, height) * per_bar}
    parts = [
        pd.DataFrame({"part": "model", "group": group, "left": x, "height": height})
        for group, height in curves.items()
    ]
    return pd.concat(parts) if parts else pd.DataFrame()


def _band(found: pd.DataFrame, threshold: Threshold, last: int) -> pd.DataFrame:
    """Return the range of the threshold over epochs and over seeds, itself included."""
    rows = []
    for over, part in found.groupby("over"):
        if over == "seeds" and not np.isnan(threshold.cut):
            own = {"cut": threshold.cut, "n_flagged": threshold.n_flagged, "epoch": last}
            part = pd.concat([part, pd.DataFrame([own])])
        if len(part) < 2:
            continue
        rows.append(
            {
                "part": "band",
                "group": over,
                "left": part["cut"].min(),
                "right": part["cut"].max(),
                "low": part["n_flagged"].min(),
                "high": part["n_flagged"].max(),
                "first_epoch": part["epoch"].min(),
                "last_epoch": part["epoch"].max(),
                "n_thresholds": len(part),
            }
        )
    return pd.DataFrame(rows)


def _edges(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Return the bars' edges, even on the axis; a single value stands in the middle of them."""
    on_axis = np.log10(values) if scale == "log" else values
    low, high = float(on_axis.min()), float(on_axis.max())
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, N_BINS + 1)
    if scale == "log":
        edges = 10.0**edges
        # Rounding must not leave the smallest or largest score outside.
        edges[0], edges[-1] = min(edges[0], values.min()), max(edges[-1], values.max())
    return edges


def _band_title(row) -> str:
    flags = f"{row.low:,.0f} to {row.high:,.0f} flagged"
    if row.group == "seeds":
        return f"thresholds of {row.n_thresholds:.0f} seeds: {flags}"
    return f"thresholds of epochs {row.first_epoch:.0f} to {row.last_epoch:.0f}: {flags}"


FIGURE = FigureSpec(
    title="Where to cut the score",
    paper="",
    look_for=(
        "A threshold means something where the histogram has two humps and the thresholds agree on "
        "the gap between them. Where the thresholds of several rules lie far apart, or the band is "
        "wide, the number flagged is the rule's choice and not the data's."
    ),
    prepare=prepare,
    drawing=drawing,
    many=True,
)
