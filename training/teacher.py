"""The teacher of noise `pmd`: a network trained on the true labels, whose doubts decide."""

import hashlib
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from hmw_core.errors import UsageError
from hmw_core.log.images import fingerprint_of
from hmw_core.log.layout import images_file, write_whole
from training import devices
from training.config import RunConfig
from training.data.batches import image_source
from training.data.epoch_data import EpochData
from training.data.prepare import TrainingData
from training.methods import METHODS
from training.methods.base import Sizes, StepLog
from training.stopping import StopWish

DECIDE = (
    "network", "class_bias", "batch_size", "optimizer", "learning_rate", "momentum", "nesterov",
    "weight_decay", "schedule", "schedule_at", "schedule_factor",
)  # fmt: skip
"""Settings of the run that the teacher is trained with; loss and method are the plain ones."""


def posteriors(config: RunConfig, clean: TrainingData, epochs: int) -> np.ndarray:
    """Return the class probabilities of the teacher for each training sample, (N, C) float32.

    They are those of its last epoch's training pass, as in the source: augmented, in training
    mode. They are kept beside the pictures of the data set, by what decides them, and trained
    only once; several processes wait for the first.

    Parameters
    ----------
    config : RunConfig
        Of the run: network, optimizer, schedule and seed of the data.
    clean : TrainingData
        Its `given_label` are the true labels.
    epochs : int
        Of the teacher's training.

    Raises
    ------
    UsageError
        If the teacher's loss does not stay finite.
    Stopped
        On Ctrl-C or SIGTERM.

    Notes
    -----
    Source: Zhang et al. (2021), PLC, `cifar/gen_noise_label.py` of its code (commit 9a13490), which
    takes PreAct ResNet-34 and a learning rate of 0.001 whatever is trained later.
    """
    teacher = RunConfig(
        **{name: getattr(config, name) for name in DECIDE},
        epochs=epochs,
        seed=config.seed if config.data_seed is None else config.data_seed,
        augment=clean.augment,
        device=config.device,
        workers=config.workers,
    )
    fingerprint = fingerprint_of(clean.images, clean.given_label)
    decides = {name: getattr(teacher, name) for name in (*DECIDE, "epochs", "seed", "augment")}
    labels = hashlib.sha256(clean.given_label.astype("<i8").tobytes()).hexdigest()
    key = hashlib.sha256(json.dumps([decides, labels]).encode()).hexdigest()[:16]
    path = images_file(config.folder, fingerprint).with_name(f"teacher-{key}.npy")
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        kept = _kept(path, (len(clean.given_label), clean.n_classes))
        if kept is not None:
            return kept
        print(f"noise pmd: training its teacher for {epochs} epochs", file=sys.stderr, flush=True)
        found = _train(teacher, clean)
        if not np.isfinite(found).all():
            raise UsageError(
                f"the teacher of noise pmd did not stay finite at learning rate "
                f"{config.learning_rate:g}; a lower --learning-rate may help"
            )
        content = io.BytesIO()
        np.save(content, found)
        write_whole(path, content.getvalue())
    return found


def _kept(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Return what is kept; None where there is nothing, or nothing whole."""
    try:
        found = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == shape and found.dtype == np.float32 else None


def _train(config: RunConfig, clean: TrainingData) -> np.ndarray:
    device = devices.choose_device(config.device)
    source = image_source(
        clean.images, clean.mean, clean.std, config.augment, device, config.workers
    )
    label = torch.from_numpy(clean.given_label).to(device)
    torch.manual_seed(devices.epoch_seed(config.seed, 0))
    sizes = Sizes(
        n_samples=len(label),
        n_classes=clean.n_classes,
        n_channels=source.n_channels,
        image_size=source.image_size,
        device=device,
    )
    method = METHODS[config.method](config, sizes)
    found = torch.zeros((len(label), clean.n_classes), device=device)

    def record(
        sample_id: Tensor,
        log: StepLog | None,
        *,
        network: int = 1,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        assert log is not None
        found[sample_id] = log.logits.float().softmax(dim=1)

    with StopWish() as stop:
        for epoch in range(1, config.epochs + 1):
            torch.manual_seed(devices.epoch_seed(config.seed, epoch))
            method.set_epoch(epoch)
            data = EpochData(
                source,
                label,
                epoch=epoch,
                seed=config.seed,
                batch_size=config.batch_size,
                stop=stop,
                drawn=lambda n_pictures: None,
            )
            method.run_epoch(epoch, data, record)
    return found.cpu().numpy()
