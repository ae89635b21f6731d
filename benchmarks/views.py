"""What augmented views cost beside a forward pass and beside torchvision on one picture at a time.

Asked for: two weak and two strong views of 10,000 pictures of 32x32x3 cost no more than one forward
pass of the small CNN over them without gradients, batch 128, on two cores. Predicted before the
first measurement: 0.4 of it, a strong view three times as dear as a weak one and five times as
cheap as the usual way, which is a Dataset of PIL pictures under torchvision's AutoAugment in one
process. Results: `docs/benchmarks.md`.

    python -m benchmarks.views                       # random pictures with structure
    python -m benchmarks.views --data FOLDER         # pictures of a folder, brought to 32x32

All cases run in turns in one process; a ratio is taken within a turn. Processor seconds count all
threads and stay true on a busy machine; wall seconds do not.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import AutoAugmentPolicy, v2

from training.data.augment import Policy, draw
from training.data.batches import image_source
from training.data.pictures import load_pictures
from training.networks import build_network

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)  # CIFAR-10
BATCH = 128
CPU = torch.device("cpu")
CONTRASTIVE = ("resized_crop", "flip", "colour_jitter", "greyscale")
CASES: dict[str, Sequence[Policy]] = {
    "none": ["none"],
    "weak": ["weak"],
    "strong (AutoAugment)": ["strong"],
    "RandAugment": [("weak", "randaugment")],
    "AugMix": [("weak", "augmix")],
    "crop, flip, jitter, grey": [CONTRASTIVE],
    "2 weak and 2 strong": ["weak", "weak", "strong", "strong"],
}
FORWARD, STEP, USUAL = "forward pass", "training step", "one by one (AutoAugment)"


def random_pictures(n: int) -> np.ndarray:
    """Return pictures (n, 32, 32, 3), uint8: smooth colours under some noise."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((n, 3, 4, 4), generator=generator)
    smooth = F.interpolate(coarse, size=(32, 32), mode="bicubic")
    noisy = smooth + 0.05 * torch.randn(smooth.shape, generator=generator)
    return (255 * noisy.clamp(0, 1)).permute(0, 2, 3, 1).to(torch.uint8).numpy()


class OneByOne(Dataset):
    """The usual way: a PIL picture, augmented when it is asked for."""

    def __init__(self, images: np.ndarray) -> None:
        self.pictures = [Image.fromarray(image) for image in images]
        self.augment = v2.Compose(
            [
                v2.RandomCrop(32, padding=4),
                v2.RandomHorizontalFlip(),
                v2.AutoAugment(AutoAugmentPolicy.CIFAR10),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, row: int) -> torch.Tensor:
        return self.augment(self.pictures[row])


def cases(images: np.ndarray) -> dict[str, tuple[Callable[[], None], int]]:
    """Return each case and how many views, or pictures of a network, it makes."""
    n = len(images)
    source = image_source(images, MEAN, STD, "crop_flip", CPU, workers=0)
    order = torch.randperm(n)
    batches = [pixels for _, (pixels,) in source.batches(order, BATCH)]
    network = build_network("small_cnn", 3, (32, 32), n_classes=10, class_bias=True).train()

    def forward() -> None:
        with torch.no_grad():
            for pixels in batches:
                network(pixels)

    def step() -> None:
        for pixels in batches:
            network(pixels).logits.sum().backward()

    def views(policies: Sequence[Policy]) -> None:
        for _ in source.batches(order, BATCH, draw(n, policies, torch.default_generator)):
            pass

    pictures = OneByOne(images[: n // 4])

    def one_by_one() -> None:
        for _ in DataLoader(pictures, batch_size=BATCH):
            pass

    made: dict[str, tuple[Callable[[], None], int]] = {FORWARD: (forward, n), STEP: (step, n)}
    for name, policies in CASES.items():
        made[name] = (lambda policies=policies: views(policies), n * len(policies))
    made[USUAL] = (one_by_one, len(pictures))
    return made


def measure(images: np.ndarray, repeats: int) -> pd.DataFrame:
    """Return a row for each case and turn: processor and wall seconds, and views."""
    rows = []
    for turn in range(-1, repeats):  # the first warms up
        for name, (run, n_views) in cases(images).items():
            wall, processor = time.perf_counter(), time.process_time()
            run()
            seconds = (time.process_time() - processor, time.perf_counter() - wall)
            rows.append((turn, name, *seconds, n_views))
    table = pd.DataFrame(rows, columns=["turn", "case", "processor", "wall", "views"])
    return table[table["turn"] >= 0]


def summary(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return medians, and the ratios to a forward pass over as many pictures with their range."""
    found = []
    per_view = {
        clock: table.assign(us=1e6 * table[clock] / table["views"]).pivot(
            index="turn", columns="case", values="us"
        )
        for clock in ("processor", "wall")
    }
    for name, part in table.groupby("case", sort=False):
        row = {"case": name, "views of a picture": max(1, round(part["views"].iloc[0] / n))}
        for clock, us in per_view.items():
            ratio = us[name] * row["views of a picture"] / us[FORWARD]
            row[f"{clock} us/view"] = f"{us[name].median():.1f}"
            row[f"{clock} / forward"] = (
                f"{ratio.median():.3f} ({ratio.min():.3f}-{ratio.max():.3f})"
            )
        ratio = per_view["processor"][USUAL] / per_view["processor"][name]
        row["one by one / this"] = f"{ratio.median():.1f} ({ratio.min():.1f}-{ratio.max():.1f})"
        found.append(row)
    return pd.DataFrame(found)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of pictures; default: random ones")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)  # torch itself takes fewer on a busy machine
    images = random_pictures(options.samples)
    if options.data:
        files = sorted(path for path in options.data.rglob("*.*") if path.is_file())
        files = files[: options.samples]
        images = np.asarray(load_pictures(files, image_size=32)[0])
    print(f"{len(images)} pictures, batch {BATCH}, {torch.get_num_threads()} threads")
    print(summary(measure(images, options.repeats), len(images)).to_string(index=False))


if __name__ == "__main__":
    main()
