"""Labels as people have judged them, with the scores of a criterion beside them, as a table."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata

import pandas as pd
import pyarrow as pa

from hmw_core.criteria.compute import compute_scores
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import check_given, given_criteria, pick_criterion
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.class_changes import ClassChange, current_names
from hmw_core.log.reader import RunReader
from hmw_core.review.label_file import LABELS_FORMAT, PROVENANCE, typed
from hmw_core.samples.origin import origin_of
from hmw_core.samples.sample_table import suspicion_rank


def corrected_labels(
    run: RunReader,
    criterion: str | None = None,
    epoch: int | None = None,
    *,
    n_flagged: int | None = None,
    from_log: bool = False,
) -> pd.DataFrame:
    """Return every sample with its given and its corrected label, in data set order.

    What a person judged and what a criterion suspects stay apart. `is_label_issue` is True only
    for a standing `relabel` verdict: `keep`, `unsure`, `skip` and samples nobody has seen are
    False, and so is a merge of classes, which changes `new_label` but finds no label wrong; a
    renaming changes `new_name`. `is_flagged` is True for the `n_flagged` most suspicious samples,
    judged or not, and null where no number is asked for, since no threshold is right for all data.

    Parameters
    ----------
    run : RunReader
    criterion : str, optional
        A key of `CRITERIA`. Default: IAM, or the first of the run's menu where it has no IAM; the
        provenance names it.
    epoch : int, optional
        Last epoch used. Default: the last one logged.
    n_flagged : int, optional
        How many of the most suspicious samples to flag.
    from_log : bool
        Whether the scores are computed from the signals even where the run keeps them.

    Returns
    -------
    DataFrame
        The columns of `COLUMNS`; its `attrs["provenance"]` says where it came from.
        `label_score` is the sample's place in the order of suspicion, scaled: 0 for the most
        suspicious, 1 for the least, equal for equal scores, null without a score.

    Raises
    ------
    UsageError
        If the epoch is not there, the run cannot give the criterion, or `n_flagged` is more than
        have a score. Of a run without an epoch no score is asked for.
    """
    last = run.last_epoch if epoch is None else epoch
    if epoch is not None and epoch not in run.epochs():
        raise UsageError(f"run {run.name!r} has the epochs 1..{run.last_epoch}, not {epoch}")
    if criterion is None:
        criterion = next(iter(given_criteria(run)), "iam")
    picked = check_given(run, criterion) if run.epochs() else pick_criterion(run, criterion)
    if from_log:
        score = compute_scores(run, {criterion: picked}, last)[criterion]
    else:
        score = score_table(run, [criterion], last)[criterion]
    if run.epochs():
        check_given(run, criterion, score)
    n_ranked = int(score.notna().sum())
    if n_flagged is not None and not 0 <= n_flagged <= n_ranked:
        without = f" ({run.n_samples - n_ranked:,} of {run.n_samples:,} samples have no score)"
        raise UsageError(
            f"flagged samples must be 0..{n_ranked}, got {n_flagged}"
            f"{without if n_ranked < run.n_samples else ''}"
        )
    samples = run.samples().set_index("sample_id")
    log = verdicts.read(run)
    standing = log.current
    said = run.signals(["predicted_label"], epochs=[last]).set_index("sample_id")
    table = pd.DataFrame({"source": samples["source"], "given_label": samples["given_label"]})
    table["given_name"] = _names(run.class_names, table["given_label"])
    table["new_label"] = log.new_label(samples["given_label"], run.n_classes)
    table["new_name"] = _names(
        current_names(log.class_changes, run.class_names), table["new_label"]
    )
    table["changed"] = table["new_label"] != table["given_label"]
    for name in ("verdict", "reviewer", "time", "note"):
        text = standing[name].reindex(samples.index)
        table[name] = text.mask(text == "")
    table["predicted_label"] = said["predicted_label"].astype("Int64")
    table["predicted_name"] = _names(run.class_names, table["predicted_label"])
    table["score"] = score
    table["is_label_issue"] = (table["verdict"] == "relabel").fillna(False).astype(bool)
    table = table.join(ranking(score, picked, n_flagged))
    table = typed(pa.Table.from_pandas(table.reset_index(), preserve_index=False), run.name)
    about = origin_of(run, last) | {
        "labels_format": LABELS_FORMAT,
        "criterion": criterion,
        "higher_means": picked.higher_means,
        "n_verdicts": len(standing),
        "class_changes": _changes(log.class_changes),
        "n_flagged": n_flagged,
        "exported": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "program": _program(),
    }
    if picked.over == "last":
        about["first_epoch"] = about["last_epoch"]
    table.attrs["provenance"] = {name: about[name] for name in PROVENANCE}
    return table


def label_issues(
    run: RunReader,
    criterion: str | None = None,
    epoch: int | None = None,
    n_flagged: int | None = None,
) -> pd.DataFrame:
    """Return cleanlab's columns by `sample_id`, as `corrected_labels` defines them.

    `is_label_issue` (a person gave it another label), `is_flagged` (among the `n_flagged`
    most suspicious; null where no number is asked for), `label_score` in [0, 1], lower =
    worse, `given_label` and `predicted_label`.
    """
    table = corrected_labels(run, criterion, epoch, n_flagged=n_flagged)
    names = ["is_label_issue", "is_flagged", "label_score", "given_label", "predicted_label"]
    return table.set_index("sample_id")[names]


def ranking(score: pd.Series, criterion: Criterion, n_flagged: int | None = None) -> pd.DataFrame:
    """Return `suspicion_rank`, `label_score` and `is_flagged` of scores by `sample_id`.

    As `corrected_labels` defines them; all that a file says besides the scores follows from them.
    """
    rank = suspicion_rank(score, criterion)
    place = score.rank(method="average", ascending=criterion.higher_means == "clean")
    nothing = pd.Series(pd.NA, index=score.index, dtype="boolean")
    return pd.DataFrame(
        {
            "suspicion_rank": rank,
            "label_score": (place - 1) / max(int(score.notna().sum()) - 1, 1),
            "is_flagged": nothing if n_flagged is None else (rank <= n_flagged).fillna(False),
        }
    )


def _names(class_names: Sequence[str], label: pd.Series) -> pd.Series:
    return label.map(dict(enumerate(class_names)))


def _changes(changes: Sequence[ClassChange]) -> str | None:
    """Return the changes of classes as a line of JSON, None where there are none."""
    said = [
        {"label": c.label} | ({"into": c.into} if c.name is None else {"name": c.name})
        for c in changes
    ]
    return json.dumps(said, ensure_ascii=False) if said else None


def _program() -> str:
    try:
        return f"hmw-dashboard {metadata.version('hmw-dashboard')}"
    except metadata.PackageNotFoundError:  # run from a checkout, which the commit names
        return "hmw-dashboard"
