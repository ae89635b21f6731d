"""Train and test accuracy by epoch, with the paper's number where there is one."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Mark, Panel, Rule
from dashboard.drawing.run_lines import key, run_colours, run_names
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import of_pass
from hmw_core.experiments.paper import paper_accuracy
from hmw_core.log.reader import RunReader

KINDS = {"test_accuracy": "test", "train_accuracy": "train, on given labels"}
DASH = {"test": "solid", "train, on given labels": "dot"}


def prepare(runs: Sequence[RunReader]) -> pd.DataFrame:
    """Return run, pass, split, epoch, accuracy and `paper` (per cent, NaN without a row).

    Train accuracies are of the run's own pass, on the given labels.
    """
    parts = []
    for run in runs:
        metrics = run.metrics()
        noise = run.info.get("noise") or {}
        reported = paper_accuracy(
            run.info.get("recipe"),
            run.info["dataset"]["name"],
            noise.get("name"),
            noise.get("rate"),
        )
        for column, split in KINDS.items():
            part = metrics[["epoch"]].assign(
                run=run.name,
                split=split,
                **{"pass": run.pass_name},
                accuracy=100 * metrics[column],
                paper=reported if split == "test" else None,
            )
            parts.append(part.dropna(subset=["accuracy"]))
    table = pd.concat(parts) if parts else pd.DataFrame()
    if table.empty:
        raise CannotShow("no epoch of these runs with an accuracy is finished, so there is none")
    table = table.astype({"paper": float})
    return table[["run", "pass", "split", "epoch", "accuracy", "paper"]].reset_index(drop=True)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a colour a run, and where there is one the paper's number."""
    colours, names = run_colours(table["run"]), run_names(table, 18)
    marks: list[Mark] = []
    for run, part in table.groupby("run", sort=False):
        for split, line in part.groupby("split", sort=False):
            name = f"{names[run]}: {_last_and_best(line)}" if split == "test" else ""
            x, y, hover = line["epoch"], line["accuracy"], "epoch %{x}: %{y:.1f} %"
            marks.append(Line(x, y, colours[run], name, DASH[split], hover=hover))
        reported = part["paper"].dropna()
        if len(reported):
            told = f"paper, {names[run]}: {reported.iloc[0]:.1f} %"
            marks.append(Rule(y=reported.iloc[0], colour=colours[run], name=told, dash="longdash"))
    keys = {"test": "test: last and best", KINDS["train_accuracy"]: f"train ({of_pass(table)})"}
    marks += [key(keys[split], DASH[split]) for split in table["split"].unique()]
    return Drawing([Panel(marks, EPOCH, Axis("Accuracy (%)"))], height=420, aspect=0.7)


def _last_and_best(line: pd.DataFrame) -> str:
    best = line["accuracy"].max()
    last = line.loc[line["epoch"].idxmax(), "accuracy"]
    return f"{last:.1f} %, best {best:.1f} %"


FIGURE = FigureSpec(
    title="Accuracy by epoch",
    paper="",
    look_for=(
        "A test curve that rises and then falls while the train curve keeps rising: "
        "the network is memorising wrong labels. Train accuracies are those of the given labels."
    ),
    prepare=prepare,
    drawing=drawing,
    many=True,
)
