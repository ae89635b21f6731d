"""A proof's test accuracies: every seed, the mean and its interval, and the paired differences."""

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_panels, screen_panels
from dashboard.drawing.style import BLUE, GREEN, GREY, ORANGE
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.experiments.proof import Proof, list_proofs, summary
from hmw_core.log.reader import RunReader

ARM_COLOURS = {
    "original": ORANGE,
    "corrected": GREEN,
    "suspects_dropped": BLUE,
    "random_dropped": GREY,
}
NARROW = {"random_dropped": "As many dropped\nat random"}  # titles that a column has no room for
AXES = {
    "accuracy": "Test accuracy (%)",
    "difference": "Difference to original (points)",
}
BELOW, SPREAD = 0.2, 0.16  # of a row's height: the seeds stand below the mean, spread so far


def prepare(
    run: RunReader, proof: str | None = None, n_trainings: int | None = None
) -> pd.DataFrame:
    """Return one row a panel, arm and seed: value beside the arm's mean, low and high.

    Columns: proof, panel (`accuracy`, in per cent of the test samples, or `difference` to the
    original labels with the same seed, in points), arm, title, seed, value, mean, low, high (95 %
    interval; NaN where there is none) and n_seeds.

    Parameters
    ----------
    run : RunReader
    proof : str, optional
        The proof's name. Default: the newest.
    n_trainings : int, optional
        Only the first so many trainings. Default: all that are finished.
    """
    found = _proof(run, proof)
    if n_trainings is not None:
        first = found.info["trainings"][:n_trainings]
        found = Proof(found.folder, found.info | {"trainings": first})
    trainings = found.trainings
    if trainings.empty:
        raise CannotShow(f"no training of the proof {found.name} is finished yet")
    arms = summary(found).set_index("arm")
    original = trainings[trainings["arm"] == "original"].set_index("seed")["test_accuracy"]
    accuracy = trainings.assign(panel="accuracy", value=100 * trainings["test_accuracy"])
    lead = 100 * (trainings["test_accuracy"] - trainings["seed"].map(original))
    difference = trainings.assign(panel="difference", value=lead)
    difference = difference[(difference["arm"] != "original") & difference["value"].notna()]
    parts = []
    for part, columns in (
        (accuracy, ["accuracy", "low", "high"]),
        (difference, ["difference", "difference_low", "difference_high"]),
    ):
        for name, column in zip(["mean", "low", "high"], columns, strict=True):
            part[name] = part["arm"].map(100 * arms[column])
        part["n_seeds"] = part.groupby("arm")["seed"].transform("size")
        parts.append(part)
    table = pd.concat(parts).assign(proof=found.name)
    table["title"] = table["arm"].map(arms["title"])
    order = {arm: place for place, arm in enumerate(arms.index)}
    table = table.sort_values(
        ["panel", "arm", "seed"], key=lambda c: c.map(order) if c.name == "arm" else c
    )
    columns = ["proof", "panel", "arm", "title", "seed", "value", "mean", "low", "high", "n_seeds"]
    return table[columns].reset_index(drop=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    panels = _panels(table)
    arms = _arms(table)
    figure = screen_panels([""] * len(panels), shared_y=True, height=120 + 70 * len(arms))
    for column, (name, panel) in enumerate(panels.items(), start=1):
        unit = "points" if name == "difference" else "%"
        for arm, part in panel.groupby("arm", sort=False):
            y, first = arms.index(arm), part.iloc[0]
            shared = {"showlegend": False, "mode": "markers"}
            figure.add_scatter(
                x=part["value"],
                y=_seed_heights(y, len(part)),
                marker={"size": 7, "color": ARM_COLOURS[arm], "opacity": 0.7},
                customdata=part["seed"],
                hovertemplate=f"{first['title']}, seed %{{customdata}}: %{{x:.2f}} {unit}"
                "<extra></extra>",
                **shared,
                row=1,
                col=column,
            )
            has_interval = pd.notna(first["low"])
            told = f", 95 % interval {first['low']:.2f} to {first['high']:.2f}"
            figure.add_scatter(
                x=[first["mean"]],
                y=[y],
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [first["high"] - first["mean"]],
                    "arrayminus": [first["mean"] - first["low"]],
                    "color": ARM_COLOURS[arm],
                    "visible": bool(has_interval),
                },
                marker={"size": 11, "color": ARM_COLOURS[arm], "symbol": "diamond"},
                hovertemplate=f"{first['title']}, mean of {len(part)}: %{{x:.2f}} {unit}"
                f"{told if has_interval else ', no interval'}<extra></extra>",
                **shared,
                row=1,
                col=column,
            )
        if name == "difference":
            figure.add_vline(
                x=0, line={"color": GREY, "width": 1, "dash": "dot"}, row=1, col=column
            )
        figure.update_xaxes(title=AXES[name], row=1, col=column)
    titles = table.drop_duplicates("arm").set_index("arm")["title"]
    figure.update_yaxes(
        tickvals=list(range(len(arms))),
        ticktext=[titles[arm] for arm in arms],
        range=[len(arms) - 0.4, -0.5],
        showgrid=False,
        zeroline=False,
    )
    figure.update_xaxes(showgrid=True, zeroline=False)
    figure.update_yaxes(title="Trained on", row=1, col=1)
    figure.update_layout(margin={"t": 12})
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    panels = _panels(table)
    arms = _arms(table)
    titles = table.drop_duplicates("arm").set_index("arm")["title"]
    names = [NARROW.get(arm, titles[arm]) for arm in arms]
    beside = width > 5
    aspect = (0.5 + 0.3 * len(arms)) * (len(panels) if beside else 1) / width
    aspect *= min(max(width / 7, 1.0), 1.6)  # a slide's letters are larger
    with paper_panels(width, len(panels), aspect, sharey=beside) as (figure, all_axes):
        for axes, (name, panel) in zip(all_axes, panels.items(), strict=True):
            for arm, part in panel.groupby("arm", sort=False):
                y, first, colour = arms.index(arm), part.iloc[0], ARM_COLOURS[arm]
                axes.plot(
                    part["value"],
                    _seed_heights(y, len(part)),
                    "o",
                    color=colour,
                    markersize=2.5,
                    alpha=0.55,
                    markeredgewidth=0,
                )
                if pd.notna(first["low"]):
                    axes.plot([first["low"], first["high"]], [y, y], color=colour, linewidth=1.2)
                axes.plot(first["mean"], y, "D", color=colour, markersize=4)
            if name == "difference":
                axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
            axes.set_ylim(len(arms) - 0.4, -0.5)
            axes.set_yticks(range(len(arms)), names)
            axes.set_xlabel(AXES[name])
        for axes in all_axes[:: len(panels) if beside else 1]:
            axes.set_ylabel("Trained on")
    return figure


def _proof(run: RunReader, name: str | None) -> Proof:
    proofs, broken = list_proofs(run.folder)
    if name in broken:
        raise UsageError(broken[name])
    by_name = {proof.name: proof for proof in proofs}
    if not by_name:
        raise CannotShow(
            f"run {run.name!r} has no proof; `python -m training prove RUN --labels FILE` makes one"
        )
    if name is not None and name not in by_name:
        raise CannotShow(f"run {run.name!r} has no proof {name!r}; it has {', '.join(by_name)}")
    return proofs[0] if name is None else by_name[name]


def _panels(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {name: part for name, part in table.groupby("panel", sort=False)}


def _arms(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table["arm"]))


def _seed_heights(y: int, n_seeds: int) -> list[float]:
    """Return where the seeds' points stand: below the mean, one under another."""
    step = SPREAD / max(n_seeds - 1, 1)
    return [y + BELOW + step * place for place in range(n_seeds)]


FIGURE = FigureSpec(
    title="What corrected labels are worth",
    paper="",
    look_for=(
        "Intervals of the differences that stay clear of zero: a diamond is the mean of the seeds "
        "with its 95 % interval, a dot a single seed. If it pays to drop the suspects, that beats "
        "dropping as many at random; if the corrections are right, they beat both."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
