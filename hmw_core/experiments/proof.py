"""A proof: the same network trained on original, corrected and dropped labels, and what it shows.

`python -m training prove` writes it into `<run>/proofs/<name>/`; the dashboard reads it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from hmw_core.errors import UnreadableRun, UsageError
from hmw_core.log import layout
from hmw_core.log.files import DamagedFile, read_json, shown
from hmw_core.spreadsheet import csv_bytes

PROOF_FORMAT = 1
ARMS = {
    "original": "Original labels",
    "corrected": "Corrected labels",
    "suspects_dropped": "Suspects dropped",
    "random_dropped": "As many dropped at random",
}
CONTRASTS = (
    ("corrected", "original"),
    ("suspects_dropped", "original"),
    ("random_dropped", "original"),
    ("suspects_dropped", "random_dropped"),
    ("corrected", "suspects_dropped"),
)
"""(arm, reference): the differences that are told, paired by seed."""
IN_WORDS = {
    "original": "training on the original labels",
    "corrected": "training on the corrected labels",
    "suspects_dropped": "training without the suspects",
    "random_dropped": "training without as many samples drawn at random",
}
ENOUGH = 5  # seeds; with fewer, a t-interval is much wider
# Test samples. Even where all that two arms decide differently speak for one of them, a two-sided
# sign test finds five (p = 0.06) too few and six (p = 0.03) enough.
FEWEST = 6
TRAININGS = ["arm", "seed", "n_samples", "mislabeled_fraction", "test_accuracy", "seconds"]
NOW = "now.json"


class Interval(NamedTuple):
    """A mean with its 95 % interval; the bounds are NaN where there is none."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Proof:
    """What `proof.json` holds, and whether its trainings are going on."""

    folder: Path
    info: dict[str, Any]
    is_being_computed: bool = False
    now: dict[str, Any] | None = None
    """`arm`, `seed`, `epoch`, `n_epochs` of the training in progress."""

    @property
    def name(self) -> str:
        """The folder's name: the labels file's, and a digest of what decides the result."""
        return self.folder.name

    @property
    def status(self) -> str:
        """`running`, `finished`, `stopped` or `failed`; one that was killed counts as stopped."""
        status = self.info["status"]
        return "stopped" if status == "running" and not self.is_being_computed else status

    @property
    def trainings(self) -> pd.DataFrame:
        """One row a finished training, with the columns `TRAININGS`.

        `mislabeled_fraction` (NaN where true labels are unknown) and `test_accuracy` are shares
        in [0, 1].
        """
        table = pd.DataFrame(list(self.info["trainings"]), columns=TRAININGS)
        numbers = ["mislabeled_fraction", "test_accuracy", "seconds"]
        return table.astype({"arm": str, "seed": int, "n_samples": int}).astype(
            dict.fromkeys(numbers, float)
        )

    @property
    def arms(self) -> list[str]:
        """The arms that are trained, in the order of `ARMS`."""
        return [arm for arm in ARMS if arm in self.info["arms"]]

    @property
    def n_planned(self) -> int:
        """Number of trainings when it is complete."""
        return len(self.arms) * len(self.info["seeds"])

    @property
    def seconds_left(self) -> float | None:
        """About how long the trainings to come take; None before the first has finished."""
        seconds = self.trainings["seconds"]
        if seconds.empty:
            return None
        done = len(seconds) + (self.now["epoch"] / self.now["n_epochs"] if self.now else 0)
        return max(0.0, float(seconds.mean() * (self.n_planned - done)))


def proofs_folder(run_folder: Path) -> Path:
    """Return where the proofs of a run lie."""
    return run_folder / "proofs"


def list_proofs(run_folder: Path) -> tuple[list[Proof], dict[str, str]]:
    """Return a run's proofs, the newest first, and why each of the others cannot be read."""
    proofs, broken = [], {}
    for file in sorted(proofs_folder(run_folder).glob("[!.]*/proof.json")):
        try:
            proofs.append(read_proof(file.parent))
        except UsageError as error:
            broken[shown(file.parent.name)] = str(error)
    proofs.sort(key=lambda proof: str(proof.info["created"]), reverse=True)
    return proofs, broken


def read_proof(folder: Path) -> Proof:
    """Return the proof in a folder.

    Raises
    ------
    UnreadableRun
        If it is missing, damaged, or of a newer format.
    """
    path = folder / "proof.json"
    info = layout.read_versioned(path, "proof", PROOF_FORMAT)
    proof = Proof(folder, info, layout.has_writer(folder), _now(folder))
    try:
        as_markdown(proof), proof.status, proof.n_planned, proof.seconds_left, info["created"]
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UnreadableRun(f"{shown(path)} lacks what a proof has ({error!r})") from None
    return proof


