"""Folders of any names, links, pipes and torn pictures: loaded, or refused in a sentence."""

import os

import numpy as np
import pytest

from hmw_core.errors import UsageError
from tests.training.conftest import png
from training.data.prepare import load_data

NAMES = [
    b"train", b"test", b"Valid", b"cat", b"dog", b"a.png", b"b.PNG", b"c.jpg", b"\xff\xfe",
    b"x.txt", b".hidden", b"._c.png", b"__MACOSX", b"e\n.png", b"odd.png", b"images",
    b"caf\xc3\xa9", b"cafe\xcc\x81", b"Thumbs.db", b"y" * 250, b" ", b"'q\"",
]  # fmt: skip
TARGETS = [
    b".",
    b"..",
    b"/nowhere",
    b"../cat",
    b"/dev/zero",
    b"../../train",
    b"self",
    b"../..",
    b"/",
]
PICTURE = png(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8))


def fill(folder: bytes, rng: np.random.Generator, depth: int = 0) -> None:
    for _ in range(rng.integers(0, 6)):
        path = os.path.join(folder, NAMES[rng.integers(len(NAMES))])
        kind = rng.integers(10)
        if os.path.lexists(path):
            continue
        if kind < 4:
            os.mkdir(path)
            if depth < 4:
                fill(path, rng, depth + 1)
        elif kind == 4:
            os.symlink(TARGETS[rng.integers(len(TARGETS))], path)
        elif kind == 5:
            os.mkfifo(path)
        else:
            with open(path, "wb") as file:
                file.write(PICTURE if kind < 9 else PICTURE[: rng.integers(len(PICTURE))])


@pytest.mark.parametrize("seed", range(5))
def test_any_folder(quick, tmp_path, seed):
    rng, n_loaded = np.random.default_rng(seed), 0
    for number in range(20):
        root = tmp_path / str(number)
        for place in ("cat", "dog") if number % 2 else ("train/cat", "train/dog"):
            (root / place).mkdir(parents=True)
            (root / place / "0.png").write_bytes(PICTURE)
        fill(os.fsencode(root / place), rng)
        fill(os.fsencode(root), rng)
        skip = bool(number % 3)
        try:
            data = load_data(quick(dataset="image-folder", data=str(root), skip_broken=skip))
        except UsageError as error:
            str(error).encode()
            continue
        n_loaded += 1
        texts = [*data.source, *data.class_names, *(warning.text for warning in data.warnings)]
        "".join(texts).encode()
        assert len(data.images) == len(data.source) == len(data.given_label)
    assert n_loaded > 0
