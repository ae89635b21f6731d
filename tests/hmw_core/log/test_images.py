"""The pictures of a run: from any container to the very pixels, as any browser shows them."""

import io
from collections.abc import Sized

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.log import layout
from hmw_core.log.images import as_images, encode_images
from tests.hmw_core.log.test_decoding import encoded

NOISE = np.random.default_rng(0).integers(0, 256, (8, 20, 20), dtype=np.uint8)
FLOATS = NOISE[:4].astype(np.float32) / 255


def write(folder, images) -> RunReader:
    n = len(images) if isinstance(images, Sized) else 2
    RunWriter.create(
        folder, given_label=np.arange(n) % 2, n_classes=2, n_epochs=1, images=images
    ).finish("stopped")
    return RunReader(folder)


@pytest.mark.parametrize(
    "images",
    [
        NOISE[:4],
        NOISE[:4].astype(np.uint16) << 8,
        FLOATS,
        torch.from_numpy(FLOATS)[:, None],
        list(NOISE[:4]),
        NOISE[:4].tolist(),
        [Image.fromarray(picture) for picture in NOISE[:4]],
        [encoded(picture) for picture in NOISE[:4]],
        tuple(bytearray(encoded(picture)) for picture in NOISE[:4]),
        np.array([encoded(picture) for picture in NOISE[:4]], dtype=object),
        [encoded(picture, "BMP") for picture in NOISE[:4]],
        [encoded(picture.astype(np.uint16) << 8) for picture in NOISE[:4]],
    ],
    ids=lambda images: type(images).__name__,
)
def test_every_container_keeps_the_very_pixels(tmp_path, images):
    kept = write(tmp_path / "run", images).images(range(4))
    for row in range(4):
        with Image.open(io.BytesIO(kept[row])) as picture:
            assert np.array_equal(np.asarray(picture.convert("L")), NOISE[row])


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (["a.png", "b.png"], "one array, or encoded pictures"),
        ([NOISE[0], NOISE[1, :3]], "one array"),
        ([encoded(NOISE[0]), None], "sample 1 is not bytes"),
        ([None, encoded(NOISE[0])], "one array"),
        (NOISE[:2].astype(float), "floats in 0..1"),
        (5, "one array"),
        ([b"", b"x", encoded(NOISE[0])], "2 of 3 pictures are broken"),
    ],
)
def test_what_create_refuses(tmp_path, images, words):
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        write(tmp_path / "run", images)


def test_only_what_a_browser_shows_alike_stays_as_it_is():
    exif = Image.Exif()
    exif[0x0112] = 6
    colour = np.dstack([NOISE[0], NOISE[1], NOISE[2]])
    stays = [encoded(NOISE[0]), encoded(colour, "JPEG"), encoded(NOISE[0], "JPEG")]
    changes = [
        encoded(colour, "JPEG", exif=exif),
        encoded(colour, "WEBP"),
        encoded(Image.fromarray(colour).convert("CMYK"), "JPEG"),
        encoded(np.dstack([colour, NOISE[3]])),
        encoded(np.zeros((300, 20), np.uint8)),
    ]
    kept = encode_images([*stays, *changes])["image"].to_pylist()
    assert kept[:3] == stays
    assert all(
        new != old and new[:4] == b"\x89PNG" for new, old in zip(kept[3:], changes, strict=True)
    )
    assert as_images(stays) == stays


def test_pictures_that_an_older_decoder_kept_are_replaced(tmp_path):
    run = write(tmp_path / "run", NOISE[:4])
    path = layout.images_file(run.folder, run.info["dataset"]["fingerprint"])
    table = pq.read_table(path)
    others = pa.table({"sample_id": table["sample_id"], "image": [b"older"] * 4})
    pq.write_table(others, path)
    write(tmp_path / "next", NOISE[:4])
    assert run.images([0])[0] == table["image"][0].as_py()
    kept = path.stat()
    write(tmp_path / "third", NOISE[:4])
    assert path.stat() == kept
