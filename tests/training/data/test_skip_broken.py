"""Broken pictures: all named in one go, or left out and noted in the run."""

import numpy as np
import pytest

from hmw_core import RunReader
from hmw_core.errors import UsageError
from tests.training.conftest import some_pictures, write_image_folder, write_parquet
from training.data.prepare import load_data


@pytest.fixture
def folder(tmp_path):
    """Return train and val of two classes with four pictures each, of which four are broken."""
    counts = {f"{split}/{name}": 4 for split in ("train", "val") for name in ("cat", "dog")}
    root = write_image_folder(tmp_path / "pictures", counts)
    png = (root / "train/dog/2.png").read_bytes()
    (root / "train/cat/1.png").write_bytes(b"")
    (root / "train/dog/2.png").write_bytes(png[: len(png) // 2])
    (root / "train/dog/3.png").write_bytes(b"<html>404</html>")
    (root / "val/cat/0.png").write_bytes(b"\x00\x00\x00\x18ftypheic")
    return root


def test_all_are_named_with_their_reason_and_the_way_out(quick, folder):
    with pytest.raises(UsageError) as said:
        load_data(quick(dataset="image-folder", data=str(folder)))
    lines = str(said.value).splitlines()
    assert lines[0].startswith("4 of 16 pictures are broken; ")
    assert "--skip-broken" in lines[0]
    assert lines[1] == "  train/cat/1.png: an empty file"
    assert lines[2].startswith("  train/dog/2.png: ")
    assert "truncated" in lines[2]
    assert lines[3:] == [
        "  train/dog/3.png: text, no picture",
        "  val/cat/0.png: HEIC, which Pillow does not read; save it as JPEG or PNG",
    ]


def test_twenty_lines_and_then_a_count(quick, tmp_path):
    root = write_image_folder(tmp_path / "pictures", {"cat": 30, "dog": 1})
    for picture in (root / "cat").iterdir():
        picture.write_bytes(b"")
    with pytest.raises(UsageError) as said:
        load_data(quick(dataset="image-folder", data=str(root)))
    lines = str(said.value).splitlines()
    assert len(lines) == 22
    assert lines[-1] == "  and 10 more"


def test_skipping_trains_as_if_they_were_not_there(quick, folder):
    config = quick(dataset="image-folder", data=str(folder), skip_broken=True)
    data = load_data(config)
    for name in ("train/cat/1", "train/dog/2", "train/dog/3", "val/cat/0"):
        (folder / f"{name}.png").unlink()
    alone = load_data(config)
    assert data.source == alone.source
    assert data.given_label.tolist() == alone.given_label.tolist() == [0, 0, 0, 1, 1]
    assert data.test_label.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert np.array_equal(data.images, alone.images)
    assert np.array_equal(data.test_images, alone.test_images)
    assert alone.warnings == []


def test_the_run_tells_what_it_does_without(trained, quiet, folder):
    run = trained(dataset="image-folder", data=str(folder), skip_broken=True, epochs=1)
    (warning,) = RunReader(run).warnings
    assert warning.text.startswith(
        "4 of 16 pictures are left out: train/cat/1.png (an empty file); train/dog/2.png ("
    )
    assert RunReader(run).n_samples == 5


@pytest.mark.parametrize("gone", ["train/cat", "val"])
def test_a_class_or_split_that_would_be_empty_is_refused(quick, tmp_path, gone):
    counts = {"train/cat": 2, "train/dog": 2, "val/cat": 1}
    root = write_image_folder(tmp_path / "pictures", counts)
    for picture in (root / gone).rglob("*.png"):
        picture.write_bytes(b"")
    with pytest.raises(UsageError, match="without them no picture is left of cat"):
        load_data(quick(dataset="image-folder", data=str(root), skip_broken=True))


def test_a_parquet_file_and_its_test_file(quick, tmp_path):
    pictures = some_pictures(6)
    pictures[1], pictures[4] = b"", None
    columns = {"image": pictures, "label": [0, 1, 0, 1, 0, 1], "human": [1, 1, 0, 1, 0, 0]}
    train = write_parquet(tmp_path / "d.parquet", columns)
    test = write_parquet(
        tmp_path / "t.parquet", {"image": [b"x", *some_pictures(2)], "label": 3 * [1]}
    )
    fields = {"dataset": "parquet", "data": str(train), "test_data": str(test)}
    human = {"noise": "human", "noise_column": "human"}
    with pytest.raises(UsageError) as said:
        load_data(quick(**fields, **human))
    assert [line.split(":")[0] for line in str(said.value).splitlines()[1:]] == [
        "  d.parquet#1", "  d.parquet#4", "  t.parquet#0",
    ]  # fmt: skip
    data = load_data(quick(**fields, **human, skip_broken=True))
    assert data.source == [f"d.parquet#{row}" for row in (0, 2, 3, 5)]
    assert data.true_label.tolist() == [0, 0, 1, 1]
    assert data.given_label.tolist() == [1, 0, 1, 0]
    assert data.test_label.tolist() == [1, 1]


def test_large_pictures_are_skipped_as_small_ones(quick, tmp_path):
    root = write_image_folder(tmp_path / "pictures", {"cat": 3, "dog": 3}, side=120)
    content = (root / "cat/0.png").read_bytes()
    (root / "cat/0.png").write_bytes(content[:-2000])
    config = {"dataset": "image-folder", "data": str(root), "test_fraction": 0.0}
    with pytest.raises(UsageError, match=r"1 of 6 pictures is broken; (.|\n)*cat/0\.png"):
        load_data(quick(**config))
    data = load_data(quick(**config, skip_broken=True))
    assert len(data.images) == 5
    assert data.images.decode(0).size == (120, 120)
