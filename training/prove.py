"""Prove it: train anew on original, corrected and dropped labels, several seeds, and compare."""

import contextlib
import dataclasses
import hashlib
import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.experiments import proof
from hmw_core.experiments.proof import ARMS, NOW, Proof
from hmw_core.log import layout, provenance
from hmw_core.log.lock import Busy, FolderLock
from hmw_core.review.label_reader import LabelFile, read_labels
from training import devices
from training.config import METHOD_FIELDS, RunConfig
from training.data.pictures import EncodedImages
from training.data.prepare import DROP_STREAM, TrainingData, load_data
from training.loop import Progress, RunFailed, Training
from training.recipes import recipe_fields
from training.stopping import Stopped

WIDE = 120  # letters of a table that goes to a file
NOTE_EVERY = 1.0  # s between two notes of the epoch in progress
DECIDE_NOTHING = "run runs outputs outputs_every features_at device workers threads".split()
TOLD = ("recipe", "epochs")  # settings of a proof that may differ from the run's


@dataclass(frozen=True)
class Plan:
    """What a proof trains."""

    config: RunConfig
    """Of every arm; only the seed differs between trainings."""
    data: TrainingData
    """As the run has them, with its given labels."""
    corrected: np.ndarray
    """(N,), int64."""
    suspects: np.ndarray
    """(N,), bool: dropped in `suspects_dropped`."""
    arms: tuple[str, ...]
    seeds: tuple[int, ...]

    def of(self, arm: str, seed: int) -> TrainingData:
        """Return the data that an arm is trained on."""
        data = self.data
        if arm == "corrected":
            return dataclasses.replace(data, given_label=self.corrected)
        if arm == "suspects_dropped":
            return take(data, np.flatnonzero(~self.suspects))
        if arm == "random_dropped":
            rng = np.random.default_rng([seed, DROP_STREAM])
            kept = rng.permutation(len(self.suspects))[self.suspects.sum() :]
            return take(data, np.sort(kept))
        return data


def prove(
    folder: Path,
    labels: str | Path,
    console: Console,
    *,
    n_seeds: int = 5,
    epochs: int | None = None,
    recipe: str | None = None,
    device: str | None = None,
) -> None:
    """Train what the proof of a run's corrected labels still lacks, and show its table.

    Parameters
    ----------
    folder : Path
        The run.
    labels : path
        A file as `hmw_core.review.label_reader.read_labels` reads it.
    console : Console
    n_seeds : int
        Trainings of each arm, >= 1.
    epochs, recipe, device : optional
        In place of the run's.

    Raises
    ------
    UsageError
        If run, labels and options do not fit together. Nothing is written then.
    RunFailed
        If a loss is no longer finite, or the proof cannot be written.
    Stopped
        On Ctrl-C or SIGTERM. Finished trainings are kept.
    """
    run = RunReader(folder)
    own = _config_of(run)
    config = _config_to_prove(own, epochs, recipe, device)
    config = dataclasses.replace(config, threads=devices.use_threads(None))
    plan, info = make_plan(run, config, labels, n_seeds)
    place = proof.proofs_folder(folder) / info["name"]
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{place} cannot be made: {error.strerror or error}") from None
    try:
        lock = FolderLock(place)
    except Busy:
        raise UsageError(f"the proof in {place} is being computed by another process") from None
    try:
        _train_missing(plan, info, place, console)
    finally:
        lock.free()
    show(proof.read_proof(place), console)


