"""What the tab Method says of a run's training method, in sentences and tables."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.text import mid_sentence
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.method_course import (
    ALL,
    CLEAN,
    METHOD_LABEL,
    MISLABELED,
    RIGHT,
)
from hmw_core.log.reader import RunReader

# What to look for, by the method's name in the run's settings.
LOOK_FOR = {
    "co_teaching": (
        "Each network trains on the small-loss samples that the other picks. Look whether fewer "
        "mislabeled samples are kept than clean ones, and whether the networks stay different: "
        "once they predict the same, neither corrects the other."
    ),
    "co_teaching_plus": (
        "The networks train on samples that they predict differently. Look how fast they come to "
        "agree: then there is little left to train on."
    ),
    "jocor": (
        "Both networks are drawn together and train on the samples of small joint loss. Look "
        "whether fewer mislabeled samples are kept than clean ones."
    ),
    "divide_mix": (
        "Two Gaussians fitted to the losses of one network divide the samples for the other. Look "
        "whether the posterior of mislabeled samples falls to 0 after the warm-up, and that of "
        "clean ones stays near 1."
    ),
    "elr": (
        "A memory of early predictions holds against wrong labels. Look whether its belief in the "
        "given label of mislabeled samples stays low while the training goes on."
    ),
    "elr_plus": (
        "Two memories of early predictions hold against wrong labels. Look whether their belief in "
        "the given label of mislabeled samples stays low while the training goes on."
    ),
    "forward": (
        "A first training estimates which label became which, a second one corrects its loss by "
        "that matrix. Look how near the matrix is to the measured one."
    ),
    "backward": (
        "A first training estimates which label became which, a second one corrects its loss by "
        "the inverse of that matrix, which is unsteady where its condition number is large."
    ),
    "webly": (
        "A first training on easy samples, then a layer that turns true labels into given ones. "
        "Look how near its matrix is to the measured one."
    ),
    "gce_truncated": (
        "Samples whose given label the best model so far believes too little are left out. Look "
        "whether those are the mislabeled ones, and whether clean ones come back."
    ),
    "selfie": (
        "Samples are kept, refurbished with the label predicted most steadily, or dropped. Look "
        "whether the refurbished labels are right, and who is dropped."
    ),
    "plc": (
        "Labels that the network doubts most are replaced, step by step. Look whether the changes "
        "are right, and whether they stop before clean labels are changed."
    ),
    "pencil": (
        "Labels are learned with the network. Look whether those of mislabeled samples change to "
        "the true ones and those of clean samples stay."
    ),
    "d2l": (
        "The dimension of the features falls while true labels are learned and rises once wrong "
        "ones are memorised. Look whether the turning point lies at the smallest dimension."
    ),
    "incv": (
        "Networks trained on one half select samples of the other. Look whether the selected are "
        "clean: the last stage trains on them."
    ),
    "mentornet": (
        "A mentor weighs samples by how their loss runs. Look whether mislabeled samples lose "
        "their weight, and clean ones keep theirs."
    ),
    "aum": (
        "Samples whose margin lies below that of threshold samples are left out. Look whether "
        "those are the mislabeled ones."
    ),
}


def method_name(run: RunReader) -> str:
    """Return the name of the run's method in its settings; empty where none is noted."""
    return str((run.info.get("config") or {}).get("method") or "")


def look_for(run: RunReader) -> str:
    """Return what to look for: of a method known here its own sentence, else from its columns."""
    known = LOOK_FOR.get(method_name(run))
    if known:
        return known
    parts = []
    for column in run.method_columns.values():
        title = title_of(column.name)
        if column.name == METHOD_LABEL:
            parts.append("Look whether the labels that it would change become right.")
        elif column.categories:
            parts.append(f"Look in which part of {title} the mislabeled samples come to be.")
        elif column.higher_means:
            parts.append(
                f"Look whether {title} parts the samples: high ones should be "
                f"{column.higher_means}."
            )
    return " ".join(parts) or "Look when the numbers settle, and what happens at a stage's border."


def outcome(table: pd.DataFrame) -> list[str]:
    """Return what the last epoch with a value says, a sentence per flag, group and label.

    `table` is that of the figure `method_epochs`.
    """
    said = []
    for (_, kind), part in table.groupby(["quantity", "kind"], sort=False):
        part = part.dropna(subset=["value"])
        if part.empty:
            continue
        last = part[part["epoch"] == part["epoch"].max()]
        value = last.set_index("group")["value"]
        title = last["title"].iloc[0]
        when = f"epoch {last['epoch'].iloc[0]}"
        if kind in ("flag", "networks", "label"):
            text = f"{title}: {_share(value, ALL)} at {when}"
            if CLEAN in value or MISLABELED in value:
                text += f" ({_split(value)})"
            if kind == "label" and RIGHT in value:
                text += f"; {value[RIGHT]:.0f} % of the changes are right"
            said.append(f"{text}.")
        elif kind == "group":
            shares = ", ".join(f"{name} {share:.0f} %" for name, share in value.items())
            said.append(f"{title} at {when}: {shares}.")
        elif kind == "wrong":
            shares = ", ".join(f"{name} {share:.0f} %" for name, share in value.items())
            said.append(f"Of each of them mislabeled: {shares}.")
        elif kind == "mean" and MISLABELED in value and CLEAN in value:
            said.append(
                f"Mean {mid_sentence(title)} at {when}: {value[CLEAN]:.3g} of clean samples, "
                f"{value[MISLABELED]:.3g} of mislabeled ones."
            )
    return said


def _split(value: pd.Series) -> str:
    return ", ".join(f"{_share(value, g)} of the {g}" for g in (CLEAN, MISLABELED) if g in value)


def _share(value: pd.Series, group: str) -> str:
    return f"{value[group]:.0f} %" if group in value else "–"


def kept_table(run: RunReader) -> pd.DataFrame:
    """Return what the method keeps, ready to be read: name, unit, range, meaning."""
    rows: list[Sequence[str]] = [
        (c.name, "sample", c.unit, ", ".join(c.categories) or c.range, c.meaning)
        for c in run.method_columns.values()
    ]
    rows += [(m.name, "epoch", m.unit, "", m.meaning) for m in run.method_metrics.values()]
    return pd.DataFrame(rows, columns=["Name", "One a", "Unit", "Range", "Meaning"])
