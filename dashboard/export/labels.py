"""Corrected labels as a file: `python -m dashboard.labels RUN OUT`, and what goes on from there."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import tyro

from dashboard.export.find import find_run
from hmw_core.command_line import door
from hmw_core.criteria import CRITERIA
from hmw_core.errors import UsageError
from hmw_core.log.layout import images_file, write_whole
from hmw_core.log.reader import RunReader
from hmw_core.review.corrected_labels import corrected_labels
from hmw_core.review.label_codec import encode
from hmw_core.review.label_file import arrow_table, write_labels

LARGEST_EMBEDDED = 200 << 20  # bytes of pictures that go into the samples file itself
AT_A_TIME = 1024  # pictures

# What decides a training, and what it is where nobody says: the command line leaves it out.
# tests/dashboard/test_labels_page.py compares with `training.config`.
DEFAULTS: dict[str, Any] = {
    "dataset": "digits", "data": None, "test_data": None, "image_column": "image",
    "label_column": "label", "true_label_column": None, "noise_column": None,
    "test_fraction": 0.2, "train_samples": None, "image_size": None,
    "skip_broken": False, "noise": "none", "noise_rate": 0.0, "noise_args": {}, "recipe": None,
    "method": "standard", "method_args": {}, "loss": "ce", "loss_args": {},
    "normalize_logits": False, "weighting": "uniform", "weighting_args": {}, "alpha": 100.0,
    "beta": 100.0, "k": 1, "annealing_start": 1, "warmup_epochs": 0, "confidence_penalty": 0.0,
    "network": "small_cnn", "class_bias": True,
    "epochs": 100, "batch_size": 128, "learning_rate": 0.02, "momentum": 0.9,
    "nesterov": False, "weight_decay": 5e-4, "schedule": "step", "schedule_at": (),
    "schedule_factor": 0.1, "optimizer": "sgd", "augment": "auto", "seed": 0, "data_seed": None,
}  # fmt: skip

SAMPLES_FILE = '"samples.parquet"'  # as it stands in the code below
# How the neighbours open the file of `samples_table`; shown on the page, run by the tests where
# the package is installed.
NEIGHBOURS = {
    "cleanlab Datalab": """\
import numpy as np
import pandas as pd
from cleanlab import Datalab

samples = pd.read_parquet("samples.parquet")
lab = Datalab(samples[["given_label"]].to_dict("list"), label_name="given_label")
lab.find_issues(
    pred_probs=np.stack(samples["pred_probs"]),
    features=np.stack(samples["features"]),
)
theirs = lab.get_issues("label")  # is_label_issue, label_score, ...
both = samples.join(theirs, rsuffix="_datalab")
""",
    "FiftyOne": """\
from pathlib import Path

import fiftyone as fo
import pandas as pd

samples = pd.read_parquet("samples.parquet")
folder = Path("samples-pictures")
folder.mkdir(exist_ok=True)
collected = []
for row in samples[samples["image"].notna()].itertuples():
    picture = folder / f"{row.sample_id:07d}.{'png' if row.image[1:4] == b'PNG' else 'jpg'}"
    picture.write_bytes(row.image)
    sample = fo.Sample(filepath=str(picture.resolve()), row=row.sample_id)
    sample["given"] = fo.Classification(label=row.given_name)
    sample["corrected"] = fo.Classification(label=row.new_name)
    sample["label_score"] = row.label_score
    sample["is_label_issue"] = row.is_label_issue
    collected.append(sample)
dataset = fo.Dataset("samples", overwrite=True)
dataset.add_samples(collected)
fo.launch_app(dataset.sort_by("label_score"))  # lower = worse
""",
    "Renumics Spotlight": """\
import pandas as pd
from renumics import spotlight

