"""Labels as people have judged them, as a table and as a file that a training reads back."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hmw_core.criteria.compute import compute_scores
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.layout import write_whole
from hmw_core.log.reader import RunReader
from hmw_core.review.label_codec import FORMATS, decode, encode
from hmw_core.samples.origin import origin_of
from hmw_core.samples.sample_table import suspicion_rank
from hmw_core.spreadsheet import is_text

LABELS_FORMAT = 1

# Each column of a file of labels: its Arrow type, and what it says.
COLUMNS = {
    "sample_id": (pa.int64(), "row of the training set, 0..N-1; the file is in this order"),
    "source": (pa.string(), "path or key in the data set; empty where there is none"),
    "given_label": (pa.int64(), "label trained on"),
    "given_name": (pa.string(), "its class"),
    "new_label": (pa.int64(), "label of the standing relabel verdict, else the given one"),
    "new_name": (pa.string(), "its class"),
    "changed": (pa.bool_(), "whether the two differ"),
    "verdict": (pa.string(), "keep, relabel, unsure or skip; empty where nobody judged"),
    "reviewer": (pa.string(), "who judged"),
    "time": (pa.string(), "when, UTC"),
    "note": (pa.string(), "what the reviewer wrote"),
    "predicted_label": (pa.int64(), "argmax of the logits in the last epoch used"),
    "predicted_name": (pa.string(), "its class"),
    "score": (pa.float64(), "the criterion's score; empty where it has none"),
    "suspicion_rank": (pa.int64(), "1 for the most suspicious; empty without a score"),
    "label_score": (pa.float64(), "0 for the most suspicious to 1, cleanlab's: lower is worse"),
    "is_label_issue": (pa.bool_(), "whether a person gave it another label"),
    "is_flagged": (pa.bool_(), "whether it is among the first `n_flagged`; empty without a number"),
}
# What a file says of where it came from; in a CSV a column each, the first marks it as ours.
PROVENANCE = (
    "labels_format",
    "run",
    "run_format",
    "fingerprint",
    "criterion",
    "higher_means",
    "criteria_version",
    "first_epoch",
    "last_epoch",
    "n_verdicts",
    "n_flagged",
    "exported",
    "program",
    "commit",
)
_NUMBERS = {
    "labels_format", "run_format", "criteria_version", "first_epoch", "last_epoch", "n_verdicts",
    "n_flagged",
}  # fmt: skip
LABEL_NAMES = ("new_label", "new_name", "label")  # the first of these in a file is the label


@dataclass(frozen=True)
class LabelFile:
    """A file of labels as `read_labels` found it; arrays in data set order."""

    label: np.ndarray
    """(N,), int64: the labels to train on."""
    given_label: np.ndarray | None
    """(N,), int64: the labels before; None where the file does not say."""
    is_label_issue: np.ndarray | None
    """(N,), bool: whether a person gave it another label; None where the file does not say."""
    is_flagged: np.ndarray | None
    """(N,), bool: whether the criterion flagged it; None where no number was asked for."""
    verdict: np.ndarray | None
    """(N,), object: the verdict or None; None where the file does not say."""
    provenance: dict[str, Any]
    """Of `PROVENANCE`; empty for a file that is not our export."""
    path: str
    sha256: str
    """Of the file's bytes, hexadecimal."""

    @property
    def changed(self) -> np.ndarray:
        """(N,), bool: whether the label differs from the one before.

        Raises
        ------
        UsageError
            If the file has no column `given_label`.
        """
        if self.given_label is None:
            raise UsageError(
                f"{self.path} does not say which labels it changes: it has no column 'given_label'"
            )
        return self.label != self.given_label

    @property
    def is_suspect(self) -> np.ndarray:
        """(N,), bool: the samples that "suspects dropped" drops.

        Those that a person gave another label, and, where the export was asked for a number of
        flagged ones, these too, unless a person said `keep`. Without a column `is_label_issue`:
        those whose label changed.
        """
        suspect = self.changed if self.is_label_issue is None else self.is_label_issue
        if self.is_flagged is None:
            return suspect
        kept = np.zeros(len(suspect), bool) if self.verdict is None else self.verdict == "keep"
        return suspect | (self.is_flagged & ~kept)


