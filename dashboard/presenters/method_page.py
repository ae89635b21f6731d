"""What the tab Method says of a run's training method, in sentences and tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.text import mid_sentence, percent, shorten
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.label_contest import METHOD, VOTES, WRONG
from hmw_core.laboratory.method_course import (
    ALL,
    CLEAN,
    MISLABELED,
    RIGHT,
)
from hmw_core.laboratory.transition import (
    matrix_error,
    measured_counts,
    method_shares,
    row_shares,
)
from hmw_core.log.reader import RunReader
from hmw_core.samples.compare import wilson
from hmw_core.samples.method_parts import METHOD_LABEL, Parts

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
    "unicon": (
        "Of every class the samples whose given label both networks agree with most are labelled, "
        "the others are guessed. Look whether the mislabeled samples come to be unlabelled, and "
        "how many clean ones go with them."
    ),
    "elr": (
        "A memory of early predictions holds against wrong labels. Look whether its belief in the "
        "given label of mislabeled samples stays low while the training goes on."
    ),
    "elr_plus": (
        "Each network is held to the early predictions of the other's slow copy. Look whether the "
        "belief in the given label of mislabeled samples stays low in both memories."
    ),
    "instance_gm": (
        "As DivideMix, and an autoencoder of each network explains the given labels. Look whether "
        "it finds the given label of mislabeled samples improbable, and whether the pictures it "
        "reconstructs worst are unlike the others."
    ),
    "puridiver": (
        "Samples are taken for correct, are relabelled with what the network says, or have no "
        "label. Look whether the mislabeled ones leave the first part, and whether those of the "
        "second are given their true labels."
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
    "iterative_cv": (
        "Networks trained on one half select samples of the other, round by round. Look whether "
        "the selected are clean: the last stage trains on them, and drops the samples of large "
        "loss."
    ),
    "ced": (
        "Two networks that learned with few features first pick small-loss samples for each other. "
        "Look how few features do best, and whether fewer mislabeled samples are kept than clean "
        "ones."
    ),
    "bilevel": (
        "Batches are weighed by how much they help the others. Look whether mislabeled samples "
        "come to lie in batches of small weight."
    ),
    "mentor_net": (
        "A mentor weighs samples by how their loss runs. Look whether mislabeled samples lose "
        "their weight, and clean ones keep theirs."
    ),
    "moit": (
        "The nearest neighbours of each sample vote on its label. Look whether mislabeled samples "
        "come to disagree with theirs, and whether the clean set stays free of them."
    ),
    "sel_cl": (
        "Samples whose neighbours agree are confident, and pairs of them teach what is similar. "
        "Look whether mislabeled samples stay out of the confident, and have few partners."
    ),
    "sel_cl_plus": (
        "Pairs of confident samples teach what is similar, and the last confident samples train a "
        "new classifier. Look whether mislabeled ones stay out, and what the second stage adds."
    ),
    "moit_plus": (
        "The nearest neighbours of each sample vote on its label, and the last clean set trains a "
        "new classifier. Look whether mislabeled samples are in it, and what the second stage adds."
    ),
    "aum": (
        "Samples whose margin lies below that of threshold samples are left out. Look whether "
        "those are the mislabeled ones."
    ),
    "cutmix": (
        "Pictures are cut from two, so no label is seen with a whole picture of its own. Look "
        "whether the whole pictures of mislabeled samples keep a higher loss than clean ones."
    ),
    "proto_mix": (
        "Labels are corrected by the network and the nearest pictures, and only sure ones are "
        "trained on. Look whether the relabelled samples become right, and whether mislabeled ones "
        "are kept: a low threshold keeps a given label on little belief."
    ),
}


CONDITION = (
    "The condition number says how much an error may grow when the matrix is undone; 1 is the best."
)


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


def matrix_sentences(run: RunReader) -> list[str]:
    """Say what the method's transition matrix is and how far from the truth; nothing for none."""
    believed = method_shares(run)
    if believed is None:
        return []
    facts = run.method_facts
    wrong = 1 - float(np.diag(believed).mean())
    origin = facts.get("transition_from")
    said = f"The method's matrix{f' ({origin})' if origin else ''} has {percent(wrong)} of a class"
    said += " given another label, on average over the classes"
    sentences = []
    measured = measured_counts(run)
    if measured is not None:
        truth = row_shares(measured).share
        rows = ~np.isnan(truth).any(axis=1)
        really = 1 - float(np.diag(truth)[rows].mean())
        error = matrix_error(believed, truth, measured.sum(axis=1))
        said += f"; really it is {percent(really)}"
        sentences.append(
            f"Per row, {percent(error.total_variation)} of the "
            "samples lie in wrong cells (total variation distance; worst: "
            f"{shorten(run.class_names[error.worst], 40)}, "
            f"{percent(error.worst_total_variation)})."
        )
    condition = facts.get("condition_number")
    if condition is not None:
        sentences.append(f"Its condition number is {condition:.3g}.")
    return [f"{said}.", *sentences]