samples = pd.read_parquet("samples.parquet")
kinds = {"image": spotlight.Image, "features": spotlight.Embedding}
spotlight.show(samples, dtype={name: kinds[name] for name in kinds if name in samples})
""",
}


def samples_table(
    run: RunReader,
    labels: pd.DataFrame,
    *,
    pictures: str = "auto",
    with_vectors: bool = True,
    paths: dict[int, str] | None = None,
) -> pa.Table:
    """Return what cleanlab's Datalab, FiftyOne and Spotlight open: labels, pictures, vectors.

    Parameters
    ----------
    run : RunReader
    labels : DataFrame
        Of `corrected_labels`, whose epoch counts for the vectors, too.
    pictures : str
        `bytes`: encoded pictures in the column `image`. `auto`: the same, unless they are larger
        than `LARGEST_EMBEDDED` together. `none`: no such column.
    with_vectors : bool
        Whether `features` (D float32, of the last epoch that logged them) and `pred_probs` (C
        float32, the softmax of the last full logits kept) come with it, where the run has them.
    paths : dict of int to str, optional
        Where each picture lies, for a column `image_path` in place of `image`.

    Returns
    -------
    pyarrow Table
        The columns of the labels, `true_label` where one is known, and those above where the run
        has what they need; null for a sample that has none.
    """
    table = arrow_table(labels)
    if run.samples()["true_label"].notna().any():
        true = run.samples()["true_label"].to_numpy(dtype=object, na_value=None)
        table = table.append_column("true_label", pa.array(true, pa.int64()))
    ids = range(run.n_samples)
    if paths is not None:
        table = table.append_column("image_path", pa.array([paths.get(i) for i in ids]))
    elif pictures == "bytes" or (pictures == "auto" and embeds_pictures(run)):
        found = run.images(ids)
        table = table.append_column("image", pa.array([found.get(i) for i in ids], pa.binary()))
    if with_vectors:
        last = labels.attrs["provenance"]["last_epoch"]
        for name, vectors in (
            ("features", _features(run, last)),
            ("pred_probs", _probs(run, last)),
        ):
            if vectors is not None:
                table = table.append_column(name, vectors)
    return table


def samples_file(run: RunReader, labels: pd.DataFrame, **options: Any) -> bytes:
    """Return `samples_table` as the bytes of a Parquet file with the labels' provenance."""
    table = samples_table(run, labels, **options)
    return encode(table, labels.attrs["provenance"], "parquet")


def embeds_pictures(run: RunReader) -> bool:
    """Tell whether a run's pictures are few enough to go into the samples file."""
    return 0 < pictures_size(run) <= LARGEST_EMBEDDED


def pictures_size(run: RunReader) -> int:
    """Return the bytes of a run's pictures together, 0 where it keeps none."""
    file = images_file(run.folder, run.info["dataset"]["fingerprint"])
    return file.stat().st_size if file.is_file() else 0


def changes(labels: pd.DataFrame) -> pd.DataFrame:
    """Return how many labels change from which class to which: `given`, `new`, `n_samples`."""
    changed = labels[labels["changed"]]
    counts = changed.groupby(["given_name", "new_name"]).size().rename("n_samples").reset_index()
    ordered = counts.sort_values(
        ["n_samples", "given_name", "new_name"], ascending=[False, True, True]
    )
    return ordered.rename(columns={"given_name": "given", "new_name": "new"}).reset_index(drop=True)


def retrain_command(run: RunReader, file: str) -> str | None:
    """Return the command that trains as this run was, on the labels of a file.

    None for a run that `python -m training` did not make. A recipe that sets `--method-args`,
    `--loss-args` or `--weighting-args` is spelled out, since beside a recipe these are written
    differently. Where a recipe was given with an option that undoes what it sets, that option is
    to be added by hand.
    """
    config = run.info.get("config") or {}
    if "dataset" not in config:
        return None
    is_spelled_out = any(config.get(f"{part}_args") for part in ("method", "loss", "weighting"))
    words = ["python", "-m", "training", "train"]
    for name, default in DEFAULTS.items():
        value = config.get(name, default)
        value = tuple(value) if isinstance(value, list) else value
        if value == default or (name == "recipe" and is_spelled_out):
            continue
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif isinstance(value, tuple):
            words += [option, *map(str, value)]
        elif isinstance(value, dict):
            words += [option, *(str(part) for pair in value.items() for part in pair)]
        else:
            words += [option, str(value)]
    words += ["--labels", file, "--runs", str(run.folder.parent), "--run", f"{run.name}-corrected"]
    return shlex.join(words)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write the labels of a run as its verdicts correct them, in data set order."""

    run: tyro.conf.Positional[str]
    """A run's folder, or its name in data/runs."""
    out: tyro.conf.Positional[Path]
    """File: .csv, .parquet or .json."""
    criterion: Annotated[
        str | None,
        tyro.conf.arg(
            help=f"Of the scores: {', '.join(CRITERIA)}. Default: iam, or the first of these that "
            "the run can give"
        ),
    ] = None
    epoch: int | None = None
    """Last epoch used. Default: the last."""
    flag: int | None = None
    """Mark so many of the most suspicious samples as is_flagged."""
    samples: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Add pictures, features and pred_probs, for Datalab, FiftyOne or Spotlight (.parquet)."""
    pictures: Literal["auto", "bytes", "paths", "none"] = "auto"
    """With --samples: in the file (bytes), as files in a folder beside it (paths), none, or what
    suits: in the file up to 200 MiB, else a folder (auto)."""
    network: int = 1
    """Network whose scores and predictions count, of a run that trained several."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 2 for a user's mistake, which is said."""
    return door(Options, "python -m dashboard.labels", _write, argv)


