"""AUM's threshold samples: training samples of a class of their own, which no picture belongs to.

What a network makes of a sample whose label cannot be right is seen on samples that are given one
on purpose: an extra class C. The log stays a log of the C real classes. Threshold samples are
never recorded in it, as if they had not been seen; what is recorded of the others is what the
network says about the real classes, while loss and weight are those it was trained with, over
C + 1. The margins over all C + 1 classes go to a file of their own, see
`hmw_core.log.threshold_margins`.

Source: Pleiss et al. (NeurIPS 2020), Section 3.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hmw_core.errors import UsageError
from hmw_core.log.threshold_margins import write_margins
from training.config import RunConfig
from training.data.prepare import THRESHOLD_STREAM
from training.methods.base import StepLog


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

    def __init__(self, chosen: ThresholdSamples, n_classes: int, trained_label: Tensor) -> None:
        self.is_real = torch.ones(len(trained_label), dtype=torch.bool, device=trained_label.device)
        self.is_real[torch.from_numpy(chosen.sample_id).to(trained_label.device)] = False
        self.n_classes = n_classes
        self.trained_label = trained_label
        self.margins = self._no_margins()

    def keep(
        self, sample_id: Tensor, log: StepLog | None, state: Mapping[str, Tensor] | None
    ) -> tuple[Tensor, StepLog | None, dict[str, Tensor] | None]:
        """Keep a batch's margins; return what the log gets of samples that are no threshold's."""
        real = self.is_real[sample_id]
        state = None if state is None else {name: values[real] for name, values in state.items()}
        if log is None:
            return sample_id[real], None, state
        label = self.trained_label[sample_id][:, None]
        given = log.logits.gather(1, label)[:, 0]
        others = log.logits.scatter(1, label, -torch.inf)
        self.margins[sample_id] = (given - others.amax(dim=1)).float()
        step = StepLog(
            log.logits[real, : self.n_classes],
            log.cosine[real, : self.n_classes],
            log.loss[real],
            None if log.weight is None else log.weight[real],
        )
        return sample_id[real], step, state

    def write(self, folder: Path, epoch: int) -> None:
        """Write the epoch's margins; before the epoch is ended, which is what makes it count."""
        margins, self.margins = self.margins, self._no_margins()
        is_threshold = ~self.is_real.cpu().numpy()
        write_margins(folder, epoch, is_threshold, margins.cpu().numpy())

    def _no_margins(self) -> Tensor:
        return torch.full(self.trained_label.shape, torch.nan, device=self.trained_label.device)