def write_proof(folder: Path, info: dict[str, Any]) -> None:
    """Write `proof.json`, and its trainings as `trainings.csv`, each whole."""
    layout.write_json(folder / "proof.json", info, indent=1)
    table = pd.DataFrame(info["trainings"], columns=TRAININGS)
    layout.write_whole(folder / "trainings.csv", csv_bytes(table))


def t_interval(values: Sequence[float] | np.ndarray) -> Interval:
    """Return the mean and Student's 95 % interval of independent values.

    Without bounds (NaN) of fewer than two values, or where all are the same: accuracies are
    counts of test samples, and that none differed does not say that none would.

    Examples
    --------
    >>> [round(bound, 4) for bound in t_interval([0.80, 0.82, 0.84])]  # 4.3027 * 0.02 / sqrt(3)
    [0.82, 0.7703, 0.8697]
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if len(known) == 0:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(known.mean())
    spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    if spread < 1e-12:
        return Interval(mean, math.nan, math.nan)
    half = half_width(len(known)) * spread
    return Interval(mean, mean - half, mean + half)


def half_width(n_seeds: int) -> float:
    """Return half the width of the t-interval of `n_seeds` values, in standard deviations."""
    return float(stdtrit(n_seeds - 1, 0.975)) / math.sqrt(n_seeds)


def summary(proof: Proof) -> pd.DataFrame:
    """Return one row an arm, in the order of `ARMS`, of those with a finished training.

    Columns: arm, title, n_seeds, n_samples, n_changed, n_dropped, mislabeled_fraction (mean over
    the seeds, NaN where true labels are unknown), accuracy, low, high, and difference,
    difference_low, difference_high to the original labels over the seeds that both have. Accuracies
    are shares of the test samples, in [0, 1]; bounds are NaN where there is no interval.
    """
    trainings = proof.trainings
    rows = []
    for arm in proof.arms:
        part = trainings[trainings["arm"] == arm]
        if part.empty:
            continue
        sizes = proof.info["arms"][arm]
        accuracy = t_interval(part["test_accuracy"].to_numpy())
        lead = paired_difference(trainings, arm, "original")
        rows.append(
            {
                "arm": arm,
                "title": ARMS[arm],
                "n_seeds": len(part),
                **{name: int(sizes[name]) for name in ("n_samples", "n_changed", "n_dropped")},
                "mislabeled_fraction": part["mislabeled_fraction"].mean(),
                "accuracy": accuracy.mean,
                "low": accuracy.low,
                "high": accuracy.high,
                "difference": lead.mean if arm != "original" else math.nan,
                "difference_low": lead.low,
                "difference_high": lead.high,
            }
        )
    columns = ["arm", "title", "n_seeds", "n_samples", "n_changed", "n_dropped"]
    columns += ["mislabeled_fraction", "accuracy", "low", "high"]
    columns += ["difference", "difference_low", "difference_high"]
    table = pd.DataFrame(rows, columns=columns)
    table[["low", "high"]] = table[["low", "high"]].clip(0, 1)  # no accuracy lies beyond
    return table


def paired_difference(trainings: pd.DataFrame, arm: str, reference: str) -> Interval:
    """Return the mean difference of test accuracy, arm minus reference, over common seeds."""
    return t_interval(_differences(trainings, arm, reference))


def _differences(trainings: pd.DataFrame, arm: str, reference: str) -> np.ndarray:
    """Return arm minus reference for each seed that both have, ascending seeds."""
    by_seed = trainings.pivot(index="seed", columns="arm", values="test_accuracy")
    if not {arm, reference} <= set(by_seed.columns):
        return np.array([])
    return (by_seed[arm] - by_seed[reference]).dropna().to_numpy()


def conclusions(proof: Proof) -> list[str]:
    """Return in plain sentences what the finished trainings show, or that they show nothing."""
    trainings = proof.trainings
    leads = {
        (arm, reference): _differences(trainings, arm, reference) for arm, reference in CONTRASTS
    }
    n_test = proof.info["n_test"]
    said = [_sentence(*pair, lead, n_test) for pair, lead in leads.items() if len(lead)]
    if not said:
        return ["Nothing can be said before two arms have been trained with the same seed."]
    n_seeds = min(len(lead) for lead in leads.values() if len(lead))
    if n_seeds == 1:
        said.append(
            "One seed has no interval, so it proves nothing: another seed may turn it round. "
            f"Take {ENOUGH} seeds."
        )
    elif n_seeds < ENOUGH:
        ratio = half_width(n_seeds) / half_width(ENOUGH)
        said.append(
            f"With {n_seeds} seeds an interval is about {ratio:.1f} times as wide as with {ENOUGH}."
        )
    return said


def _sentence(arm: str, reference: str, differences: np.ndarray, n_test: int) -> str:
    mean, low, high = (100 * value for value in t_interval(differences))
    n_seeds = len(differences)
    first = IN_WORDS[arm][0].upper() + IN_WORDS[arm][1:]
    other = IN_WORDS[reference]
    if n_seeds == 1:
        return f"{first} against {other}: {mean:+.2f} points of test accuracy in one seed."
    if math.isnan(low):
        return (
            f"{first} against {other}: {mean:+.2f} points of test accuracy in each of {n_seeds} "
            "seeds; without any spread there is no interval."
        )
    how = f"{mean:+.2f} points of test accuracy, interval {low:+.2f} to {high:+.2f}"
    if low <= 0 <= high:
        return f"{first} cannot be told from {other}: {how}."
    n_apart = abs(mean) * n_test / 100
    if n_apart < FEWEST:
        share = f"{n_apart:.1f} of {n_test:,} test samples"
        how += f"; but that is {share}, too few to expect it of others"
    return f"{first} is {'better' if mean > 0 else 'worse'} than {other}: {how}."


def remarks(proof: Proof) -> list[str]:
    """Return what one must know to read the numbers: how they were made, what they leave out."""
    info = proof.info
    labels = info["labels"]
    said = [
        f"Labels changed by {labels['file']}: {labels['n_changed']:,}. "
        f"Suspects: {labels['n_suspects']:,}.",
        *(f"{note}." for note in info["notes"]),
        f"Test accuracy is that of the last epoch ({info['config']['epochs']}) on "
        f"{info['n_test']:,} held-out samples, whose labels no arm touches; one sample is "
        f"{100 / info['n_test']:.2f} points. The best epoch would be chosen on the test samples "
        "and so come out too high.",
        "Intervals: 95 %, Student's t over the seeds; differences are paired, the same seed in "
        "both arms. They say how other trainings would come out on the same test samples, not on "
        "others.",
        "Data, split and given labels are the run's own in every arm; a seed decides start, order "
        "and augmentation, and which samples are dropped at random: drawn anew for each seed, from "
        "all samples alike. The run's own seed is not used: the suspects were found with it.",
        "All arms are trained for the same number of epochs, so with samples dropped there are "
        "fewer steps; both arms that drop have as many.",
    ]
    if not info["test_labels_are_true"]:
        said.append(
            "Whether the test labels are right is not known: they are the labels that the data set "
            "gives, and where they have the same errors, correct labels can look worse."
        )
    for name, (before, after) in info["config_changes"].items():
        said.append(f"The run itself has {name} {before}, this proof {after}.")
    return said


def display_table(proof: Proof) -> pd.DataFrame:
    """Return `summary` as text for people: one row an arm, accuracies in per cent."""
    table = summary(proof)
    known = table["mislabeled_fraction"].notna().any()
    shown = {
        "Arm": table["title"],
        "Seeds": table["n_seeds"].map("{:,}".format),
        "Samples": table["n_samples"].map("{:,}".format),
        "Changed": table["n_changed"].map("{:,}".format),
        "Dropped": table["n_dropped"].map("{:,}".format),
        "Mislabeled": table["mislabeled_fraction"].map(
            lambda share: f"{100 * share:.1f} %" if known and not math.isnan(share) else "unknown"
        ),
        "Test accuracy (%)": _with_interval(table, ["accuracy", "low", "high"], ".2f"),
        "Difference (points)": _with_interval(
            table, ["difference", "difference_low", "difference_high"], "+.2f"
        ),
    }
    return pd.DataFrame(shown)


def _with_interval(table: pd.DataFrame, columns: list[str], form: str) -> list[str]:
    cells = []
    for mean, low, high in (100 * table[columns]).itertuples(index=False):
        if math.isnan(mean):
            cells.append("")
        elif math.isnan(low):
            cells.append(f"{mean:{form}}")
        else:
            cells.append(f"{mean:{form}} [{low:{form}}, {high:{form}}]")
    return cells


def as_markdown(proof: Proof) -> str:
    """Return the table, the sentences and the remarks as Markdown."""
    table = display_table(proof)
    rows = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    lines = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    said = [f"- {_escaped(sentence)}" for sentence in [*conclusions(proof), *remarks(proof)]]
    return "\n".join([*lines, "", *said, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _escaped(text: str) -> str:
    """Return a sentence, which may hold a file's name, so that Markdown shows it as it is."""
    line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|$" else letter for letter in line)


def _now(folder: Path) -> dict[str, Any] | None:
    try:
        now = read_json(folder / NOW)
        return now if {"arm", "seed", "epoch", "n_epochs"} <= now.keys() else None
    except (DamagedFile, AttributeError):
        return None