def corrected_labels(
    run: RunReader,
    criterion: str = "iam",
    epoch: int | None = None,
    *,
    n_flagged: int | None = None,
    from_log: bool = False,
) -> pd.DataFrame:
    """Return every sample with its given and its corrected label, in data set order.

    What a person judged and what a criterion suspects stay apart. `is_label_issue` is True only
    for a standing `relabel` verdict: `keep`, `unsure`, `skip` and samples nobody has seen are
    False. `is_flagged` is True for the `n_flagged` most suspicious samples, judged or not, and
    null where no number is asked for, since no threshold is right for all data.

    Parameters
    ----------
    run : RunReader
    criterion : str
        A key of `CRITERIA`.
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
        If the criterion or the epoch is not there, or `n_flagged` is out of range.
    """
    picked = pick_criterion(run, criterion)
    last = run.last_epoch if epoch is None else epoch
    if epoch is not None and epoch not in run.epochs():
        raise UsageError(f"run {run.name!r} has the epochs 1..{run.last_epoch}, not {epoch}")
    if n_flagged is not None and not 0 <= n_flagged <= run.n_samples:
        raise UsageError(f"flagged samples must be 0..{run.n_samples}, got {n_flagged}")
    if from_log:
        score = compute_scores(run, {criterion: picked}, last)[criterion]
    else:
        score = score_table(run, [criterion], last)[criterion]
    samples = run.samples().set_index("sample_id")
    standing = verdicts.read(run).current
    new_label = standing["new_label"].reindex(samples.index).fillna(samples["given_label"])
    said = run.signals(["predicted_label"], epochs=[last]).set_index("sample_id")
    table = pd.DataFrame({"source": samples["source"], "given_label": samples["given_label"]})
    table["given_name"] = _names(run, table["given_label"])
    table["new_label"] = new_label.astype(np.int64)
    table["new_name"] = _names(run, table["new_label"])
    table["changed"] = table["new_label"] != table["given_label"]
    for name in ("verdict", "reviewer", "time", "note"):
        text = standing[name].reindex(samples.index)
        table[name] = text.mask(text == "")
    table["predicted_label"] = said["predicted_label"].astype("Int64")
    table["predicted_name"] = _names(run, table["predicted_label"])
    table["score"] = score
    table["is_label_issue"] = (table["verdict"] == "relabel").fillna(False).astype(bool)
    table = table.join(ranking(score, picked, n_flagged))
    table = _typed(pa.Table.from_pandas(table.reset_index(), preserve_index=False), run.name)
    about = origin_of(run, last) | {
        "labels_format": LABELS_FORMAT,
        "criterion": criterion,
        "higher_means": picked.higher_means,
        "n_verdicts": len(standing),
        "n_flagged": n_flagged,
        "exported": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "program": _program(),
    }
    if picked.over == "last":
        about["first_epoch"] = about["last_epoch"]
    table.attrs["provenance"] = {name: about[name] for name in PROVENANCE}
    return table


def label_issues(
    run: RunReader, criterion: str = "iam", epoch: int | None = None, n_flagged: int | None = None
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


def encode_labels(table: pd.DataFrame, format: str) -> bytes:
    """Return `corrected_labels`' table as the bytes of a file; see `label_files.encode`.

    Raises
    ------
    UsageError
        If the format is none of `label_files.FORMATS`.
    """
    return encode(arrow_table(table), table.attrs["provenance"], format)


def arrow_table(table: pd.DataFrame) -> pa.Table:
    """Return `corrected_labels`' table with the types of `COLUMNS`."""
    schema = pa.schema([(name, COLUMNS[name][0]) for name in table.columns])
    return pa.Table.from_pandas(table, schema=schema, preserve_index=False)


def write_labels(path: str | Path, table: pd.DataFrame) -> Path:
    """Write `corrected_labels`' table whole; the file's ending says the format.

    Raises
    ------
    UsageError
        If the ending is none of .csv, .parquet, .json, or the file cannot be written.
    """
    file = Path(path)
    format = file.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        endings = ", ".join(f".{known}" for known in FORMATS)
        raise UsageError(f"{file} must end in one of {endings}, which says its format")
    content = encode_labels(table, format)
    try:
        write_whole(file, content)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror or error}") from None
    return file


def read_table(path: str | Path) -> pd.DataFrame:
    """Return a file that `write_labels` wrote as the table it was, with its `attrs`.

    Raises
    ------
    UsageError
        If the file is not there, is no such file, or a cell is not of its column's kind.
    """
    name, content = _content(path)
    arrow, said = _decode(content, name)
    missing = [column for column in COLUMNS if column not in arrow.column_names]
    if not said or missing:
        lacks = f"it lacks the columns {', '.join(missing)}" if missing else "it has no provenance"
        raise UsageError(f"{name} is not an export of labels: {lacks}")
    table = _typed(arrow, name)
    table.attrs["provenance"] = said
    return table