def make_plan(
    run: RunReader, config: RunConfig, labels_file: str | Path, n_seeds: int
) -> tuple[Plan, dict[str, Any]]:
    """Return what to train, and the `proof.json` of it without trainings.

    Parameters
    ----------
    run : RunReader
    config : RunConfig
        What every arm is trained with.
    labels_file : path
    n_seeds : int

    Raises
    ------
    UsageError
        If the run was not made by us, has no test split, its data have changed, or the labels
        are another data set's or change nothing.
    """
    own = _config_of(run)
    labels = read_labels(
        labels_file,
        n_samples=run.n_samples,
        class_names=run.class_names,
        fingerprint=run.info["dataset"]["fingerprint"],
    )
    given = run.samples()["given_label"].to_numpy(np.int64)
    changed, suspects = _changed_and_suspects(labels, given, run.name)
    data = load_data(own, resumed=run)
    if not np.array_equal(given, data.given_label):
        raise UsageError(f"run {run.name!r} cannot be trained again: its data have changed since")
    if data.test_label is None:
        raise UsageError(
            f"run {run.name!r} has no test split (--test-fraction {own.test_fraction:g}), so there "
            "is nothing to measure on; train a run that has one"
        )
    arms, notes = _arms(labels, given, changed, suspects, run.class_names)
    # Not the run's own seed: in that very training the suspects were found.
    seeds = tuple(range(own.seed + 1, own.seed + 1 + n_seeds))
    plan = Plan(config, data, labels.label, suspects, arms, seeds)
    device = devices.choose_device(config.device)
    key = _key(labels.label, suspects, config, device.type)
    dropped = {"suspects_dropped": int(suspects.sum()), "random_dropped": int(suspects.sum())}
    info = {
        "format": proof.PROOF_FORMAT,
        "name": _folder_name(labels_file, key),
        "key": key,
        "run": run.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "running",
        "error": None,
        "labels": {
            "file": Path(labels_file).name,
            "sha256": labels.sha256,
            "provenance": labels.provenance,
            "n_changed": int(changed.sum()),
            "n_suspects": int(suspects.sum()),
        },
        "fingerprint": run.info["dataset"]["fingerprint"],
        "n_test": len(data.test_label),
        "test_labels_are_true": data.true_label is not None,
        "config": config.as_json(),
        "config_changes": {
            name: [getattr(own, name), getattr(config, name)]
            for name in TOLD
            if getattr(own, name) != getattr(config, name)
        },
        "seeds": list(seeds),
        "arms": {
            arm: {
                "n_samples": len(given) - dropped.get(arm, 0),
                "n_changed": int(changed.sum()) if arm == "corrected" else 0,
                "n_dropped": dropped.get(arm, 0),
            }
            for arm in arms
        },
        "notes": notes,
        "trainings": [],
        "device": devices.describe(device),
        "versions": provenance.versions(),
        "commit": provenance.commit(),
    }
    return plan, info


def take(data: TrainingData, rows: np.ndarray) -> TrainingData:
    """Return the training data restricted to some rows, in the order given; the test stays."""
    images = data.images
    return dataclasses.replace(
        data,
        images=images.take(rows) if isinstance(images, EncodedImages) else images[rows],
        given_label=data.given_label[rows],
        true_label=None if data.true_label is None else data.true_label[rows],
        source=[data.source[row] for row in rows],
    )


def train_once(
    config: RunConfig, data: TrainingData, progress: Progress = lambda epoch, share: None
) -> float:
    """Train as `train` does, without a log, and return the last epoch's test accuracy in [0, 1].

    Raises
    ------
    RunFailed, Stopped
        As `train`.
    """
    training = Training(config, data)
    with training.stop:
        for epoch in range(1, config.epochs + 1):
            training.train_epoch(epoch, progress)
        accuracy = training.test_accuracy()
    assert accuracy is not None, "a proof has a test split"
    return accuracy


def show(found: Proof, console: Console) -> None:
    """Print the table of a proof and, in sentences, what it shows."""
    cells = proof.display_table(found)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in cells.columns:
        table.add_column(name, justify="left" if name == "Arm" else "right")
    for row in cells.itertuples(index=False):
        table.add_row(*row)
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE)
    console.print()
    console.print(table)
    kept = f"Kept in {found.folder}, shown on the dashboard's page Proof."
    for sentence in ["", *proof.conclusions(found), "", *proof.remarks(found), "", kept]:
        whole = not console.is_terminal  # a file's lines need no breaking
        console.print(sentence, markup=False, highlight=False, soft_wrap=whole)


