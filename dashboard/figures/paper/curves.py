"""Fig. 1: the loss of an easy, a hard and a mislabeled sample, beside their IAM."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Panel, Rule
from dashboard.drawing.style import role_looks
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import (
    absent_columns,
    absent_criteria,
    check_epoch,
    chosen_samples,
    class_title,
    in_sentence,
    of_class,
    of_pass,
    one_class,
    sample_title,
)
from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import new_scores, why_absent
from hmw_core.criteria.of_run import title_of
from hmw_core.errors import pick
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY

QUANTITIES = {"loss": ("Loss", "Loss (nat)"), "iam": ("IAM", "IAM so far (logit)")}


def prepare(
    run: RunReader,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    epoch: int | None = None,
    hard_by: str = HARD_BY,
    loss_axis: str = "linear",
) -> pd.DataFrame:
    """Return role, sample_id, sample, class_name, epoch, loss (nat), iam (logit), pass, loss_axis.

    `iam` is the criterion as it stood after each epoch: Eq. 7 over the epochs so far, with
    alpha = beta = 1. Both are NaN where the sample was not seen. Where the run's source lacks one
    of them, `absent` says so. `hard_by` is the criterion that says which clean sample is hard, and
    `loss_axis` is `linear` or `log`.
    """
    last = check_epoch(run, epoch)
    pick(dict.fromkeys(("linear", "log"), ""), loss_axis, "axis of the loss")
    has_iam = why_absent(run, CRITERIA["iam"]) is None
    lacks = [absent_columns(run, {"loss": "loss"}), absent_criteria(run, ["iam"])]
    if all(lacks):
        raise CannotShow(f"run {run.name!r} has {in_sentence(*lacks)}")
    given_label = one_class(run, given_label, sample_ids)
    title = class_title(run, given_label)
    chosen = chosen_samples(run, given_label, sample_ids, epoch, hard_by)
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
    table = (
        table[columns]
        .reset_index(drop=True)
        .assign(**{"pass": run.pass_name}, loss_axis=loss_axis, hard_by=title_of(hard_by))
    )
    return table.assign(absent=in_sentence(*lacks)) if any(lacks) else table


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a quantity that the log has, a line a sample."""
    samples = [part for _, part in table.groupby("sample_id", sort=False)]
    looks = role_looks([part["role"].iloc[0] for part in samples])
    some = {name: text for name, text in QUANTITIES.items() if table[name].notna().any()}
    panels = []
    for quantity, (name, axis) in (some or QUANTITIES).items():
        marks = [
            Line(part["epoch"], part[quantity], colour, part["sample"].iloc[0], dash)
            for part, (colour, dash) in zip(samples, looks, strict=True)
        ]
        zero = [Rule(y=0, dash="solid")] if quantity == "iam" else []
        is_log = quantity == "loss" and table["loss_axis"].iloc[0] == "log"
        y = Axis(f"{axis}, {of_pass(table)}", log=is_log)
        panels.append(Panel([*marks, *zero], EPOCH, y, name))
    return Drawing(panels, of_class(table))


FIGURE = FigureSpec(
    title="Loss and IAM of single samples",
    paper="Fig. 1",
    look_for=(
        "Whether the hard sample's curve stays apart from the mislabeled one's to the end: "
        "on the left the losses of both may fall together, on the right the margins may not."
    ),
    look_for_unknown=(
        "Whether the curves stay apart to the end. The samples are ranks of the loss: no true "
        "label is known, so none of them is known to be mislabeled."
    ),
    prepare=prepare,
    drawing=drawing,
)