def _write(given: Options) -> int:
    run = find_run(given.run, given.network)
    labels = corrected_labels(run, given.criterion, given.epoch, n_flagged=given.flag)
    verb = "replaced" if os.path.exists(given.out) else "wrote"
    if given.samples:
        _write_samples(run, labels, given.out, given.pictures)
    else:
        write_labels(given.out, labels)
    n_without = int(labels["score"].isna().sum())
    print(
        f"{verb} {given.out}: {run.n_samples:,} samples, "
        f"{int(labels['verdict'].notna().sum()):,} judged, "
        f"{int(labels['changed'].sum()):,} labels changed, scores by "
        f"{labels.attrs['provenance']['criterion']}"
        + (f" ({n_without:,} samples have none)" if n_without else "")
    )
    return 0


def _write_samples(run: RunReader, labels: pd.DataFrame, out: Path, pictures: str) -> None:
    if out.suffix.lower() != ".parquet":
        raise UsageError(f"--samples writes Parquet, so {out} must end in .parquet")
    if pictures in ("bytes", "paths") and not run.has_images:
        raise UsageError(f"run {run.name!r} keeps no pictures; leave --pictures out")
    if pictures == "auto" and run.has_images and not embeds_pictures(run):
        pictures = "paths"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        paths = _write_pictures(run, out) if pictures == "paths" else None
        write_whole(out, samples_file(run, labels, pictures=pictures, paths=paths))
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or error}") from None


def _write_pictures(run: RunReader, out: Path) -> dict[int, str]:
    """Write each picture as a file beside `out`; return its path from there by sample."""
    folder = out.with_name(f"{out.stem}-pictures")
    paths = {}
    for start in range(0, run.n_samples, AT_A_TIME):
        for sample_id, content in run.images(range(start, start + AT_A_TIME)).items():
            ending = "png" if content[:4] == b"\x89PNG" else "jpg"
            file = folder / f"{sample_id:07d}.{ending}"
            write_whole(file, content)
            paths[sample_id] = f"{folder.name}/{file.name}"
    return paths


def _features(run: RunReader, last: int | None) -> pa.Array | None:
    """Return the features of the last epoch that logged them, up to `last`, a list a sample."""
    epochs = [epoch for epoch in run.feature_epochs() if last is None or epoch <= last]
    if not epochs:
        return None
    logged = run.features(epochs[-1])
    return _lists(logged.features, logged.sample_id, run.n_samples)


def _probs(run: RunReader, last: int | None) -> pa.Array | None:
    """Return the softmax of the last full logits kept, up to `last`, a list a sample."""
    if run.outputs_setting != "full":
        return None
    for epoch in reversed([e for e in run.epochs() if last is None or e <= last]):
        outputs = run.outputs(["logits"], epochs=[epoch])
        if len(outputs):
            logits = np.stack(outputs["logits"].to_list()).astype(np.float64)
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            probs = powers / powers.sum(axis=1, keepdims=True)
            return _lists(probs, outputs["sample_id"].to_numpy(), run.n_samples)
    return None


def _lists(values: np.ndarray, sample_id: np.ndarray, n_samples: int) -> pa.Array:
    """Return (M, D) values of M of N samples as N lists of float32, null where there is none."""
    place = np.full(n_samples, -1)
    place[sample_id] = np.arange(len(sample_id))
    flat = pa.array(values.astype(np.float32).reshape(-1))
    offsets = pa.array(np.arange(len(values) + 1, dtype=np.int32) * values.shape[1])
    lists = pa.ListArray.from_arrays(offsets, flat)
    return lists.take(pa.array(place, mask=place < 0))


if __name__ == "__main__":
    sys.exit(main())