def read_labels(
    path: str | Path,
    *,
    n_samples: int,
    class_names: Sequence[str],
    fingerprint: str | None = None,
) -> LabelFile:
    """Read the labels of a data set from a CSV, Parquet or JSON file: an export, or one's own.

    One's own file needs the columns `sample_id` and `new_label` (or `label`), whole numbers or
    names of classes, or `new_name`, which is names. Rows may be in any order, but every sample
    needs exactly one: a file that leaves samples out is refused, since it cannot be told from one
    that was cut off. Where label and name are both there they must agree.

    Parameters
    ----------
    path : path
    n_samples : int
        Of the data set, whose ids are 0..n_samples-1.
    class_names : sequence of str
    fingerprint : str, optional
        Of the data set (`images.fingerprint_of`). Compared where the file has one.

    Raises
    ------
    UsageError
        If the file cannot be read, is of another data set, or has a wrong, double or missing
        sample or label. Nothing is half read.
    """
    name, content = _content(path)
    table, said = _decode(content, name)
    theirs = said.get("fingerprint")
    if fingerprint is not None and theirs is not None and theirs != fingerprint:
        raise UsageError(
            f"{name} holds labels of another data set, or of another split of it: its fingerprint "
            f"is {theirs} (run {said.get('run')!r}), this one's is {fingerprint}; the same data, "
            "seed and number of training samples give the same split"
        )
    columns = table.column_names
    if "sample_id" not in columns or not set(LABEL_NAMES) & set(columns):
        raise UsageError(
            f"{name} needs the columns 'sample_id' and one of "
            f"{', '.join(map(repr, LABEL_NAMES))}; it has {', '.join(map(repr, columns))}"
        )
    place = _places(table["sample_id"], n_samples, name)
    label = None
    for column in (c for c in LABEL_NAMES if c in columns):
        found = _class_labels(table[column], column, table["sample_id"], class_names, name)
        if label is not None and not np.array_equal(found, label):
            row = int(np.flatnonzero(found != label)[0])
            raise UsageError(
                f"{name}: the columns of sample {table['sample_id'][row]} disagree: {column!r} is "
                f"{table[column][row].as_py()!r}, but the label is {label[row]} "
                f"({class_names[label[row]]})"
            )
        label = found if label is None else label
    given = None
    if "given_label" in columns:
        given = _class_labels(
            table["given_label"], "given_label", table["sample_id"], class_names, name
        )[place]
    flags = {
        column: _truths(table[column], column, name)[place] if column in columns else None
        for column in ("is_label_issue", "is_flagged")
    }
    is_flagged = flags["is_flagged"]
    flagged_was_asked = is_flagged is not None and table["is_flagged"].null_count == 0
    verdict = (
        np.array(table["verdict"].to_pylist(), object)[place] if "verdict" in columns else None
    )
    return LabelFile(
        label=label[place],  # type: ignore[index]  # one of LABEL_NAMES is there
        given_label=given,
        is_label_issue=flags["is_label_issue"],
        is_flagged=is_flagged if flagged_was_asked else None,
        verdict=verdict,
        provenance=said,
        path=name,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _names(run: RunReader, label: pd.Series) -> pd.Series:
    return label.map(dict(enumerate(run.class_names)))


def _program() -> str:
    try:
        return f"hmw-dashboard {metadata.version('hmw-dashboard')}"
    except metadata.PackageNotFoundError:  # run from a checkout, which the commit names
        return "hmw-dashboard"


def _typed(table: pa.Table, name: str) -> pd.DataFrame:
    """Return the columns of `COLUMNS`, each of its kind: nullable where it may be null."""
    frame = {}
    for column, (kind, _) in COLUMNS.items():
        try:
            values = table[column].cast(kind)
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{name}: column {column!r} is not of its kind: {reason}") from None
        if is_text(kind):
            frame[column] = pd.array(values.to_pylist(), dtype="str")
        elif pa.types.is_floating(kind):
            frame[column] = values.to_pandas().to_numpy(np.float64)
        else:
            nullable = "Int64" if pa.types.is_integer(kind) else "boolean"
            frame[column] = pd.array(values.to_pylist(), dtype=nullable)
            if column not in ("predicted_label", "suspicion_rank", "is_flagged"):
                if values.null_count:
                    raise UsageError(f"{name}: column {column!r} has empty cells")
                frame[column] = frame[column].to_numpy(nullable.lower().removesuffix("ean"))
    return pd.DataFrame(frame)


def _content(path: str | Path) -> tuple[str, bytes]:
    try:
        return str(path), Path(path).read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no file of labels at {path}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None


def _decode(content: bytes, name: str) -> tuple[pa.Table, dict[str, Any]]:
    table, said = decode(content, name, PROVENANCE)
    for key in _NUMBERS & said.keys():
        try:
            said[key] = None if said[key] is None else int(said[key])
        except (TypeError, ValueError):
            raise UsageError(f"{name}: {key} is {said[key]!r}, not a whole number") from None
    version = said.get("labels_format")
    if version is not None and version > LABELS_FORMAT:
        raise UsageError(
            f"{name} is of format {version}, newer than this program, which reads up to "
            f"{LABELS_FORMAT}"
        )
    return table, said


def _places(column: pa.ChunkedArray, n_samples: int, name: str) -> np.ndarray:
    """Return the row of each sample, (N,), or say which sample is wrong."""
    ids = _whole_numbers(column)
    if ids is None:
        values = [pa.chunked_array([[value]]) for value in column.to_pylist()]
        bad = next(value for value in values if _whole_numbers(value) is None)[0].as_py()
        raise UsageError(f"{name}: a sample_id is {bad!r}, not a whole number")
    outside = (ids < 0) | (ids >= n_samples)
    if outside.any():
        raise UsageError(
            f"{name} names sample {ids[outside][0]}, but the data set has {n_samples:,} samples, "
            f"0..{n_samples - 1}"
        )
    counts = np.bincount(ids, minlength=n_samples)
    if (counts > 1).any():
        raise UsageError(f"{name} names sample {int(np.argmax(counts > 1))} more than once")
    if (counts == 0).any():
        raise UsageError(
            f"{name} leaves out {int((counts == 0).sum()):,} of {n_samples:,} samples, sample "
            f"{int(np.argmax(counts == 0))} first; every sample needs a row"
        )
    return np.argsort(ids)


def _class_labels(
    column: pa.ChunkedArray,
    column_name: str,
    sample_id: pa.ChunkedArray,
    class_names: Sequence[str],
    name: str,
) -> np.ndarray:
    """Return a column of numbers or names of classes as labels, in the file's order."""

    def wrong(row: int, what: str) -> UsageError:
        return UsageError(f"{name}: {column_name!r} of sample {sample_id[row]} {what}")

    empty = np.flatnonzero(column.is_null().to_numpy())
    if len(empty):
        raise wrong(int(empty[0]), "is empty; every sample needs a label")
    number = None if column_name == "new_name" else _whole_numbers(column)
    if number is not None:
        outside = np.flatnonzero((number < 0) | (number >= len(class_names)))
        if len(outside):
            row = int(outside[0])
            raise wrong(row, f"is {number[row]}; the classes are 0..{len(class_names) - 1}")
    by_name = {class_name: label for label, class_name in enumerate(class_names)}
    if number is not None:
        as_name = [by_name.get(str(label), label) for label in range(len(class_names))]
        if column_name == "label" and as_name != list(range(len(class_names))):
            raise UsageError(
                f"{name}: the classes are themselves called by numbers, so it is open what "
                "'label' means; call the column 'new_label' (0, 1, ...) or 'new_name'"
            )
        return number
    found = np.empty(len(column), np.int64)
    for row, value in enumerate(column.to_pylist()):
        label = by_name.get(value) if isinstance(value, str) else None
        if label is None:
            known = ", ".join(map(str, class_names[:10]))
            more = f" and {len(class_names) - 10} more" if len(class_names) > 10 else ""
            raise wrong(row, f"is {value!r}, which is no class; known: {known}{more}")
        found[row] = label
    return found


def _whole_numbers(column: pa.ChunkedArray) -> np.ndarray | None:
    """Return a column as int64, or None if a value is not a whole number."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count or pa.types.is_boolean(column.type):
        return None
    try:
        if is_text(column.type):
            if not pc.all(pc.match_substring_regex(column, r"^-?\d{1,18}(\.0*)?$")).as_py():
                return None
            column = pc.replace_substring_regex(column, r"\.0*$", "")
        return column.cast(pa.int64()).to_numpy()
    except pa.ArrowException:
        return None


def _truths(column: pa.ChunkedArray, column_name: str, name: str) -> np.ndarray:
    """Return a column of truth values; an empty one is False."""
    try:
        return column.cast(pa.bool_()).fill_null(False).to_numpy()
    except pa.ArrowException:
        raise UsageError(f"{name}: column {column_name!r} must hold true and false") from None
