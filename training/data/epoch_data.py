"""What a method is given of an epoch: passes over the training set, and seeded generators."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from hmw_core.objective.batch import Batch
from training.data.augment import PLAIN, Draws, Policy, draw
from training.data.batches import ImageSource
from training.devices import epoch_seed
from training.stopping import StopWish

EVALUATION_BATCH = 512


class EpochData:
    """The training set as a method sees it in one epoch; it has no true labels.

    A pass may be asked for any number of times, in any order and side by side: what it draws is
    drawn when it is asked for, and each view's draw belongs to its sample, so batch size and
    worker processes decide nothing. A wish to stop is granted between two batches.

    Parameters
    ----------
    source : ImageSource
    given_label : Tensor of shape (N,), int64
        On the device.
    epoch : int
        1-based.
    seed : int
        Of the run.
    batch_size : int
        Where a pass does not say its own.
    stop : StopWish
    drawn : callable
        Told how many pictures have been handed out, batch by batch.
    validation_id : Tensor of shape (V,), int64, optional
        Samples held out of the training, on the CPU. Default: none.
    """

    def __init__(
        self,
        source: ImageSource,
        given_label: Tensor,
        *,
        epoch: int,
        seed: int,
        batch_size: int,
        stop: StopWish,
        drawn: Callable[[int], None],
        validation_id: Tensor | None = None,
    ) -> None:
        self.source = source
        self.given_label = given_label
        self.epoch = epoch
        self.batch_size = batch_size
        self.n_samples = len(given_label)
        everyone = torch.ones(self.n_samples, dtype=torch.bool)
        if validation_id is not None:
            everyone[validation_id] = False
        self.training_id = everyone.nonzero()[:, 0]
        """(N - V,), int64, ascending, CPU: the samples to train on."""
        self.validation_id = (~everyone).nonzero()[:, 0]
        """(V,), int64, ascending, CPU: those held out, to choose by; none for most methods."""
        self.generator = torch.Generator().manual_seed(epoch_seed(seed, epoch))
        """Of this epoch, on the CPU; the same in an unbroken and in a resumed run."""
        self.rng = np.random.default_rng(epoch_seed(seed, epoch))
        """Of this epoch."""
        self._stop = stop
        self._drawn = drawn

    def batches(
        self,
        order: Tensor | None = None,
        views: int = 1,
        augment: str | Sequence[Policy] = "weak",
        batch_size: int | None = None,
    ) -> Iterator[Batch]:
        """Return the batches of a training pass.

        Parameters
        ----------
        order : Tensor of shape (M,), int64, optional
            Samples in the order wanted. Default: all of `training_id`, in an order drawn now.
        views : int
            Views of each picture, >= 1.
        augment : str or sequence of policies
            Policy of `augment.POLICIES` for every view, or one for each, see `augment`.
        batch_size : int, optional
            Default: the run's. The last batch may be smaller.
        """
        policies = (augment,) * views if isinstance(augment, str) else tuple(augment)
        if order is None:
            places = torch.randperm(len(self.training_id), generator=self.generator)
            order = self.training_id[places]
        draws = draw(self.n_samples, policies, self.generator)
        return self._batches(order.cpu(), batch_size or self.batch_size, draws)

    def plain(self, order: Tensor | None = None) -> Iterator[Batch]:
        """Return the batches of an evaluation pass, by `sample_id` or in the `order` given."""
        order = torch.arange(self.n_samples) if order is None else order.cpu()
        return self._batches(order, EVALUATION_BATCH, PLAIN)

    def _batches(self, order: Tensor, batch_size: int, draws: Draws) -> Iterator[Batch]:
        for rows, views in self.source.batches(order, batch_size, draws):
            self._stop.check()
            yield Batch(views, self.given_label[rows], rows, self.epoch)
            self._drawn(len(rows) * len(views))
