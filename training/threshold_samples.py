"""AUM's threshold samples: training samples of a class of their own, which no picture belongs to.

What a network makes of a sample whose label cannot be right is seen on samples that are given one
on purpose: an extra class C. The log stays a log of the C real classes. Threshold samples are
never recorded in it, as if they had not been seen; what is recorded of the others is what the
network says about the real classes, while loss and weight are those it was trained with, over
C + 1. The margins over all C + 1 classes go to a file of their own, see
`hmw_core.log.threshold_margins`.

Source: Pleiss et al. (NeurIPS 2020), Section 3.3.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hmw_core.errors import UsageError
from hmw_core.log.threshold_margins import MARGIN, write_margins
from hmw_core.objective.batch import Batch
from hmw_core.recording.buffer import EpochBuffer
from training.config import RunConfig
from training.methods.base import StepLog

THRESHOLD_STREAM = 5  # of the seed; 1 to 3 are `training.data.prepare`'s, 4 `training.prove`'s


@dataclass(frozen=True)
class ThresholdSamples:
    """Which training samples are of the extra class, and how that is said in `run.json`."""

    sample_id: np.ndarray
    """(n,), int64, ascending."""
    share: float
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Return what `run.json` says of them."""
        return {"n": len(self.sample_id), "share": self.share, "seed": self.seed}


def draw_threshold_samples(
    config: RunConfig, n_samples: int, n_classes: int
) -> ThresholdSamples | None:
    """Return the threshold samples of a run, None where it is trained without.

    Raises
    ------
    UsageError
        If the share of so few samples is none.

    Notes
    -----
    The samples are shuffled once, by the seed that decides the data, and cut into as many slices
    as there is room for; the threshold seed says which slice. So two runs on the same data whose
    threshold seeds are neighbours have no threshold sample in common, and each judges the other's;
    two draws independent of one another would leave a share squared judged by neither.

    Source: Pleiss et al. (NeurIPS 2020), Section 3.3: N / (C + 1) samples.
    """
    if config.threshold_samples is None:
        return None
    share = 1 / (n_classes + 1)
    if config.threshold_samples != "auto":
        share = float(config.threshold_samples)
    n = int(share * n_samples + 1e-9)  # 0.29 of 100 samples is 29, whatever floats make of it
    if n == 0:
        raise UsageError(
            f"--threshold-samples {config.threshold_samples} of {n_samples} samples is none; "
            "give a larger share, or train on more samples"
        )
    data_seed = config.seed if config.data_seed is None else config.data_seed
    seed = config.seed if config.threshold_seed is None else config.threshold_seed
    order = np.random.default_rng([data_seed, THRESHOLD_STREAM]).permutation(n_samples)
    start = seed % (n_samples // n) * n
    return ThresholdSamples(np.sort(order[start : start + n]), share, seed)


class RealClasses:
    """What a step says about the C real classes, and the margins over all C + 1 for the log.

    One value a sample is kept on the device until the epoch ends; leaving the threshold samples
    out of a batch makes the device wait once a step.
    """

    def __init__(
        self, chosen: ThresholdSamples, n_samples: int, n_classes: int, device: torch.device
    ) -> None:
        is_real = np.ones(n_samples, dtype=bool)
        is_real[chosen.sample_id] = False
        self.is_real = torch.from_numpy(is_real).to(device)
        self.n_classes = n_classes
        self.margins = EpochBuffer(n_samples)

    def keep(self, batch: Batch, step: StepLog) -> tuple[Tensor, StepLog]:
        """Keep a batch's margins; return ids and log of those that are not threshold samples."""
        rows = torch.arange(len(step.logits), device=step.logits.device)
        given = step.logits[rows, batch.given_label]
        others = step.logits.scatter(1, batch.given_label[:, None], -torch.inf)
        self.margins.put(batch.sample_id, {MARGIN: given - others.amax(dim=1)})
        real = self.is_real[batch.sample_id]
        return batch.sample_id[real], StepLog(
            step.logits[real, : self.n_classes],
            step.cosine[real, : self.n_classes],
            step.loss[real],
            step.weight[real],
        )

    def write(self, folder: Path, epoch: int) -> None:
        """Write the epoch's margins; before the epoch is ended, which is what makes it count."""
        recorded = self.margins.take()
        assert recorded is not None, "an epoch has batches"
        is_threshold = ~self.is_real.cpu().numpy()
        write_margins(folder, epoch, is_threshold, recorded.columns()[MARGIN])
