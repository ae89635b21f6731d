"""Epochs, evaluation, the log and the checkpoint; knows no method by name."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from hmw_core.errors import UsageError, pick
from hmw_core.noise import NOISES
from hmw_core.objective.batch import Batch
from hmw_core.objective.losses import LOSSES
from hmw_core.objective.weighting import WEIGHTINGS
from hmw_core.store import RunReader, RunWriter
from training import checkpoint, devices, evaluation
from training.config import RunConfig
from training.data.augment import draw
from training.data.batches import image_source
from training.data.datasets import DATASETS
from training.data.prepare import TrainingData, load_data
from training.methods import METHODS
from training.methods.base import Problem, Record, StepLog
from training.progress import EpochSummary, TrainingProgress
from training.schedule import learning_rate
from training.stopping import Stopped, StopWish
from training.threshold_samples import RealClasses, draw_threshold_samples

Watch = Callable[[Iterator[Batch], int, int], Iterator[Batch]]
"""Given the batches of an epoch, how many there are and the epoch: the same batches."""


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
        raise UsageError(
            f"run folder {config.folder} exists already; name another with --run, "
            f"or go on with `python -m training resume {config.run_name}`"
        )
    training = Training(config, load_data(config))
    training.run(training.new_log(), console, first_epoch=1)


def resume(folder: Path, console: Console, device: str | None = None) -> None:
    """Go on with a run after its last whole epoch; on the CPU to the same result as unbroken.

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
    values = dict(reader.info["config"])
    config = RunConfig.from_json(values | ({"device": device} if device else {}))
    _check_names(config)
    training = Training(config, load_data(config, resumed=reader))
    logged = reader.samples()["given_label"].to_numpy()
    if not np.array_equal(logged, training.data.given_label):
        raise UsageError(f"run {reader.name!r} cannot go on: its data have changed since")
    state = checkpoint.load(folder)
    last_epoch = 0 if state is None else state["epoch"]
    if state is not None:
        checkpoint.restore(state, training.method)
    writer = RunWriter.resume(folder, last_epoch=last_epoch)
    training.run(writer, console, first_epoch=last_epoch + 1)


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
        self.test_source = None
        if data.test_images is not None:
            self.test_source = image_source(data.test_images, *options)
            self.test_label = torch.from_numpy(data.test_label).to(self.device)
        n_samples, n_classes = len(data.given_label), data.n_classes
        trained_label = torch.from_numpy(data.given_label)
        self.threshold = draw_threshold_samples(config, n_samples, n_classes)
        self.real_classes = None
        if self.threshold is not None:
            trained_label = trained_label.clone()
            trained_label[self.threshold.sample_id] = n_classes  # the extra class
            self.real_classes = RealClasses(self.threshold, n_samples, n_classes, self.device)
        self.trained_label = trained_label.to(self.device)
        problem = Problem(
            n_samples=n_samples,
            n_classes=n_classes + (self.threshold is not None),
            n_channels=self.train_source.n_channels,
            image_size=self.train_source.image_size,
            device=self.device,
        )
        torch.manual_seed(devices.epoch_seed(config.seed, 0))
        self.method = METHODS[config.method](config, problem)
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
        )

    def run(self, writer: RunWriter, console: Console, first_epoch: int) -> None:
        """Train to the last epoch; whatever ends it, the run says how."""
        progress = TrainingProgress(writer.folder.name, self.config.epochs, first_epoch, console)
        status, error = "failed", None
        try:
            with progress, self.stop:
                self.run_epochs(writer, progress, first_epoch)
            status = "finished"
        except (Stopped, KeyboardInterrupt):
            status = "stopped"
            raise
        except OSError as problem:  # a full disk, a folder that can no longer be written
            error = f"the run cannot go on: {problem}"
            raise RunFailed(error) from problem
        except BaseException as problem:  # only to note it: it goes on as it came
            error = str(problem) or type(problem).__name__
            raise
        finally:
            _finish(writer, status, error)

    def run_epochs(self, writer: RunWriter, progress: TrainingProgress, first_epoch: int) -> None:
        """Train the epochs from `first_epoch` on; return or leave when the log is on disk."""
        try:
            for epoch in range(first_epoch, self.config.epochs + 1):
                progress.end_epoch(self.run_epoch(epoch, writer, progress))
        finally:
            writer.flush()

    def run_epoch(self, epoch: int, writer: RunWriter, progress: TrainingProgress) -> EpochSummary:
        """Train, evaluate and log one epoch."""
        config = self.config
        started = time.perf_counter()

        steps: list[tuple[Tensor, StepLog]] = []

        def keep(batch: Batch, step: StepLog) -> None:
            if self.real_classes is None:
                steps.append((batch.sample_id, step))
            else:
                steps.append(self.real_classes.keep(batch, step))

        mean_loss, rate = self.train_epoch(epoch, progress.watch, keep)
        record_steps(writer, steps)
        samples_per_second = len(self.trained_label) / (time.perf_counter() - started)
        test_accuracy = self.test_accuracy()
        if epoch in (config.features_at or (config.epochs,)):
            self.log_features(epoch, writer)
        if self.real_classes is not None:
            self.real_classes.write(writer.folder, epoch)
        writer.end_epoch(
            epoch,
            after=checkpoint.saver(self.method, epoch, writer.folder),
            test_accuracy=test_accuracy,
            learning_rate=rate,
            seconds=time.perf_counter() - started,
            samples_per_second=samples_per_second,
        )
        return EpochSummary(epoch, mean_loss, test_accuracy, samples_per_second)

    def train_epoch(self, epoch: int, watch: Watch, record: Record) -> tuple[float, float]:
        """Train one epoch and return the mean loss (nat) and the learning rate.

        Parameters
        ----------
        epoch : int
            From 1.
        watch : callable
            Given the batches, their number and the epoch, yields the batches.
        record : callable
            Told of every step.

        Raises
        ------
        RunFailed
            If the loss is no longer finite.
        Stopped
            Once a stop is wished for.
        """
        config = self.config
        torch.manual_seed(devices.epoch_seed(config.seed, epoch))
        rate = learning_rate(config.schedule, config.learning_rate, epoch, config.epochs)
        for optimizer in self.method.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        losses: list[Tensor] = []

        def add_and_record(batch: Batch, step: StepLog) -> None:
            losses.append(step.loss)
            record(batch, step)

        n_samples = len(self.trained_label)
        n_batches = math.ceil(n_samples / config.batch_size)
        batches = watch(self.train_batches(epoch), n_batches, epoch)
        self.method.run_epoch(epoch, self.stop.between(batches), add_and_record)
        mean_loss = torch.cat(losses).sum().item() / n_samples  # here the device is waited for
        if not np.isfinite(mean_loss):
            raise RunFailed(
                f"the loss became {mean_loss} in epoch {epoch} at learning rate {rate:g}; "
                "a lower --learning-rate may help"
            )
        return mean_loss, rate

    def test_accuracy(self) -> float | None:
        """Return the accuracy on the test split as trained so far, in [0, 1]; None without one."""
        if self.test_source is None:
            return None
        return evaluation.accuracy(
            self.method, self.test_source, self.test_label, self.stop, self.data.n_classes
        )

    def train_batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the epoch's batches: every sample once, in an order drawn for this epoch."""
        generator = torch.Generator().manual_seed(devices.epoch_seed(self.config.seed, epoch))
        n_samples = len(self.trained_label)
        order = torch.randperm(n_samples, generator=generator)
        draws = draw(n_samples, ("weak",), generator)
        for rows, (images,) in self.train_source.batches(order, self.config.batch_size, draws):
            yield Batch(images, self.trained_label[rows], rows, epoch)

    def log_features(self, epoch: int, writer: RunWriter) -> None:
        """Log the penultimate features of the training set, plain pictures in order."""
        n_samples = len(self.trained_label)
        features, class_vectors = evaluation.features(
            self.method, self.train_source, n_samples, self.stop
        )
        writer.log_features(epoch, features, class_vectors[: self.data.n_classes])


def record_steps(writer: RunWriter, steps: Sequence[tuple[Tensor, StepLog]]) -> None:
    """Record an epoch's steps together: between two passes it would meet cold caches."""
    sample_id = torch.cat([ids for ids, _ in steps])
    if len(sample_id):
        writer.record(
            sample_id,
            torch.cat([step.logits for _, step in steps]),
            cosine=torch.cat([step.cosine for _, step in steps]),
            loss=torch.cat([step.loss for _, step in steps]),
            weight=torch.cat([step.weight for _, step in steps]),
            copy=False,
        )


def _finish(writer: RunWriter, status: str, error: str | None) -> None:
    try:
        writer.finish(status, error)
    except OSError as problem:
        raise RunFailed(
            f"{error or status}; nor can this be noted in the run: {problem}"
        ) from problem
