"""Small settings and small data for trainings that take a second."""

import io
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from rich.console import Console

from training.config import RunConfig
from training.loop import train

QUICK = {"train_samples": 96, "batch_size": 32, "epochs": 3, "device": "cpu", "workers": 0}


@pytest.fixture(autouse=True)
def hang_up():
    """Let a closed terminal be heard, also where `nohup` started the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def quick(tmp_path):
    """Return a function that makes a config for a training of a second."""

    def make(**fields) -> RunConfig:
        return RunConfig(**{**QUICK, "runs": str(tmp_path / "runs"), "run": "r", **fields})

    return make


@pytest.fixture
def trained(quick, quiet):
    """Return a function that trains and returns the run folder."""

    def run(**fields) -> Path:
        config = quick(**fields)
        train(config, quiet)
        return config.folder

    return run


@pytest.fixture
def quiet():
    """Return a console that nobody sees."""
    return Console(file=io.StringIO())


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def some_pictures(n: int, side: int = 12, seed: int = 0) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [png(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)) for _ in range(n)]


def write_parquet(path: Path, columns: dict, class_names: str | None = None) -> Path:
    table = pa.table(columns)
    if class_names is not None:
        table = table.replace_schema_metadata({"class_names": class_names})
    pq.write_table(table, path)
    return path


def write_image_folder(root: Path, counts: dict[str, int], side: int = 12) -> Path:
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True)
        for number, encoded in enumerate(some_pictures(count, side, seed=len(folder))):
            (root / folder / f"{number}.png").write_bytes(encoded)
    return root
