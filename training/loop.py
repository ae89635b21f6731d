"""Epochs, evaluation, the log and the checkpoint; knows no method by name."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError, pick
from hmw_core.log.schema import RunWarning
from hmw_core.noise import NOISES
from hmw_core.objective.losses import LOSSES
from hmw_core.objective.weighting import WEIGHTINGS
from training import checkpoint, devices, evaluation
from training.config import RunConfig
from training.data.batches import image_source
from training.data.datasets import DATASETS
from training.data.epoch_data import EpochData
from training.data.prepare import TrainingData, load_data
from training.methods import METHODS
from training.methods.base import Record, Sizes
from training.progress import EpochSummary, TrainingProgress
from training.records import LogRecord, LossRecord
from training.stopping import Stopped, StopWish
from training.teacher import posteriors
from training.threshold_samples import RealClasses, draw_threshold_samples
from training.validation import as_json, draw_validation

Progress = Callable[[int, float], None]
"""Told the epoch and the share of it that is done, in [0, 1], after each batch."""


class RunFailed(Exception):
    """The run cannot go on, and says why in its status; whole epochs stay."""


def train(config: RunConfig, console: Console) -> None:
    """Train a new run and log it.

    Raises
    ------
    UsageError
        If the config does not fit the data, or the run exists. Nothing is written then.
    RunFailed
        If the loss is no longer finite, or the log cannot be written.
    Stopped
        On Ctrl-C or SIGTERM.
    """
    _check_names(config)
    if config.folder.exists():
        is_run = (config.folder / "run.json").exists()
        raise UsageError(
            f"run folder {config.folder} exists already; name another with --run, or "
            + (
                f"go on with `python -m training resume {config.run_name}`"
                if is_run
                else "remove it: it holds no run.json, so no run"
            )
        )
    config = dataclasses.replace(config, threads=devices.use_threads(config.threads))
    training = Training(config, load_data(config, teacher=posteriors))
    with _failing_on_disk():
        writer = training.new_log()
    training.run(writer, console, first_epoch=1)


def resume(
    folder: Path, console: Console, device: str | None = None, threads: int | None = None
) -> None:
    """Go on with a run after its last whole epoch; on the CPU to the same result as unbroken.

    Device and threads are those of its begin, unless others are given.

    Raises
    ------
    UsageError
        If the run is finished, being written, not one of ours, or its data have changed.
    RunFailed, Stopped
        As `train`.
    """
    reader = RunReader(folder)
    if reader.info["status"] == "finished":
        raise UsageError(f"run {reader.name!r} is finished: all {reader.n_epochs} epochs are there")
    config = RunConfig.from_json(reader.info.get("config"))
    threads = devices.use_threads(threads or config.threads)
    config = dataclasses.replace(config, device=device or config.device, threads=threads)
    _check_names(config)
    training = Training(config, load_data(config, resumed=reader))
    logged = reader.samples()["given_label"].to_numpy()
    if not np.array_equal(logged, training.data.given_label):
        raise UsageError(f"run {reader.name!r} cannot go on: its data have changed since")
    with _failing_on_disk():
        state = checkpoint.load(folder)
        last_epoch = 0 if state is None else state["epoch"]
        if last_epoch > reader.last_epoch:
            raise UsageError(
                f"run {reader.name!r} is logged to epoch {reader.last_epoch}, not to {last_epoch} "
                "as its checkpoint.pt; if you delete this file, `resume` trains again from the "
                "first epoch"
            )
        if state is not None:
            checkpoint.restore(state, training.method, folder)
        writer = RunWriter.resume(folder, last_epoch=last_epoch)
    training.run(writer, console, first_epoch=last_epoch + 1)


@contextmanager
def _failing_on_disk() -> Iterator[None]:
    """Turn what a disk refuses, or a folder that is gone, into a failure with its reason."""
    try:
        yield
    except OSError as problem:
        raise RunFailed(f"the run cannot go on: {problem}") from problem


def _check_names(config: RunConfig) -> None:
    """Refuse an unknown name before anything is loaded or downloaded."""
    pick(DATASETS, config.dataset, "data set")
    pick(NOISES, config.noise, "noise")
    pick(METHODS, config.method, "method")
    pick(LOSSES, config.loss, "loss")
    pick(WEIGHTINGS, config.weighting, "weighting")


class Training:
    """A method and the data it is trained on, both on the device."""

    def __init__(self, config: RunConfig, data: TrainingData) -> None:
        self.config = config
        self.data = data
        self.device = devices.choose_device(config.device)
        torch.backends.cudnn.benchmark = True  # the sizes stay the same, so the search pays
        options = (data.mean, data.std, data.augment, self.device, config.workers)
        self.train_source = image_source(data.images, *options)
        tests = {name: (split.images, split.label) for name, split in data.more_tests.items()}
        if data.test_images is not None and data.test_label is not None:
            tests = {"": (data.test_images, data.test_label), **tests}
        self.tests = {
            name: (image_source(images, *options), torch.from_numpy(label).to(self.device))
            for name, (images, label) in tests.items()
        }
        """By name, "" for the run's own: pictures and labels of the test splits."""
        n_samples, n_classes = len(data.given_label), data.n_classes
        trained_label = torch.from_numpy(data.given_label)
        self.threshold = draw_threshold_samples(config, n_samples, n_classes)
        self.real_classes = None
        if self.threshold is not None:
            trained_label = trained_label.clone()
            trained_label[self.threshold.sample_id] = n_classes  # the extra class
        self.trained_label = trained_label.to(self.device)
        if self.threshold is not None:
            self.real_classes = RealClasses(self.threshold, n_classes, self.trained_label)
        sizes = Sizes(
            n_samples=n_samples,
            n_classes=n_classes + (self.threshold is not None),
            n_channels=self.train_source.n_channels,
            image_size=self.train_source.image_size,
            device=self.device,
            class_names=tuple(data.class_names),
            measured_transition=data.noise.get("transition_matrix"),
        )
        torch.manual_seed(devices.epoch_seed(config.seed, 0))
        self.method = METHODS[config.method](config, sizes)
        if self.threshold is not None and not self.method.takes_threshold_samples:
            takers = [name for name, method in METHODS.items() if method.takes_threshold_samples]
            raise UsageError(
                f"--threshold-samples go with method {', '.join(takers)} only, "
                f"not with {config.method}"
            )
        share = self.method.validation_share
        self.validation_id = draw_validation(config, data.given_label, share)
        self.stop = StopWish()

    def new_log(self) -> RunWriter:
        """Make the run folder and return its writer."""
        config, data = self.config, self.data
        return RunWriter.create(
            config.folder,
            given_label=data.given_label,
            true_label=data.true_label,
            n_classes=data.n_classes,
            n_epochs=config.epochs,
            class_names=list(data.class_names),
            images=data.images,
            source=list(data.source),
            test_images=data.test_images,
            test_label=data.test_label,
            config=config.as_json(),
            recipe=config.recipe,
            dataset_name=config.dataset,
            noise=data.noise,
            seed=config.seed,
            device=devices.describe(self.device),
            outputs=config.outputs,
            outputs_every=config.outputs_every,
            alpha=config.alpha,
            beta=config.beta,
            k=config.k,
            annealing_start=config.annealing_start,
            threshold_samples=None if self.threshold is None else self.threshold.as_json(),
            networks=self.method.n_networks,
            pass_name=self.method.pass_name,
            method_state=self.method.state,
            method_metrics=self.method.metrics,
            method_arguments=self.method.args,
            validation=as_json(self.validation_id, self.method.validation_share),
            warnings=[*data.warnings, *self._said_of_the_method()],
        )

    def _said_of_the_method(self) -> list[RunWarning]:
        said = []
        if len(self.validation_id):
            said.append(
                RunWarning(
                    f"{len(self.validation_id):,} of {len(self.data.given_label):,} training "
                    f"samples are held out, by which method {self.config.method!r} chooses: they "
                    "are not trained on, so the log has no row of them.",
                    tuple(self.validation_id[:6].tolist()),
                )
            )
        if self.method.changes_labels and self.config.labels is not None:
            said.append(
                RunWarning(
                    f"Method {self.config.method!r} comes to train on labels of its own: those of "
                    "--labels are only where it begins."
                )
            )
        return said

    def run(self, writer: RunWriter, console: Console, first_epoch: int) -> None:
        """Train to the last epoch; whatever ends it, the run says how."""
        progress = TrainingProgress(writer.folder.name, self.config.epochs, first_epoch, console)
        status, error = "failed", None
        try:
            with _failing_on_disk(), progress, self.stop:
                self.run_epochs(writer, progress, first_epoch)
            status = "finished"
        except (Stopped, KeyboardInterrupt):
            status = "stopped"
            raise
        except BaseException as problem:  # only to note it: it is raised again
            error = str(problem) or type(problem).__name__
            raise
        finally:
            _finish(writer, status, error)

    def run_epochs(self, writer: RunWriter, progress: TrainingProgress, first_epoch: int) -> None:
        """Train the epochs from `first_epoch` on; return or leave when the log is on disk."""
        try:
            place, threads = devices.describe(self.device), self.config.threads
            progress.tell(f"{progress.name}  on {place}, {threads} CPU thread{'s'[: threads != 1]}")
            progress.warn(writer.warnings())
            for epoch in range(first_epoch, self.config.epochs + 1):
                progress.end_epoch(self.run_epoch(epoch, writer, progress))
                progress.warn(writer.warnings())
        finally:
            writer.flush()

    def run_epoch(self, epoch: int, writer: RunWriter, progress: TrainingProgress) -> EpochSummary:
        """Train, evaluate and log one epoch."""
        config = self.config
        started = time.perf_counter()

        record = LogRecord(writer, self.real_classes)
        mean_loss, rate = self.train_epoch(epoch, progress.advance, record)
        samples_per_second = len(self.trained_label) / (time.perf_counter() - started)
        tested = self.test_metrics()
        if epoch in (config.features_at or (config.epochs,)):
            self.log_features(epoch, writer)
        if self.real_classes is not None:
            self.real_classes.write(writer.folder, epoch)
        writer.note_facts(self.method.facts())
        stage = self.method.stage(epoch)
        writer.end_epoch(
            epoch,
            after=checkpoint.saver(self.method, epoch, writer.folder),
            **({} if stage is None else {"stage": stage}),
            **self.method.epoch_metrics(),
            **tested,
            learning_rate=rate,
            seconds=time.perf_counter() - started,
            samples_per_second=samples_per_second,
        )
        return EpochSummary(epoch, mean_loss, tested["test_accuracy"], samples_per_second)

    def train_epoch(
        self, epoch: int, progress: Progress, record: Record | None = None
    ) -> tuple[float, float]:
        """Train one epoch and return the mean loss (nat) and the learning rate.

        The mean is over the training samples, as the first network's log has them, whatever
        number of rows a method records.

        Parameters
        ----------
        epoch : int
            From 1.
        progress : callable
        record : Record, optional
            Told of all that the method records.

        Raises
        ------
        RunFailed
            If the loss is no longer finite.
        Stopped
            Once a stop is wished for.
        """
        config = self.config
        torch.manual_seed(devices.epoch_seed(config.seed, epoch))
        rate = self.method.set_epoch(epoch)
        n_samples = len(self.trained_label)
        losses = LossRecord(self.method.n_networks, n_samples, self.device, record)
        data = self.epoch_data(epoch, progress)
        self.method.run_epoch(epoch, data, losses)
        means = losses.means()
        mean_loss = means[0]
        if not np.isfinite(means).all():
            raise RunFailed(
                f"the loss became {mean_loss} in epoch {epoch} at learning rate {rate:g}; "
                "a lower --learning-rate may help"
            )
        return mean_loss, rate

    def epoch_data(self, epoch: int, progress: Progress) -> EpochData:
        """Return what the method is given of an epoch."""
        n_drawn, n_expected = 0, self.method.n_passes(epoch) * len(self.trained_label)

        def drawn(n_pictures: int) -> None:
            nonlocal n_drawn
            n_drawn += n_pictures
            progress(epoch, min(n_drawn / n_expected, 1.0))

        return EpochData(
            self.train_source,
            self.trained_label,
            epoch=epoch,
            seed=self.config.seed,
            batch_size=self.config.batch_size,
            stop=self.stop,
            drawn=drawn,
            validation_id=torch.from_numpy(self.validation_id),
        )

    def test_accuracy(self) -> float | None:
        """Return the accuracy on the test split as trained so far, in [0, 1]; None without one."""
        return self.test_metrics()["test_accuracy"]

    def test_metrics(self) -> dict[str, float | None]:
        """Return what the log keeps of the test splits as trained so far: shares in [0, 1].

        `test_accuracy`, with more than ten classes `test_top5`, and the same of further splits
        with their names at the end: `test_accuracy_ilsvrc12`.
        """
        found: dict[str, float | None] = {"test_accuracy": None}
        n_classes = self.data.n_classes
        for name, (source, label) in self.tests.items():
            end = name and f"_{name}"
            tested = evaluation.accuracy(self.method, source, label, self.stop, n_classes)
            found[f"test_accuracy{end}"] = tested.top1
            if tested.top5 is not None:
                found[f"test_top5{end}"] = tested.top5
        return found

    def log_features(self, epoch: int, writer: RunWriter) -> None:
        """Log the penultimate features of the training set, plain pictures in order."""
        n_samples = len(self.trained_label)
        features, class_vectors = evaluation.features(
            self.method, self.train_source, n_samples, self.stop
        )
        writer.log_features(epoch, features, class_vectors[: self.data.n_classes])


def _finish(writer: RunWriter, status: str, error: str | None) -> None:
    try:
        writer.finish(status, error)
    except OSError as problem:
        if status == "failed":
            raise RunFailed(f"{error}; nor can this be noted in the run: {problem}") from problem
        raise RunFailed(f"the run cannot go on: {problem}") from problem
