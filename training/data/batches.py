"""From a split's pictures to normalised batches on the device, augmented or plain."""

import signal
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from training.data.augment import PLAIN, WEAK, Draws, View
from training.data.pictures import EncodedImages, Images
from training.devices import memory_format

Views = tuple[Tensor, ...]
"""(B, channels, height, width) each, float: the same pictures, augmented differently."""


CHUNK = 2048  # pictures augmented strongly together: several batches, so that groups are large


class ImageSource(Protocol):
    """The pictures of a split, small or large."""

    n_channels: int
    image_size: tuple[int, int]
    normalize: "Normalize"

    def batches(
        self, order: Tensor, batch_size: int, draws: Draws = PLAIN
    ) -> Iterator[tuple[Tensor, Views]]:
        """Yield rows (B,) on the device and the views of their pictures.

        Parameters
        ----------
        order : Tensor of shape (M,), int64, CPU
            Rows in the order wanted.
        draws : Draws
            The views wanted, from `augment.draw`. By default one, plain.
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

    def undone(self, images: Tensor) -> Tensor:
        """Return normalised pictures (B, C, H, W) as they were, in [0, 1]: black to white."""
        unscaled = (images - self.shift[:, None, None]) / self.scale[:, None, None]
        return (unscaled / 255).clamp(0, 1)


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
        self, order: Tensor, batch_size: int, draws: Draws = PLAIN
    ) -> Iterator[tuple[Tensor, Views]]:
        shifts = [self._shift(view) for view in draws]
        is_strong = any(view.is_strong for view in draws)
        chunk = batch_size * max(1, CHUNK // batch_size) if is_strong else batch_size
        on_device = order.to(self.device, non_blocking=True)
        for rows, there in zip(order.split(chunk), on_device.split(chunk), strict=True):
            views = [
                view.strengthen(self._pixels(there, shift), rows)
                for view, shift in zip(draws, shifts, strict=True)
            ]
            parts = (part.split(batch_size) for part in (there, *views))
            for batch, *pixels in zip(*parts, strict=True):
                yield batch, tuple(map(self.normalize, pixels))

    def _shift(self, view: View) -> Tensor | None:
        """Return the draws of crop and flip on the device, None if there are neither."""
        if self.margin == 0 or WEAK not in view.pieces:
            return None
        return view.draws[0].to(self.device, non_blocking=True)

    def _pixels(self, rows: Tensor, shift: Tensor | None) -> Tensor:
        return self._centre()[rows] if shift is None else self._augmented(rows, shift[rows])

    def _centre(self) -> Tensor:
        height, width = self.image_size
        return self.padded[:, self.margin : self.margin + height, self.margin :][:, :, :width]

    def _augmented(self, rows: Tensor, draws: Tensor) -> Tensor:
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
        self, order: Tensor, batch_size: int, draws: Draws = PLAIN
    ) -> Iterator[tuple[Tensor, Views]]:
        loader = DataLoader(
            self.decoded,
            batch_size=batch_size,
            # The augmentation travels with the row: the workers' number and state decide nothing.
            sampler=list(zip(order.tolist(), _shifts(order, draws), strict=True)),
            num_workers=self.workers,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=_leave_signals_to_the_parent,
        )
        for rows, pictures in _without_traceback(loader):
            there = (part.to(self.device, non_blocking=True) for part in pictures)
            views = map(lambda view, part: view.strengthen(part, rows), draws, there)
            yield rows.to(self.device, non_blocking=True), tuple(map(self.normalize, views))


def _without_traceback(loader: DataLoader) -> Iterator:
    """Yield what a loader does; an OSError of a worker process keeps its sentence only."""
    try:
        yield from loader
    except OSError as error:
        raise OSError(str(error).strip().splitlines()[-1].removeprefix("OSError: ")) from None


def _shifts(order: Tensor, draws: Draws) -> list[list[list[float]]]:
    """Return the draws of crop and flip for each row and view; the middle where there are none."""
    middle = torch.full((len(order), 3), 0.5)
    shifts = [view.draws[0][order] if WEAK in view.pieces else middle for view in draws]
    return torch.stack(shifts, dim=1).tolist()


class DecodedImages(Dataset):
    """Row and draws in; row and a square uint8 picture (side, side, 3) for each view out."""

    def __init__(self, images: EncodedImages, augment: str) -> None:
        self.images = images
        self.augment = augment

    def __getitem__(self, item: tuple[int, list[list[float]]]) -> tuple[int, list[Tensor]]:
        row, shifts = item
        size = self.images.size
        picture = self.images.decode(row)
        # The short side a little longer than the crop, 256 for 224; the plain view is the centre.
        ratio = round(size * 8 / 7) / min(picture.size)
        wide, high = (max(size, round(side * ratio)) for side in picture.size)
        picture = picture.resize((wide, high))
        return row, [self._view(picture, *shift) for shift in shifts]

    def _view(self, picture: Image.Image, y: float, x: float, flip: float) -> Tensor:
        size = self.images.size
        wide, high = picture.size
        if self.augment == "none":
            y = x = 0.5
        left, top = round(x * (wide - size)), round(y * (high - size))
        pixels = np.asarray(picture.crop((left, top, left + size, top + size)))
        if self.augment == "crop_flip" and flip < 0.5:
            pixels = pixels[:, ::-1]
        return torch.from_numpy(pixels.copy())


def _leave_signals_to_the_parent(_worker: int) -> None:
    """Undo the handlers a worker inherits: the parent ends the run, and the workers with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
