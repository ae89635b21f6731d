"""From a split's pictures to normalised batches on the device, augmented or plain."""

import signal
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from training.data.pictures import EncodedImages, Images
from training.devices import memory_format

Draws = Tensor
"""(N, 3), uniform in [0, 1): vertical and horizontal shift, and flip, of each sample's picture."""


class ImageSource(Protocol):
    """The pictures of a split, small or large."""

    n_channels: int
    image_size: tuple[int, int]

    def batches(
        self, order: Tensor, batch_size: int, draws: Draws | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield rows (B,) on the device and their pictures (B, channels, height, width), float.

        Parameters
        ----------
        order : Tensor of shape (M,), int64, CPU
            Rows in the order wanted.
        draws : Tensor of shape (N, 3), CPU, optional
            What the augmentation draws for each row. None: plain pictures.
        """
        ...


def image_source(
    images: Images,
    mean: Sequence[float],
    std: Sequence[float],
    augment: str,
    device: torch.device,
    workers: int,
) -> ImageSource:
    """Return the source for these pictures: on the device if they are an array, else streamed."""
    normalize = Normalize(mean, std, device)
    if isinstance(images, np.ndarray):
        return DeviceImages(images, normalize, augment, device)
    return StreamedImages(images, normalize, augment, device, workers)


class Normalize:
    """From uint8 (B, H, W, C) to float (B, C, H, W) with mean 0 and variance 1 a channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: torch.device) -> None:
        self.scale = 1 / (255 * torch.tensor(std, dtype=torch.float32, device=device))
        self.shift = -torch.tensor(mean, dtype=torch.float32, device=device) / torch.tensor(
            std, dtype=torch.float32, device=device
        )
        self.format = memory_format(device)

    def __call__(self, pixels: Tensor) -> Tensor:
        values = pixels.float().mul_(self.scale).add_(self.shift)
        return values.permute(0, 3, 1, 2).contiguous(memory_format=self.format)


class DeviceImages:
    """All pictures as one uint8 tensor on the device; crop and flip are one gather there.

    Source: weak augmentation of the DivideMix lineage: a crop after padding by an eighth of the
    side with black (4 pixels of 32), and a mirror image half of the time.
    """

    def __init__(
        self, images: np.ndarray, normalize: Normalize, augment: str, device: torch.device
    ) -> None:
        _, height, width, self.n_channels = images.shape
        self.image_size = (height, width)
        self.normalize = normalize
        self.device = device
        self.flips = augment == "crop_flip"
        self.margin = 0 if augment == "none" else max(1, round(min(height, width) / 8))
        pad = (0, 0, self.margin, self.margin, self.margin, self.margin)
        self.padded = F.pad(torch.from_numpy(images).to(device), pad)  # (N, H + 2m, W + 2m, C)

    def batches(
        self, order: Tensor, batch_size: int, draws: Draws | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        order = order.to(self.device, non_blocking=True)
        draws = None if draws is None else draws.to(self.device, non_blocking=True)
        for rows in order.split(batch_size):
            if draws is None or self.margin == 0:
                pixels = self._centre()[rows]
            else:
                pixels = self._augmented(rows, draws[rows])
            yield rows, self.normalize(pixels)

    def _centre(self) -> Tensor:
        height, width = self.image_size
        return self.padded[:, self.margin : self.margin + height, self.margin :][:, :, :width]

    def _augmented(self, rows: Tensor, draws: Draws) -> Tensor:
        height, width = self.image_size
        shift = (draws[:, :2] * (2 * self.margin + 1)).long()  # (B, 2), 0..2m
        y = torch.arange(height, device=self.device) + shift[:, :1]  # (B, H)
        x = torch.arange(width, device=self.device).expand(len(rows), -1)  # (B, W)
        if self.flips:
            x = torch.where(draws[:, 2:] < 0.5, width - 1 - x, x)
        x = x + shift[:, 1:]
        return self.padded[rows[:, None, None], y[:, :, None], x[:, None, :]]  # (B, H, W, C)


class StreamedImages:
    """Pictures decoded, cropped and flipped by worker processes, batch by batch."""

    n_channels = 3

    def __init__(
        self,
        images: EncodedImages,
        normalize: Normalize,
        augment: str,
        device: torch.device,
        workers: int,
    ) -> None:
        self.image_size = (images.size, images.size)
        self.decoded = DecodedImages(images, augment)
        self.normalize = normalize
        self.device = device
        self.workers = workers

    def batches(
        self, order: Tensor, batch_size: int, draws: Draws | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        shifts = torch.full((len(order), 3), 0.5) if draws is None else draws[order]
        loader = DataLoader(
            self.decoded,
            batch_size=batch_size,
            # The augmentation travels with the row: the workers' number and state decide nothing.
            sampler=list(zip(order.tolist(), shifts.tolist(), strict=True)),
            num_workers=self.workers,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=_leave_signals_to_the_parent,
        )
        for rows, pixels in loader:
            pixels = pixels.to(self.device, non_blocking=True)
            yield rows.to(self.device, non_blocking=True), self.normalize(pixels)


class DecodedImages(Dataset):
    """Row and draws in; row and a square uint8 picture (side, side, 3) out."""

    def __init__(self, images: EncodedImages, augment: str) -> None:
        self.images = images
        self.augment = augment

    def __getitem__(self, item: tuple[int, list[float]]) -> tuple[int, Tensor]:
        row, (y, x, flip) = item
        size = self.images.size
        picture = self.images.decode(row)
        # The short side a little longer than the crop, 256 for 224; the plain view is the centre.
        ratio = round(size * 8 / 7) / min(picture.size)
        wide, high = (max(size, round(side * ratio)) for side in picture.size)
        picture = picture.resize((wide, high))
        if self.augment == "none":
            y = x = 0.5
        left, top = round(x * (wide - size)), round(y * (high - size))
        pixels = np.asarray(picture.crop((left, top, left + size, top + size)))
        if self.augment == "crop_flip" and flip < 0.5:
            pixels = pixels[:, ::-1]
        return row, torch.from_numpy(pixels.copy())


def _leave_signals_to_the_parent(_worker: int) -> None:
    """Undo the handlers a worker inherits: the parent ends the run, and the workers with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
