"""From a data set to what is trained on: split, noise, and what both measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hmw_core.catalogue import argument_values
from hmw_core.errors import UsageError, pick
from hmw_core.log.bad_pictures import refusal
from hmw_core.log.blank_pictures import blank_pictures
from hmw_core.log.images import fingerprint_of
from hmw_core.log.reader import RunReader
from hmw_core.log.schema import RunWarning
from hmw_core.noise import NOISE_ARGUMENTS, apply_noise
from hmw_core.noise.clean_labels import CleanLabels
from hmw_core.noise.measure import measured_noise
from hmw_core.noise.pmd import pmd_factor
from hmw_core.review.label_reader import read_labels
from hmw_core.review.noise_file import kind_of, read_noise
from training.config import RunConfig
from training.data.datasets import DATASETS
from training.data.datasets.base import Dataset, Split
from training.data.pictures import EncodedImages, Images

NAMED_IN_RUN = 5  # broken pictures, of those a run does without
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# One independent stream of the seed for each use, so that none shifts another.
SPLIT_STREAM, SUBSET_STREAM, NOISE_STREAM, DROP_STREAM, THRESHOLD_STREAM = 1, 2, 3, 4, 5
VALIDATION_STREAM = 6


@dataclass(frozen=True)
class TrainingData:
    """The N training samples with the labels they are trained on, and the test split."""

    images: Images
    given_label: np.ndarray
    """(N,), int64."""
    true_label: np.ndarray | None
    """(N,), int64; None where unknown. For the log only: nothing that trains may see it."""
    source: Sequence[str]
    class_names: Sequence[str]
    noise: dict[str, Any]
    """Name, rate, and where true labels are known `mislabeled_fraction`, `transition_matrix`; with
    `--labels` or `--noise-file` also the file and where it came from."""
    test_images: Images | None
    test_label: np.ndarray | None
    """(M,), int64: the true label where the data set knows it, else the label it gives."""
    augment: str
    mean: Sequence[float]
    """Of each channel, on the scale 0..1."""
    std: Sequence[float]
    warnings: Sequence[RunWarning] = ()
    """What a reader of the run must know of its data."""
    more_tests: Mapping[str, Split] = field(default_factory=dict)
    """Splits that are tested, too, by the names of their metrics; `label` as `test_label`."""

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)


Teacher = Callable[[RunConfig, TrainingData, int], np.ndarray]
"""Trains a network on the true labels for some epochs; see `training.teacher.posteriors`."""


def load_data(
    config: RunConfig, resumed: RunReader | None = None, teacher: Teacher | None = None
) -> TrainingData:
    """Load, split and mislabel the data of a run; the seed decides all that is drawn.

    With `--labels` or `--noise-file` the file says the labels. A run that is `resumed` has kept
    them itself, so that its file may have gone or changed, and noise `pmd` needs no `teacher`.

    Raises
    ------
    UsageError
        If data set, file, column, noise or sizes do not fit together, or pictures are broken and
        `--skip-broken` does not leave them out: all are named, those of the test split, too.
    """
    seed = config.seed if config.data_seed is None else config.data_seed
    dataset = pick(DATASETS, config.dataset, "data set")(config)
    warnings = [*dataset.warnings, *_skip_broken(dataset, config.skip_broken)]
    train, test = dataset.train, dataset.test
    if test is None and config.test_fraction > 0:
        rng = np.random.default_rng([seed, SPLIT_STREAM])
        held = hold_out(_best_label(train), config.test_fraction, rng)
        test = train.take(np.flatnonzero(held))
        train = train.take(np.flatnonzero(~held))
    if config.train_samples is not None and config.train_samples < len(train):
        rng = np.random.default_rng([seed, SUBSET_STREAM])
        train = train.take(np.sort(rng.permutation(len(train))[: config.train_samples]))
    mean, std = _channel_statistics(dataset, train.images)
    clean = TrainingData(
        images=train.images,
        given_label=_best_label(train),
        true_label=None,
        source=train.source,
        class_names=dataset.class_names,
        noise={},
        test_images=None if test is None else test.images,
        test_label=None if test is None else _best_label(test),
        augment=dataset.augment if config.augment == "auto" else config.augment,
        mean=mean,
        std=std,
        warnings=[*warnings, *blank_pictures(None if test is None else test.images, "test")],
        more_tests={
            name: replace(split, label=_best_label(split))
            for name, split in dataset.more_tests.items()
        },
    )
    is_kept = resumed is not None and config.noise == "pmd"  # no teacher is trained again for it
    if config.labels is None and config.noise_file is None and not is_kept:
        rng = np.random.default_rng([seed, NOISE_STREAM])
        given_label, true_label, noise = _mislabel(train, clean, config, rng, teacher)
        return replace(clean, given_label=given_label, true_label=true_label, noise=noise)
    given_label, true_label, noise, class_names = _relabel(
        train, clean.class_names, config, resumed
    )
    return replace(
        clean,
        given_label=given_label,
        true_label=true_label,
        noise=noise,
        class_names=class_names,
    )


def _skip_broken(dataset: Dataset, may_skip: bool) -> list[RunWarning]:
    """Return what a run says of the broken pictures that it does without; see `load_data`."""
    tests = (dataset.test, *dataset.more_tests.values())
    splits = [split for split in (dataset.train, *tests) if split is not None]
    broken = [picture for split in splits for picture in split.broken]
    if not broken:
        return []
    bad = [(picture.source, picture.reason) for picture in broken]
    n_pictures = len(broken) + sum(map(len, splits))
    if not may_skip:
        raise refusal(bad, n_pictures, "mend or remove them, or leave them out by --skip-broken")
    for split in splits:
        gone = sorted({picture.label for picture in split.broken} - set(split.label.tolist()))
        if gone and (split is dataset.train or not len(split)):
            names = ", ".join(dataset.class_names[label] for label in gone)
            raise refusal(bad, n_pictures, f"without them no picture is left of {names}")
    said = "; ".join(f"{source} ({reason})" for source, reason in bad[:NAMED_IN_RUN])
    more = f"; and {len(bad) - NAMED_IN_RUN:,} more" if len(bad) > NAMED_IN_RUN else ""
    return [RunWarning(f"{len(bad):,} of {n_pictures:,} pictures are left out: {said}{more}")]


def hold_out(label: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Return which samples to hold out, (N,) bool: the same share of every class.

    A class keeps at least one training sample, and gives at least one where it has two.
    """
    held = np.zeros(len(label), dtype=bool)
    for class_label in np.unique(label):
        members = rng.permutation(np.flatnonzero(label == class_label))
        n_held = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held[members[:n_held]] = True
    return held


