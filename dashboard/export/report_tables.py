"""The report's tables, as rows of text."""

import json
import platform
from collections.abc import Sequence
from importlib.metadata import version

import pandas as pd

from dashboard.presenters.summary import mislabeled_share
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import by_reason
from hmw_core.criteria.of_run import title_of
from hmw_core.experiments.paper import paper_accuracy
from hmw_core.log.reader import RunReader

Rows = list[list[str]]

LAST_EPOCHS = 10
SPLITS = {"test_accuracy": "test", "train_accuracy": "train, on given labels"}
LARGEST_MATRIX = 20  # classes; the figure shows more
UNKNOWN = "–"


def facts(run: RunReader) -> Rows:
    """Return what the run is: a name and a value a row."""
    info = run.info
    noise = info.get("noise") or {}
    share, rate = mislabeled_share(run), noise.get("rate")
    return [
        ["Recipe", info.get("recipe") or UNKNOWN],
        ["Data set", info["dataset"]["name"] or UNKNOWN],
        ["Samples", f"{run.n_samples:,} in {run.n_classes} classes"],
        ["Noise", " ".join([noise.get("name") or UNKNOWN, *([f"{rate:g}"] if rate else [])])],
        ["Mislabeled, measured", UNKNOWN if share is None else f"{100 * share:.2f} %"],
        ["Epochs", f"{run.last_epoch} of {run.n_epochs} planned"],
        ["Status", run.status],
        *([f"No {', '.join(what)}", why] for why, what in by_reason(run.absent).items()),
    ]


def class_counts(run: RunReader) -> Rows:
    """Return for each class: its name, samples given it, and of these clean and mislabeled."""
    samples = run.samples()
    wrong = samples["is_mislabeled"]
    rows = []
    for label, name in [*enumerate(run.class_names), (None, "all")]:
        of_class = wrong if label is None else wrong[samples["given_label"] == label]
        n_wrong, n_clean = int(of_class.sum()), int(of_class.eq(False).sum())
        known = n_wrong + n_clean
        share = f"{100 * n_wrong / known:.1f}" if known else UNKNOWN
        unknown = len(of_class) - known
        rows.append([name, *(f"{n:,}" for n in (len(of_class), n_clean, n_wrong, unknown)), share])
    return rows


def noise_matrix(table: pd.DataFrame) -> tuple[list[str], Rows]:
    """Return the heading and rows of true against given counts, from the figure's table."""
    counts = table.pivot(index="true", columns="given", values="count")
    names = table.drop_duplicates("given").sort_values("given")["given_name"].tolist()
    rows = [
        [name, *(f"{n:,}" for n in row)] for name, row in zip(names, counts.to_numpy(), strict=True)
    ]
    return ["true, given:", *names], rows


def accuracies(runs: Sequence[RunReader]) -> Rows:
    """Return run and split, last, best with its epoch, mean of the last ten, and the paper's."""
    rows = []
    for run in runs:
        metrics = run.metrics().set_index("epoch")
        noise = run.info.get("noise") or {}
        dataset = run.info["dataset"]["name"]
        reported = paper_accuracy(
            run.info.get("recipe"), dataset, noise.get("name"), noise.get("rate")
        )
        for column, split in SPLITS.items():
            values = 100 * metrics[column].dropna()
            if values.empty:
                rows.append([f"{run.name}: {split}", *[UNKNOWN] * 4])
                continue
            last, best = f"{values.iloc[-1]:.2f}", f"{values.max():.2f} (epoch {values.idxmax()})"
            tail = values.iloc[-LAST_EPOCHS:]
            of_ten = f"{tail.mean():.2f}" + ("" if len(tail) == LAST_EPOCHS else f" ({len(tail)})")
            is_compared = column == "test_accuracy" and reported is not None
            paper = f"{reported:.1f}" if is_compared else UNKNOWN
            rows.append([f"{run.name}: {split}", last, best, of_ten, paper])
    return rows


def detection(table: pd.DataFrame, contest: str) -> Rows:
    """Return the criteria of one contest of `detection.detect`'s table, the best AUROC first."""
    part = table[table["contest"] == contest].sort_values("auroc", ascending=False)
    rows = []
    for row in part.to_dict("records"):
        rows.append(
            [
                title_of(row["criterion"]),
                f"{row['auroc']:.3f}",
                _interval(row["auroc_low"], row["auroc_high"]),
                f"{row['difference']:+.3f}",
                _interval(row["difference_low"], row["difference_high"], "+"),
                f"{row['average_precision']:.3f}",
                f"{row['precision']:.3f}",
                f"{row['recall']:.3f}",
                f"{row['n_clean']:,}",
                f"{row['n_mislabeled']:,}",
            ]
        )
    return rows


def _interval(low: float, high: float, sign: str = "") -> str:
    return f"{low:{sign}.3f} to {high:{sign}.3f}"


def configuration(run: RunReader) -> Rows:
    """Return the run's configuration as it was logged, one setting a row."""
    config = run.info.get("config") or {}
    return [[str(key), _as_text(value)] for key, value in config.items()]


def provenance(run: RunReader) -> Rows:
    """Return where the numbers come from: run, log, criteria, versions."""
    info = run.info
    epochs = run.epochs()
    used = f"1 to {epochs[-1]}" if epochs else "none"
    with_features = ", ".join(map(str, run.feature_epochs())) or "none"
    ours = {name: version(name) for name in ("numpy", "pandas", "matplotlib", "plotly")}
    return [
        ["Run", run.name],
        ["Written", info.get("created") or UNKNOWN],
        ["Format of the log", _as_text(info["format"])],
        ["Data set's fingerprint", info["dataset"]["fingerprint"]],
        ["Epochs used", used],
        [
            "Epochs with features",
            with_features,
        ],
        ["HM weight logged with", _as_text(info["weighting"])],
        ["Seed", _as_text(info.get("seed"))],
        ["Device", info.get("device") or UNKNOWN],
        ["Commit of the training", info.get("commit") or UNKNOWN],
        ["Versions of the training", _as_text(info.get("versions") or {})],
        ["Versions of this report", _as_text({"python": platform.python_version(), **ours})],
    ]


def criteria() -> Rows:
    """Return each criterion's name, title, unit, what a high score means, and its source."""
    return [
        [name, c.title, c.unit, f"high means {c.higher_means}", c.source]
        for name, c in MAIN_CRITERIA.items()
    ]


def _as_text(value: object) -> str:
    """Return a setting as one reads it."""
    if value is None:
        return UNKNOWN
    if isinstance(value, dict):
        return ", ".join(f"{key} {_as_text(part)}" for key, part in value.items()) or UNKNOWN
    return value if isinstance(value, str) else json.dumps(value)
