"""DivideMix and UNICON as usually written: PIL transforms, a DataLoader of workers for each part.

For `method_costs` alone. The steps are those of the method's own file; what differs is how pictures
come: a Dataset holds arrays and makes every view anew with PIL and torchvision's transforms.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from hmw_core.objective.batch import Batch
from training.data.prepare import TrainingData
from training.loop import Training
from training.methods import parts
from training.methods.divide_mix import DivideMix
from training.methods.unicon import UNICON, VIEWS

WORKERS = 4
WEIGHT = 1.0  # of the guessed part, which costs the same whatever it is
EVALUATION_BATCH = 512
Transform = Callable[[Image.Image], Tensor]


@dataclass
class Views(Dataset):
    """Pictures (N, H, W, 3), uint8; of a row its views, label and number."""

    images: np.ndarray
    label: Tensor
    rows: Tensor
    transforms: list[Transform]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[list[Tensor], Tensor, Tensor]:
        row = self.rows[place]
        picture = Image.fromarray(self.images[int(row)])
        return [transform(picture) for transform in self.transforms], self.label[row], row


class PlainLoop:
    """An epoch of both networks of a training, with the split that it has made."""

    views: tuple[str, ...]
    epoch_number = 3

    def __init__(self, training: Training, data: TrainingData) -> None:
        self.training = training
        self.images = cast(np.ndarray, data.images)
        size = self.images.shape[1]
        last = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
        last.append(v2.Normalize(list(data.mean), list(data.std)))
        weak = [v2.RandomCrop(size, padding=size // 8), v2.RandomHorizontalFlip()]
        strong = [*weak, v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10)]
        self.plain = v2.Compose(last)
        self.transforms: dict[str, Transform] = {
            "weak": v2.Compose([*weak, *last]),
            "strong": v2.Compose([*strong, *last]),
        }

    def batches(
        self, rows: Tensor, transforms: list[Transform], size: int, **how: bool
    ) -> Iterator[Batch]:
        """Yield the batches of a DataLoader made for this pass."""
        data = Views(self.images, self.training.trained_label, rows, transforms)
        for views, label, row in DataLoader(data, size, num_workers=WORKERS, **how):
            yield Batch(tuple(views), label, row, epoch=self.epoch_number)

    def parts(
        self, mask: Tensor, size: int, other_size: int
    ) -> Iterator[tuple[Batch, Batch | None]]:
        """Yield the labelled batches of an epoch, each with an unlabelled one."""
        transforms = [self.transforms[view] for view in self.views]
        labelled, unlabelled = (part.nonzero()[:, 0] for part in (mask, ~mask))
        how = {"shuffle": True, "drop_last": len(labelled) > size}
        others: Iterator[Batch] = iter(())
        for batch in self.batches(labelled, transforms, size, **how):
            other = next(others, None)
            if other is None and len(unlabelled):
                others = self.batches(unlabelled, transforms, other_size, shuffle=True)
                other = next(others, None)
            yield batch, other

    def evaluate(self, network: nn.Module) -> None:
        """Take the evaluation pass of all pictures."""
        network.eval()
        everyone = torch.arange(len(self.images))
        with torch.no_grad():
            for batch in self.batches(everyone, [self.plain], EVALUATION_BATCH):
                network(batch.images)


class PlainDivideMix(PlainLoop):
    """Both networks on their peer's split, then the pass that makes the next one."""

    views = ("weak", "weak")

    def epoch(self) -> None:
        """Train and evaluate both networks."""
        method = cast(DivideMix, self.training.method)
        data = self.training.epoch_data(self.epoch_number, lambda *_: None)
        is_labelled = method.posterior > method.args["p_threshold"]
        size = method.config.batch_size // 2
        for place in (0, 1):
            trust = method.posterior[1 - place]
            for batch, other in self.parts(is_labelled[1 - place], size, size):
                objective = method.split_objective(place, data, batch, other, trust, WEIGHT)
                parts.descend(method.optimizers[place], objective)
        for network in method.networks:
            self.evaluate(network)


class PlainUNICON(PlainLoop):
    """A selection before each network's pass, from both networks' evaluation."""

    views = VIEWS

    def epoch(self) -> None:
        """Train both networks, each after an evaluation of both."""
        method = cast(UNICON, self.training.method)
        data = self.training.epoch_data(self.epoch_number, lambda *_: None)
        size = method.config.batch_size // 2
        for place in (0, 1):
            for network in method.networks:
                self.evaluate(network)
            chosen = method._select(self.training.trained_label)
            n_guessed = max(1, int(size / (2 * chosen.share)))
            for batch, other in self.parts(chosen.is_labelled, size, n_guessed):
                objective = method.split_objective(place, data, batch, other, chosen.trust, WEIGHT)
                parts.descend(method.optimizers[place], objective)


LOOPS = {"DivideMix": PlainDivideMix, "UNICON": PlainUNICON}
