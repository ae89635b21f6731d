"""Whether an export of labels is what its run says: `python -m dashboard.verify FILE RUN`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import tyro

from dashboard.export.find import find_run
from hmw_core.command_line import door
from hmw_core.criteria import CRITERIA_VERSION
from hmw_core.criteria.of_run import is_criterion, pick_criterion
from hmw_core.log.reader import RunReader
from hmw_core.review.corrected_labels import corrected_labels, ranking
from hmw_core.review.label_file import read_table

DISAGREE = 1
NAMED = 5  # samples that a sentence names
# Scores kept when a run ended and those computed from its log differ in the last digits.
RELATIVE, ABSOLUTE = 1e-6, 1e-9
SAMPLES = ("source", "given_label", "given_name")
VERDICTS = (
    "new_label", "new_name", "changed", "verdict", "reviewer", "time", "note", "is_label_issue",
)  # fmt: skip
PREDICTIONS = ("predicted_label", "predicted_name")
FROM_SCORES = ("suspicion_rank", "label_score", "is_flagged")


class Verification(NamedTuple):
    """What `verify` found, in sentences."""

    differences: list[str]
    agreements: list[str]
    notes: list[str]


def verify(path: str | Path, run: RunReader) -> Verification:
    """Compare a file of labels with the log and the verdicts of its run.

    The scores are computed anew from the signals, not taken from those that the run keeps. Rank,
    `label_score` and `is_flagged` must follow from the file's own scores, so that two scores
    which differ in the last digit do not count as a swapped rank.

    Raises
    ------
    UsageError
        If the file is no export of labels, or its run cannot give its criterion.
    """
    file = read_table(path)
    said = file.attrs["provenance"]
    found = Verification([], [], [])
    if not _same_data(file, said, run, found):
        return found
    file = file.sort_values("sample_id").set_index("sample_id")
    _compare_provenance(said, run, found)
    criterion, last = said["criterion"], said["last_epoch"]
    can_compute = is_criterion(run, criterion) and (last is None or last in run.epochs())
    log = corrected_labels(
        run,
        criterion if can_compute else None,
        last if can_compute else None,
        n_flagged=said["n_flagged"] if can_compute else None,
        from_log=True,
    ).set_index("sample_id")
    for what, columns in (("labels", SAMPLES), ("verdicts", VERDICTS)):
        _compare(what, columns, file, log, found)
    later = log["time"] > str(said["exported"])
    if found.differences and later.any():
        found.notes.append(f"{int(later.sum())} verdicts were given after the export")
    if can_compute:
        _compare("predicted labels", PREDICTIONS, file, log, found)
        _compare(f"{criterion} scores from the log", ["score"], file, log, found)
        own = ranking(file["score"], pick_criterion(run, criterion), said["n_flagged"])
        _compare("ranks and flags", FROM_SCORES, file, own, found, other="its scores say")
    return found


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compute the scores of an export of labels anew from its run's log, and compare.

    Says whether labels, verdicts and scores agree.
    """

    file: tyro.conf.Positional[Path]
    """An export of labels: CSV, Parquet or JSON."""
    run: tyro.conf.Positional[str]
    """A run's folder, or its name in data/runs."""
    network: int = 1
    """Network that the labels were exported of, of a run that trained several."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 if all agrees, 1 if not, 2 for a user's mistake."""
    return door(Options, "python -m dashboard.verify", _verify, argv)


def _verify(given: Options) -> int:
    run = find_run(given.run, given.network)
    found = verify(given.file, run)
    for sentence in found.agreements:
        print(f"agrees: {sentence}")
    for sentence in found.differences:
        print(f"DIFFERS: {sentence}")
    for sentence in found.notes:
        print(f"note: {sentence}")
    if found.differences:
        print(f"{given.file} and the log of {run.name} disagree")
        return DISAGREE
    print(f"{given.file} is what the log of {run.name} says")
    return 0


def _same_data(
    file: pd.DataFrame, said: dict[str, Any], run: RunReader, found: Verification
) -> bool:
    ours = run.info["dataset"]["fingerprint"]
    if said["fingerprint"] != ours:
        found.differences.append(f"the data set: fingerprint {said['fingerprint']}, log {ours}")
    if len(file) != run.n_samples:
        found.differences.append(f"the data set: {len(file):,} samples, log {run.n_samples:,}")
    twice = file["sample_id"][file["sample_id"].duplicated()]
    outside = file["sample_id"][~file["sample_id"].between(0, run.n_samples - 1)]
    if len(twice) or len(outside):
        wrong = f"{twice.iloc[0]} twice" if len(twice) else f"{outside.iloc[0]}, which is not there"
        found.differences.append(f"the samples: the file has sample {wrong}")
    if not found.differences:
        found.agreements.append(f"the data set: fingerprint {ours}, {run.n_samples:,} samples")
    return not found.differences


def _compare_provenance(said: dict[str, Any], run: RunReader, found: Verification) -> None:
    criterion, last = said["criterion"], said["last_epoch"]
    if not is_criterion(run, criterion):
        found.differences.append(f"the criterion {criterion!r} is not known to this program")
    elif said["criteria_version"] != CRITERIA_VERSION:
        found.differences.append(
            f"the criteria are of version {said['criteria_version']}, this program's of "
            f"{CRITERIA_VERSION}"
        )
    else:
        found.agreements.append(f"the criterion {criterion}, version {CRITERIA_VERSION}")
    expected = None if last is None else last if _reads_last(run, criterion) else 1
    if last is not None and last not in run.epochs():
        found.differences.append(f"the epochs: {last} is the last used, log {run.last_epoch}")
    elif said["first_epoch"] != expected:
        found.differences.append(
            f"the epochs: {said['first_epoch']} is the first used, {criterion} begins at {expected}"
        )
    else:
        found.agreements.append(f"the epochs: {said['first_epoch']} to {last}")
    if last is not None and run.last_epoch > last:
        found.notes.append(f"the run has gone on to epoch {run.last_epoch} since")
    if said["run"] != run.name:
        found.notes.append(f"the file was made from run {said['run']!r}")


def _reads_last(run: RunReader, criterion: str) -> bool:
    return is_criterion(run, criterion) and pick_criterion(run, criterion).over == "last"


def _compare(
    what: str,
    columns: Sequence[str],
    file: pd.DataFrame,
    log: pd.DataFrame,
    found: Verification,
    other: str = "log",
) -> None:
    """Note in which samples the columns differ, or that they do not."""
    before = len(found.differences)
    for column in columns:
        differs = _differs(file[column], log[column])
        ids = file.index[differs]
        if len(ids) == 0:
            continue
        named = [
            f"sample {i} (file {_shown(file.at[i, column])}, {other} {_shown(log.at[i, column])})"
            for i in ids[:NAMED]
        ]
        more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
        found.differences.append(f"{column}: {', '.join(named)}{more}")
    if len(found.differences) == before:
        found.agreements.append(f"{what} of {len(file):,} samples")


def _differs(file: pd.Series, log: pd.Series) -> np.ndarray:
    """Return where two columns differ, (N,) bool; null equals null."""
    if file.dtype == np.float64:
        theirs, ours = file.to_numpy(), log.to_numpy(np.float64)
        return ~np.isclose(theirs, ours, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    theirs, ours = (column.astype(object).mask(column.isna(), None) for column in (file, log))
    return theirs.to_numpy() != ours.to_numpy()


def _shown(value: Any) -> str:
    if pd.isna(value):
        return "nothing"
    if isinstance(value, str):
        return repr(value)
    return f"{value:.9g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