def parts_table(run: RunReader, parts: Parts, suspicion_rank: np.ndarray) -> pd.DataFrame:
    """Return a row per part that has samples, the most suspicious part first.

    Parameters
    ----------
    run : RunReader
    parts : Parts
    suspicion_rank : ndarray of shape (N,)
        1 for the most suspicious sample, NaN where there is none, row = sample_id.

    Returns
    -------
    DataFrame
        `part` and `code`; `samples`; `share` of the samples that have a part; `mislabeled` with
        its 95 % interval in words (Wilson), of the known ones, an en dash where none is.
    """
    wrong = run.samples()["is_mislabeled"]
    n = int((parts.codes >= 0).sum())
    rows = []
    for code, name in enumerate(parts.names):
        members = parts.codes == code
        if not members.any():
            continue
        known = wrong[members].dropna().astype(bool)
        low, high = wilson(int(known.sum()), len(known))
        ranks = suspicion_rank[members]
        ranks = ranks[np.isfinite(ranks)]
        rows.append(
            {
                "part": name,
                "code": code,
                "samples": int(members.sum()),
                "share": percent(members.sum() / n),
                "mislabeled": f"{percent(known.mean())} [{100 * low:.0f}, {100 * high:.0f}]"
                if len(known)
                else "–",
                "rank": float(ranks.mean()) if len(ranks) else np.inf,
            }
        )
    columns = ["part", "code", "samples", "share", "mislabeled", "rank"]
    table = pd.DataFrame(rows, columns=columns).sort_values("rank", kind="stable")
    return table.drop(columns="rank").reset_index(drop=True)


def contest_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return `label_contest.label_contest`, ready to be read."""
    return pd.DataFrame(
        {
            "Among": [f"the {n:,} {a}" for a, n in zip(table["among"], table["n"], strict=True)],
            "Label": table["label"],
            "Right": [f"{right:,}" for right in table["right"]],
            "Share right": [
                "–" if np.isnan(share) else f"{percent(share)} [{100 * low:.1f}, {100 * high:.1f}]"
                for share, low, high in zip(
                    table["share"], table["low"], table["high"], strict=True
                )
            ],
        }
    )


def contest_sentence(table: pd.DataFrame) -> str:
    """Say who is right more often among the wrong labels; empty where nobody knows."""
    shares = table[table["among"] == WRONG].set_index("label")
    if shares.empty or shares["n"].iloc[0] == 0:
        return ""
    own, votes = shares.loc[METHOD], shares.loc[VOTES]
    apart = own["low"] > votes["high"] or votes["low"] > own["high"]
    verdict = "and the intervals leave open which is better"
    if apart:
        better = "the method's label" if own["share"] > votes["share"] else "the suggestion"
        verdict = f"so {better} is the better one here"
    return (
        f"Of the {own['n']:,} wrong given labels, the method's own label is right for "
        f"{percent(own['share'])} and the review's suggestion for {percent(votes['share'])}, "
        f"{verdict}."
    )


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
