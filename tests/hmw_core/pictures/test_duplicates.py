"""Near-duplicates: every planted kind is found, none in unrelated pictures, sure ones first."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.log import layout
from hmw_core.pictures import duplicates
from hmw_core.pictures.duplicates import (
    compare_pairs,
    kept_pairs,
    near_duplicates,
    suggested_threshold,
    typical_distance,
)

N = 200


def scenes(n: int = N, seed: int = 0) -> np.ndarray:
    """Return pictures with shapes, shading and colour, as photographs have: (n, 32, 32, 3)."""
    rng = np.random.default_rng(seed)
    pictures = np.zeros((n, 32, 32, 3))
    for width, strength in ((8, 60), (3, 40), (1, 15)):
        noise = rng.normal(size=pictures.shape)
        smooth = gaussian_filter(noise, (0, width, width, 0), mode="wrap")
        pictures += strength * smooth / smooth.std(axis=(1, 2), keepdims=True)
    return np.clip(pictures + rng.uniform(80, 170, (n, 1, 1, 3)), 0, 255).astype(np.uint8)


def as_jpeg(picture: np.ndarray, quality: int = 75) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def brighter(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture * 0.7 + 60.0, 0, 255).astype(np.uint8)


PLANTS = {
    "exact": lambda picture: picture,
    "re-encoded": as_jpeg,
    "brighter": brighter,
    "a pixel aside": lambda picture: np.roll(picture, 1, axis=1),
    "a pixel down and aside": lambda picture: np.roll(picture, (-1, 1), axis=(0, 1)),
    "mirrored": lambda picture: picture[:, ::-1],
}


def write(
    folder: Path,
    pictures: np.ndarray | list[bytes] | None,
    features: np.ndarray | None = None,
    n: int = N,
) -> RunReader:
    """Write a run whose labels are the id modulo 4, so that a copy of sample 0 at 5 differs."""
    label = np.arange(n) % 4
    writer = RunWriter.create(
        folder, given_label=label, true_label=label, n_classes=4, n_epochs=1, images=pictures
    )
    writer.record(np.arange(n), logits=np.eye(4)[label])
    writer.end_epoch(1)
    if features is not None:
        writer.log_features(1, features)
    writer.finish()
    return RunReader(folder)


def found(table) -> set[tuple[int, int]]:
    return set(zip(table["sample_id"], table["other_id"], strict=True))


@pytest.mark.parametrize("kind", PLANTS)
def test_planted_copies_are_found_and_nothing_else(tmp_path, kind):
    pictures = scenes()
    planted = {(3, 150), (4, 151), (20, 199)}
    for original, copy in planted:
        pictures[copy] = PLANTS[kind](pictures[original])
    features = np.random.default_rng(1).normal(size=(N, 6)).astype(np.float32)
    if kind == "mirrored":  # as the features of a network that was trained on mirrored pictures
        for original, copy in planted:
            features[copy] = features[original] + 0.01
    run = write(tmp_path / "run", pictures, features)
    table = near_duplicates(run, compare_pairs(run))
    assert found(table) == planted
    assert table["same_bytes"].all() == (kind == "exact")
    assert table["differs"].all()
    if kind == "exact":
        assert table["pixel_distance"].max() == pytest.approx(0, abs=1e-3)


def test_all_kinds_at_once_surest_first(tmp_path):
    pictures = scenes()
    copies = {name: (10 * (i + 1), 190 + i) for i, name in enumerate(list(PLANTS)[:5])}
    for name, (original, copy) in copies.items():
        pictures[copy] = PLANTS[name](pictures[original])
    run = write(tmp_path / "run", pictures)
    table = near_duplicates(run, compare_pairs(run))
    assert found(table) == set(copies.values())
    assert (table["sample_id"][0], table["other_id"][0]) == copies["exact"]
    assert table["same_bytes"].tolist() == [True, False, False, False, False]
    assert table["pixel_distance"].is_monotonic_increasing


@pytest.mark.parametrize("seed", range(3))
def test_unrelated_pictures_have_no_duplicates(tmp_path, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
    for name, pictures in (("noise", noise), ("scenes", scenes(seed=seed + 5))):
        run = write(tmp_path / name, pictures)
        assert near_duplicates(run, compare_pairs(run)).empty


def test_labels_of_both_and_whether_they_differ(tmp_path):
    pictures = scenes()
    pictures[5], pictures[8] = pictures[0], pictures[0]
    run = write(tmp_path / "run", pictures)
    table = near_duplicates(run, compare_pairs(run)).set_index(["sample_id", "other_id"])
    row = table.loc[(0, 5)]
    assert (row["given_label"], row["other_given_label"]) == (0, 1)
    assert (row["true_label"], row["other_true_label"]) == (0, 1)
    assert row["differs"]
    assert not table.loc[(0, 8), "differs"]


def test_more_copies_than_neighbours_make_one_group(tmp_path):
    pictures = scenes()
    pictures[50:70] = pictures[50]
    pictures[9] = pictures[8]
    run = write(tmp_path / "run", pictures)
    table = near_duplicates(run, compare_pairs(run))
    members = table.groupby("group")[["sample_id", "other_id"]].agg(set)
    groups = {frozenset(a | b) for a, b in members.itertuples(index=False)}
    assert groups == {frozenset(range(50, 70)), frozenset({8, 9})}


def test_flat_pictures_are_compared_by_their_files_alone(tmp_path):
    pictures = scenes()
    pictures[0], pictures[1], pictures[2] = 0, 0, 9
    run = write(tmp_path / "run", pictures)
    pairs = compare_pairs(run)
    assert pairs[pairs["sample_id"] == 0]["pixel_distance"].isna().all()
    assert found(near_duplicates(run, pairs)) == {(0, 1)}


def test_without_pictures_the_features_decide(tmp_path):
    features = np.random.default_rng(0).normal(size=(N, 16)).astype(np.float32)
    features[30] = 2 * features[7]
    features[99] = 0  # no direction
    run = write(tmp_path / "run", None, features)
    pairs = compare_pairs(run)
    assert pairs["pixel_distance"].isna().all()
    assert not pairs["same_bytes"].any()
    assert near_duplicates(run, pairs, "pixels").empty
    table = near_duplicates(run, pairs, "features")
    assert found(table) == {(7, 30)}
    assert table["cosine"][0] == pytest.approx(1)


def test_threshold_moves_with_how_alike_the_pictures_are_and_by_hand(tmp_path):
    run = write(tmp_path / "run", scenes())
    pairs = compare_pairs(run)
    typical = typical_distance(pairs, "pixels")
    assert suggested_threshold(pairs, "pixels") == pytest.approx(0.2 * typical)
    assert np.isnan(typical_distance(pairs, "features"))
    assert suggested_threshold(pairs, "features") == 0
    everything = near_duplicates(run, pairs, threshold=2.0)
    assert len(everything) == (pairs["found_by"] != "random").sum()
    unrelated = pairs[pairs["found_by"] == "random"]["pixel_distance"]
    assert unrelated.median() > typical  # what resembles is nearer than what was drawn


def test_pairs_are_kept_and_a_damaged_or_foreign_file_is_made_again(tmp_path, monkeypatch):
    run = write(tmp_path / "run", scenes(), np.eye(N, 5, dtype=np.float32) + 0.1)
    assert kept_pairs(run) is None
    calls = []
    first = compare_pairs(run, progress=lambda *done: calls.append(done))
    assert calls[-1] == (1000, 1000)
    assert calls == sorted(calls)
    assert kept_pairs(run).equals(first)
    (file,) = (run.folder / "duplicates").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    assert kept_pairs(run) is None
    assert compare_pairs(run).equals(first)
    monkeypatch.setattr(duplicates, "VERSION", 99)
    assert kept_pairs(run) is None


def test_a_folder_that_cannot_be_written_still_gives_the_pairs(tmp_path):
    run = write(tmp_path / "run", scenes())
    (run.folder / "duplicates").write_text("in the way")
    assert len(compare_pairs(run)) > 0
    assert kept_pairs(run) is None


def test_a_picture_that_does_not_decode_is_left_out(tmp_path):
    run = write(tmp_path / "run", scenes())
    path = layout.images_file(run.folder, run.info["dataset"]["fingerprint"])
    images = pq.read_table(path).to_pydict()
    images["image"][4] = b"no picture"
    pq.write_table(pa.table(images, schema=pq.read_schema(path)), path)
    pairs = compare_pairs(run)
    about = pairs[(pairs["sample_id"] == 4) | (pairs["other_id"] == 4)]
    assert about["pixel_distance"].isna().all()


def test_two_samples_and_one(tmp_path):
    for n in (1, 2):
        run = write(tmp_path / str(n), scenes(n), np.ones((n, 2), np.float32), n)
        assert near_duplicates(run, compare_pairs(run)).empty


def test_nothing_to_compare_is_said(tmp_path):
    with pytest.raises(UsageError, match="neither pictures nor features"):
        compare_pairs(write(tmp_path / "run", None))
    with pytest.raises(UsageError, match="no features of epoch 7"):
        compare_pairs(write(tmp_path / "other", scenes()), epoch=7)