def _best_label(split: Split) -> np.ndarray:
    return split.label if split.true_label is None else split.true_label


def _relabel(
    train: Split, class_names: Sequence[str], config: RunConfig, resumed: RunReader | None
) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any], Sequence[str]]:
    """Return as `_mislabel`, with the labels of the file, or of the run that is resumed.

    Last come the names of the classes, of which an export may have renamed some.
    """
    is_noise = config.noise_file is not None
    is_known = is_noise or config.noise != "none" or train.true_label is not None
    true_label = _best_label(train) if is_known else None
    fingerprint = fingerprint_of(train.images, train.label)
    if resumed is not None:
        if resumed.info["dataset"]["fingerprint"] != fingerprint:
            raise UsageError(f"run {resumed.name!r} cannot go on: its data have changed since")
        given_label = resumed.samples()["given_label"].to_numpy(np.int64, copy=True)
        return given_label, true_label, resumed.info["noise"], resumed.class_names
    place = config.noise_file or config.labels
    assert place is not None
    read = read_noise if is_noise else read_labels
    file = read(place, n_samples=len(train), class_names=class_names, fingerprint=fingerprint)
    about = {"file": file.path, "sha256": file.sha256, "provenance": file.provenance}
    noise: dict[str, Any] = {"name": "labels", "rate": 0.0, "labels": about}
    if is_noise:
        name, rate = kind_of(file.provenance, file.path)
        if name is not None and config.noise not in ("none", name):
            raise UsageError(f"--noise is {config.noise}, but {file.path} holds noise {name!r}")
        if name is not None and config.noise == name and config.noise_rate != rate:
            raise UsageError(
                f"--noise-rate is {config.noise_rate:g}, but {file.path} holds a rate of {rate:g}"
            )
        own = (name, rate) if name is not None else (config.noise, config.noise_rate)
        own = ("file", 0.0) if own[0] == "none" else own  # wrong labels, of an unknown kind
        noise = dict(zip(("name", "rate"), own, strict=True)) | {"noise_file": about}
    if true_label is not None:
        noise |= measured_noise(true_label, file.label, len(class_names))
    return file.label, true_label, noise, file.class_names


def _mislabel(
    train: Split,
    clean: TrainingData,
    config: RunConfig,
    rng: np.random.Generator,
    teacher: Teacher | None,
) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any]]:
    """Return given labels, true labels where known, and what `run.json` says of the noise."""
    noise: dict[str, Any] = {"name": config.noise, "rate": config.noise_rate}
    known = NOISE_ARGUMENTS.get(config.noise, ())
    owner = f"noise {config.noise!r}"
    args = argument_values(owner, "--noise-args", known, config.noise_args, config.epochs)
    if args:
        noise["arguments"] = args
    name, given = config.noise, train.human_label
    if name == "none" and train.true_label is None:
        return train.label, None, noise  # real labels: which are wrong is not known
    if name == "none":
        name, given = "human", train.label  # they may differ from the true ones as they stand
    elif train.true_label is not None and not np.array_equal(train.true_label, train.label):
        if name != "human":
            raise UsageError(
                f"--noise {name} would come on top of the wrong labels that "
                f"{config.label_column!r} has already; "
                f"use --label-column {config.true_label_column}"
            )
    true_label = _best_label(train)  # with synthetic noise, the labels given count as true
    n_classes = clean.n_classes
    kind: dict[str, Any] = {}
    if "pixel_scale" in args:
        kind = {"pixel_scale": args["pixel_scale"]}
    if name == "pmd" and config.noise_rate:
        assert teacher is not None, "who loads data for pmd names its teacher"
        posterior = teacher(config, clean, args["teacher_epochs"])
        kind = {"posterior": posterior, "pmd_type": args["type"]}
        doubts = CleanLabels.checked(true_label, n_classes, **kind)
        noise["factor"] = pmd_factor(doubts, config.noise_rate)
    noisy = apply_noise(
        name,
        true_label,
        config.noise_rate,
        n_classes,
        rng,
        images=train.images if isinstance(train.images, np.ndarray) else None,
        class_names=list(clean.class_names),
        human_label=given,
        **kind,
    )
    noise |= measured_noise(true_label, noisy.given_label, n_classes)
    return noisy.given_label, true_label, noise


def _channel_statistics(
    dataset: Dataset, images: Images
) -> tuple[Sequence[float], Sequence[float]]:
    if dataset.mean is not None and dataset.std is not None:
        return dataset.mean, dataset.std
    if isinstance(images, EncodedImages):
        return IMAGENET_MEAN, IMAGENET_STD
    sample = images[:: max(1, len(images) // 10_000)].astype(np.float64) / 255
    std = sample.std(axis=(0, 1, 2))
    return sample.mean(axis=(0, 1, 2)).tolist(), np.maximum(std, 1e-3).tolist()
