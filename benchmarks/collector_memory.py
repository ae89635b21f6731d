"""How much memory an epoch of many classes takes while it is recorded.

Predicted before the first measurement: with `outputs="none"` an epoch of 200,000 samples and 1,000
classes takes under 0.2 GiB beside the network, because each chunk of about four million numbers
is reduced to 13 columns; kept whole, its logits and cosines alone would be 1.5 GiB.

    python -m benchmarks.collector_memory
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import in_own_process, peak_gib, resident_gib
from hmw_core import RunWriter

BATCH = 256
# Of each sample on a device: 10 float32 columns (loss, three logits, three distances, slice,
# confidence, weight), 2 int32 labels, and the int64 sample id.
COLUMN_BYTES = 10 * 4 + 2 * 4 + 8


def feed(n_samples: int, n_classes: int, outputs: str) -> dict[str, float]:
    """Record one epoch of random outputs; return peak memory above the start, and seconds."""
    label = np.random.default_rng(0).integers(0, n_classes, n_samples)
    generator = torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        writer = RunWriter.create(
            Path(folder) / "run",
            given_label=label,
            n_classes=n_classes,
            n_epochs=1,
            outputs=outputs,
        )
        logits = torch.randn((BATCH, n_classes), generator=generator)
        before = resident_gib(os.getpid())
        started = time.perf_counter()
        for rows in torch.randperm(n_samples, generator=generator).split(BATCH):
            writer.record(rows, logits[: len(rows)], cosine=logits[: len(rows)].tanh())
        recorded = time.perf_counter()
        recorded_gib = peak_gib(os.getpid()) - before
        writer.end_epoch(1)
        writer.finish()
        return {
            "recording_gib": recorded_gib,
            "written_gib": peak_gib(os.getpid()) - before,
            "record_us_a_sample": (recorded - started) / n_samples * 1e6,
        }


def main() -> None:
    """Measure each kind of outputs in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--classes", type=int, default=1_000)
    parser.add_argument("--outputs", choices=["none", "topk", "full"], help="measure here, as JSON")
    given = parser.parse_args()
    if given.outputs:
        print(json.dumps(feed(given.samples, given.classes, given.outputs)))
        return
    print(f"{given.samples:,} samples, {given.classes:,} classes; GiB above the start")
    for outputs in ("none", "topk", "full"):
        sizes = ("--samples", given.samples, "--classes", given.classes)
        row = in_own_process("collector_memory", "--outputs", outputs, *sizes)
        print(
            f"{outputs:5} recording {row['recording_gib']:.2f}, written {row['written_gib']:.2f}; "
            f"{row['record_us_a_sample']:.1f} us a sample"
        )
    imagenet = 1_281_167
    half = 2 * 2 * imagenet * given.classes / 2**30
    columns = COLUMN_BYTES * imagenet / 2**20
    print(
        f"By arithmetic, on a device for {imagenet:,} samples: none {columns:.0f} MiB of columns; "
        f"full {half:.1f} GiB more (logits and cosines in float16)"
    )


if __name__ == "__main__":
    main()
