"""Brightness, contrast and size of pictures, by hand; what has none is null."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hmw_core import RunReader, RunWriter
from hmw_core.log import layout
from hmw_core.pictures import picture_features


def write(folder, images, n: int) -> RunReader:
    writer = RunWriter.create(
        folder, given_label=np.zeros(n, int), n_classes=2, n_epochs=1, images=images
    )
    writer.finish("stopped")
    return RunReader(folder)


def test_by_hand(tmp_path):
    images = np.zeros((3, 4, 6), dtype=np.uint8)
    images[1] = 255
    images[2, :, :3] = 255
    table = picture_features.picture_features(write(tmp_path / "run", images, 3))
    assert table.index.tolist() == [0, 1, 2]
    assert table["brightness"].tolist() == pytest.approx([0, 1, 0.5])
    assert table["contrast"].tolist() == pytest.approx([0, 0, 0.5])
    assert table["width"].tolist() == [6, 6, 6]
    assert table["height"].tolist() == [4, 4, 4]


def test_colours_weigh_as_the_eye_does_and_files_keep_their_size(tmp_path):
    encoded = []
    for colour, form in (((255, 0, 0), "PNG"), ((0, 255, 0), "PNG"), ((9, 9, 9), "JPEG")):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 5), colour).save(buffer, form)
        encoded.append(buffer.getvalue())
    table = picture_features.picture_features(write(tmp_path / "run", encoded, 3))
    assert table["brightness"][:2].tolist() == pytest.approx([0.299, 0.587], abs=0.003)
    assert table["file_size"].tolist() == [len(content) for content in encoded]


def test_a_palette_and_a_transparent_picture_decode(tmp_path):
    encoded = []
    for mode in ("P", "RGBA", "1", "I;16"):
        buffer = io.BytesIO()
        Image.new(mode, (4, 4)).save(buffer, "PNG")
        encoded.append(buffer.getvalue())
    table = picture_features.picture_features(write(tmp_path / "run", encoded, 4))
    assert table["brightness"].notna().all()


def test_kept_beside_the_pictures_and_measured_anew_when_damaged(tmp_path, monkeypatch):
    run = write(tmp_path / "run", np.full((5, 4, 4), 7, np.uint8), 5)
    monkeypatch.setattr(picture_features, "BATCH", 2)
    first = picture_features.picture_features(run)
    assert first["brightness"].notna().tolist() == [True] * 5  # those of the last batch, too
    file = layout.images_file(run.folder, run.info["dataset"]["fingerprint"]).with_name(
        "picture-features.parquet"
    )
    assert picture_features.picture_features(run).equals(first)
    file.write_bytes(b"damaged")
    assert picture_features.picture_features(run).equals(first)


def test_what_is_no_picture_is_null(tmp_path):
    run = write(tmp_path / "run", np.full((3, 4, 4), 7, np.uint8), 3)
    path = layout.images_file(run.folder, run.info["dataset"]["fingerprint"])
    images = pq.read_table(path).to_pydict()
    images["image"][1] = b"no picture"
    pq.write_table(pa.table(images, schema=pq.read_schema(path)), path)
    table = picture_features.picture_features(run)
    assert table["brightness"].isna().tolist() == [False, True, False]
    assert table["file_size"][1] == len(b"no picture")


def test_a_run_without_pictures_has_only_nulls(tmp_path):
    table = picture_features.picture_features(write(tmp_path / "run", None, 3))
    assert table.shape == (3, 5)
    assert table.isna().all(axis=None)
