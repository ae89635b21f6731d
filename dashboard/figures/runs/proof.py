"""A proof's test accuracies: every seed, the mean and its interval, and the paired differences."""

from typing import Any

import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Mark, Panel, Points, Rule
from dashboard.drawing.run_lines import below
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


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: each seed, and their mean with its interval, a row an arm."""
    each = table.drop_duplicates("arm")
    arms = each["arm"].to_list()
    y = Axis("Trained on", names=each["title"].to_list())
    panels = []
    for name, shown in table.groupby("panel", sort=False):
        unit = "points" if name == "difference" else "%"
        marks: list[Mark] = [Rule(x=0)] if name == "difference" else []
        for arm, part in shown.groupby("arm", sort=False):
            row, colour, first = arms.index(arm), ARM_COLOURS[str(arm)], part.iloc[0]
            told = f", 95 % interval {first['low']:.2f} to {first['high']:.2f}"
            told = told if pd.notna(first["low"]) else ", no interval"
            hover = f"{first['title']}, seed %{{customdata[0]}}: %{{x:.2f}} {unit}"
            look: dict[str, Any] = {"size": 7, "alpha": 0.6, "hover": hover, "data": part["seed"]}
            mean = f"{first['title']}, mean of {len(part)}: %{{x:.2f}} {unit}{told}"
            ends: dict[str, Any] = {"low": [first["low"]], "high": [first["high"]], "hover": mean}
            marks += [
                Points(part["value"], below(row, len(part)), colour, **look),
                Points([first["mean"]], [row], colour, symbol="diamond", **ends),
            ]
        panels.append(Panel(marks, Axis(AXES[str(name)]), y))
    return Drawing(panels, share_y=True, row=50)


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


FIGURE = FigureSpec(
    title="What corrected labels are worth",
    paper="",
    look_for=(
        "Intervals of the differences that stay clear of zero: a diamond is the mean of the seeds "
        "with its 95 % interval, a dot a single seed. If it pays to drop the suspects, that beats "
        "dropping as many at random; if the corrections are right, they beat both."
    ),
    prepare=prepare,
    drawing=drawing,
)