def _train_missing(plan: Plan, info: dict[str, Any], place: Path, console: Console) -> None:
    """Train what `place` lacks; after each training the proof is on disk."""
    if (place / "proof.json").exists():
        before = proof.read_proof(place).info
        kept = {training["seed"] for training in before["trainings"]}
        info["seeds"] = sorted({*info["seeds"], *kept})
        info["trainings"] = before["trainings"]
        info["created"] = before["created"]
    done = {(training["arm"], training["seed"]) for training in info["trainings"]}
    missing = [(a, s) for s in info["seeds"] for a in plan.arms if (a, s) not in done]
    status, error = "failed", None
    try:
        proof.write_proof(place, info)
        with ProofProgress(len(done), len(missing), place, console) as progress:
            for arm, seed in missing:  # all arms of a seed first: pairs are whole if it is stopped
                info["trainings"].append(_train(plan, arm, seed, progress))
                proof.write_proof(place, info)
        status = "finished"
    except (Stopped, KeyboardInterrupt):
        status = "stopped"
        raise
    except OSError as problem:  # a full disk, a folder that can no longer be written
        error = f"the proof cannot be written: {problem}"
        raise RunFailed(error) from problem
    except BaseException as problem:  # only to note it: it is raised again
        error = str(problem) or type(problem).__name__
        raise
    finally:
        with contextlib.suppress(OSError):  # it is told on the terminal
            proof.write_proof(place, info | {"status": status, "error": error})
            (place / NOW).unlink(missing_ok=True)


def _train(plan: Plan, arm: str, seed: int, progress: "ProofProgress") -> dict[str, Any]:
    data = plan.of(arm, seed)
    wrong = None
    if data.true_label is not None:
        wrong = float((data.given_label != data.true_label).mean())
    started = time.perf_counter()
    progress.begin(arm, seed, plan.config.epochs)
    accuracy = train_once(dataclasses.replace(plan.config, seed=seed), data, progress.advance)
    progress.end(accuracy)
    return {
        "arm": arm,
        "seed": seed,
        "n_samples": len(data.given_label),
        "mislabeled_fraction": wrong,
        "test_accuracy": accuracy,
        "seconds": time.perf_counter() - started,
    }


