"""Mean HM weight of each class's clean and mislabeled samples: chosen settings, and the log's."""

import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Mark, Panel, Points, Rule
from dashboard.drawing.text import shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.playground import CHOSEN, LOGGED, both
from hmw_core.laboratory.hm_replay import Settings
from hmw_core.laboratory.weight_measures import LOW_CLASS, measure
from hmw_core.log.reader import RunReader

GROUPS = {"mean_clean": "clean", "mean_mislabeled": "mislabeled", "mean": "unknown"}
TITLES = {"clean": "clean", "mislabeled": "mislabeled", "unknown": "all, true label unknown"}
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


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a row a class, open marks for the log's own settings."""
    each = table.drop_duplicates("given_label")
    marks: list[Mark] = []
    for (of, group), part in table.groupby(["of", "group"], sort=False):
        marks.append(
            Points(
                part["mean_weight"],
                part["given_label"].map(each["given_label"].to_list().index),
                str(group),
                f"{TITLES[group]}, {of}: {part['settings'].iloc[0]}",
                hollow=of == LOGGED,
                hover="%{x:.3f}, %{customdata[1]:.2f} of the mean of all classes "
                "(class of %{customdata[0]:,})",
                data=part[["n_samples", "fair"]],
            )
        )
        if of == CHOSEN and group != "mislabeled":
            low = LOW_CLASS * part["overall"].iloc[0]
            marks.append(Rule(x=low, colour=str(group), dash="dash"))
    y = Axis("Given label", names=[shorten(name, 24) for name in each["class_name"]])
    return Drawing([Panel(marks, Axis("Mean HM weight", (0, None)), y)])


FIGURE = FigureSpec(
    title="Mean weight of each class",
    paper="",
    look_for=(
        f"Clean samples of a class left of the dashed line, {100 * LOW_CLASS:.0f} % of the mean "
        "of all clean samples with the chosen settings: that class is starved. Filled marks are "
        "the chosen settings, open ones the log's."
    ),
    prepare=prepare,
    drawing=drawing,
)