class ProofProgress:
    """A bar on a terminal, a line a training elsewhere, and a note of the epoch for the page."""

    def __init__(self, n_done: int, n_missing: int, place: Path, console: Console) -> None:
        self.n_done, self.n_before, self.n_total = n_done, n_done, n_done + n_missing
        self.place = place
        self.console = console
        self.started = time.monotonic()
        self.next_note = 0.0
        self.bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[text]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "ProofProgress":
        self.bar.start()
        self.task = self.bar.add_task(
            "proof", total=self.n_total, completed=self.n_done, text="starting"
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def begin(self, arm: str, seed: int, n_epochs: int) -> None:
        """Note which training begins."""
        self.arm, self.seed, self.n_epochs = arm, seed, n_epochs

    def advance(self, epoch: int, share: float) -> None:
        """Move the bar to a share of an epoch, in [0, 1]."""
        self._show(epoch, (epoch - 1 + share) / self.n_epochs)

    def end(self, accuracy: float) -> None:
        """Tell of a training that has ended."""
        self.n_done += 1
        line = (
            f"{ARMS[self.arm]}, seed {self.seed}: test {accuracy:.1%}  "
            f"(training {self.n_done} of {self.n_total}, {self._time_left(0.0)})"
        )
        self.console.print(line, soft_wrap=True, markup=False, highlight=False)

    def _show(self, epoch: int, share: float) -> None:
        text = (
            f"{self.n_done + 1}/{self.n_total}  {ARMS[self.arm]}, seed {self.seed}, "
            f"epoch {epoch}/{self.n_epochs}  {self._time_left(share)}"
        )
        self.bar.update(self.task, completed=self.n_done + share, text=text)
        if time.monotonic() >= self.next_note:
            self.next_note = time.monotonic() + NOTE_EVERY
            now = {"arm": self.arm, "seed": self.seed, "epoch": epoch, "n_epochs": self.n_epochs}
            layout.write_json(self.place / NOW, now)

    def _time_left(self, share: float) -> str:
        done = self.n_done + share - self.n_before
        left = (self.n_total - self.n_done - share) * (time.monotonic() - self.started) / done
        return f"{timedelta(seconds=round(left))} left"


def _config_of(run: RunReader) -> RunConfig:
    try:
        return RunConfig.from_json(run.info.get("config") or {})
    except UsageError:
        raise UsageError(
            f"run {run.name!r} was not made by `python -m training train`, so it is not known how "
            "to train it again; train on the exported labels in your own loop"
        ) from None


def _config_to_prove(
    own: RunConfig, epochs: int | None, recipe: str | None, device: str | None
) -> RunConfig:
    """Return the run's config with what the options change of it; it logs nothing."""
    changes: dict[str, Any] = {"features_at": (), "epochs": epochs or own.epochs}
    changes |= {"threshold_samples": None, "threshold_seed": None}  # every sample in its class
    if device:
        changes["device"] = device
    if recipe:  # network, schedule and epochs stay the run's: the same training, another method
        plain = RunConfig()
        fields = recipe_fields(recipe, own.dataset, own.noise, own.noise_rate)
        changes |= {name: fields.get(name, getattr(plain, name)) for name in METHOD_FIELDS}
    return dataclasses.replace(own, **changes)


def _changed_and_suspects(
    labels: LabelFile, given: np.ndarray, run: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return which samples have another label than `given`, and which are dropped; (N,) bool.

    Suspects are those with another label, those that the file says have a label issue, and those
    that it says a criterion flagged and nobody kept. A verdict `unsure` alone drops nothing.
    """
    if labels.given_label is not None and not np.array_equal(labels.given_label, given):
        n_other = int((labels.given_label != given).sum())
        raise UsageError(
            f"{labels.path} was made for other given labels than run {run!r} has: {n_other:,} of "
            f"{len(given):,} differ"
        )
    changed = labels.label != given
    suspects = changed.copy()
    if labels.is_label_issue is not None or labels.is_flagged is not None:
        suspects |= dataclasses.replace(labels, given_label=given).is_suspect
    if not suspects.any():
        raise UsageError(
            f"{labels.path} changes no label of run {run!r} and marks no suspect, so all arms "
            "would be the same training; judge samples first, or export with flagged ones"
        )
    return changed, suspects


def _arms(
    labels: LabelFile,
    given: np.ndarray,
    changed: np.ndarray,
    suspects: np.ndarray,
    class_names: list[str],
) -> tuple[tuple[str, ...], list[str]]:
    """Return the arms that differ from one another, and sentences about what is left out."""
    arms, notes = list(ARMS), []
    only_suspected = int((suspects & ~changed).sum())
    what = "every sample whose label the file changes"
    if only_suspected:
        what += f", and {only_suspected:,} more that it marks as an issue or flagged"
    notes.append(f"Suspects are {what}; samples judged “unsure” stay in unless they are flagged")
    if not changed.any():
        arms.remove("corrected")
        notes.append(
            "The file changes no label, so training on it would be training on the original labels"
        )
    if suspects.all():
        arms = [arm for arm in arms if "dropped" not in arm]
        notes.append("Every sample is a suspect, so none would be left to train on without them")
    else:
        lost = np.setdiff1d(given, given[~suspects])
        if len(lost):
            names = ", ".join(class_names[label] for label in lost[:5])
            more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
            notes.append(f"Without the suspects no sample is left of {names}{more}")
    return tuple(arms), notes


def _key(label: np.ndarray, suspects: np.ndarray, config: RunConfig, device: str) -> str:
    """Return a digest of all that decides the trainings but their seeds.

    Of the config, what differs from its defaults: a setting that a later version brings does not
    make an old proof another one.
    """
    plain = RunConfig().as_json()
    settings = {
        name: value
        for name, value in config.as_json().items()
        if name not in DECIDE_NOTHING and value != plain[name]
    }
    digest = hashlib.sha256(json.dumps([settings, device], sort_keys=True).encode())
    digest.update(label.astype("<i8").tobytes())
    digest.update(suspects.tobytes())
    return digest.hexdigest()


def _folder_name(labels: str | Path, key: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(labels).stem).strip(".-")
    return f"{stem[:60] or 'labels'}-{key[:8]}"
