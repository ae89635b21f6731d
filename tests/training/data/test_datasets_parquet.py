"""The Parquet data set: what it reads, and what it refuses in one sentence."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hmw_core.errors import UsageError
from tests.training.conftest import png, some_pictures, write_parquet
from training.data.datasets.parquet import parquet


@pytest.fixture
def load(quick, tmp_path):
    """Return a function that writes columns to a file and loads it."""

    def run(columns=None, class_names=None, **fields):
        path = tmp_path / "d.parquet"
        if columns is not None:
            write_parquet(path, columns, class_names)
        return parquet(quick(dataset="parquet", data=str(path), **fields))

    return run


def columns(n=6, **more):
    return {"image": some_pictures(n), "label": np.arange(n) % 3, **more}


def test_reads_pictures_labels_and_names(load):
    dataset = load(columns(), class_names="cat,dog,eel")
    assert dataset.class_names == ["cat", "dog", "eel"]
    assert dataset.train.images.shape == (6, 12, 12, 3)
    assert dataset.train.label.tolist() == [0, 1, 2, 0, 1, 2]
    assert dataset.train.source[4] == "d.parquet#4"
    assert dataset.test is None


def test_words_become_classes_in_alphabetical_order(load):
    dataset = load(columns() | {"label": ["b", "a", "b", "c", "a", "b"]})
    assert dataset.class_names == ["a", "b", "c"]
    assert dataset.train.label.tolist() == [1, 0, 1, 2, 0, 1]


def test_all_label_columns_count_for_the_classes(load):
    dataset = load(columns(human=np.full(6, 4)), noise="human", noise_column="human")
    assert len(dataset.class_names) == 5
    assert dataset.train.human_label.tolist() == [4] * 6


PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
ENCODED = [png(picture) for picture in PIXELS]
COLUMNS = {
    "bytes": pa.array(ENCODED),
    "large bytes": pa.array(ENCODED, pa.large_binary()),
    "a view of bytes": pa.array(ENCODED, pa.binary_view()),
    "a struct": pa.array([{"bytes": content, "path": "x"} for content in ENCODED]),
    "lists": pa.array(PIXELS.tolist(), pa.list_(pa.list_(pa.list_(pa.uint8())))),
    "lists of long integers": pa.array(PIXELS.tolist()),
    "large lists": pa.array(PIXELS.tolist(), pa.large_list(pa.list_(pa.list_(pa.uint8(), 3), 5))),
    "lists of 16 bits": pa.array(
        (PIXELS.astype(int) * 256).tolist(), pa.list_(pa.list_(pa.list_(pa.uint16())))
    ),
    "lists of floats": pa.array((PIXELS / 255).tolist()),
    "channels first": pa.array(PIXELS.transpose(0, 3, 1, 2).tolist()),
    "tensors": pa.FixedShapeTensorArray.from_numpy_ndarray(PIXELS),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_pictures_in_every_kind_of_column(load, kind):
    dataset = load(columns() | {"image": COLUMNS[kind]})
    assert np.array_equal(dataset.train.images, PIXELS)


def test_a_struct_without_its_bytes_is_a_broken_picture(load):
    pictures = [{"bytes": content, "path": None} for content in ENCODED]
    pictures[2] = {"bytes": None, "path": "elsewhere.png"}
    pictures[4] = None
    dataset = load(columns() | {"image": pictures})
    assert [picture.source for picture in dataset.train.broken] == ["d.parquet#2", "d.parquet#4"]
    assert len(dataset.train) == 4


def test_the_test_file_gives_true_labels_where_it_has_them(load, tmp_path):
    test = write_parquet(tmp_path / "t.parquet", {"image": some_pictures(2), "label": [2, 0]})
    fields = {"label_column": "worse", "true_label_column": "label"}
    dataset = load(columns(worse=np.zeros(6, int)), test_data=str(test), **fields)
    assert dataset.test.label.tolist() == [2, 0]


BAD_COLUMNS = {
    "no row": ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}, "no rows"),
    "no image column": ({"label": [0, 1]}, "has no column 'image'; it has label"),
    "no label column": ({"image": some_pictures(2)}, "has no column 'label'; it has image"),
    "negative label": (
        columns() | {"label": [0, 1, 2, -1, 0, 1]},
        r"label of row 3 .* is -1, not a whole number from 0 on, and means that there is none",
    ),
    "label missing": (
        columns() | {"label": [0, 1, None, 1, 0, 1]},
        r"label of row 2 \(counted from 0\) is empty",
    ),
    "label a fraction": (
        columns() | {"label": np.linspace(0, 1, 6)},
        r"label of row 1 .* is 0\.2, not a whole number",
    ),
    "label absurd": (
        columns() | {"label": [0, 1, 2, 1, 0, 9999]},
        "is 9999, but there are 7 classes",
    ),
    "one class": (columns() | {"label": np.zeros(6, int)}, "one class only"),
    "image a number": (columns() | {"image": np.arange(6)}, "pixels as lists of one shape"),
    "image a path": (columns() | {"image": ["a.png"] * 6}, "encoded pictures as bytes"),
    "image of two shapes": (
        columns() | {"image": [[[1, 2]], [[1]]] * 3},
        "lists of different lengths",
    ),
    "image out of range": (columns() | {"image": [[[1, 300]]] * 6}, "from 1 to 300; accepted"),
    "image flat": (columns() | {"image": [[1, 2]] * 6}, r"of shape \(6, 2\); accepted"),
    "image with a gap": (columns() | {"image": [[[1, None]]] * 6}, "6 values are missing"),
    "images only paths": (
        columns() | {"image": [{"bytes": None, "path": "a.png"}] * 6},
        "holds no picture",
    ),
    "images missing": (columns() | {"image": pa.nulls(6, pa.binary())}, "holds no picture"),
}


@pytest.mark.parametrize("case", BAD_COLUMNS)
def test_bad_columns_are_named(load, case):
    bad, message = BAD_COLUMNS[case]
    with pytest.raises(UsageError, match=message):
        load(bad)


def test_a_label_beyond_the_class_names(load):
    with pytest.raises(UsageError, match=r"is 2, but there are 2 classes, 0\.\.1"):
        load(columns(), class_names="cat,dog")


def test_a_missing_file(load):
    with pytest.raises(UsageError, match=r"data file .*d\.parquet does not exist"):
        load()


@pytest.mark.parametrize("content", [b"", b"index,label\n1,2\n", b"PAR1 torn"])
def test_a_file_that_is_no_parquet(load, tmp_path, content):
    (tmp_path / "d.parquet").write_bytes(content)
    with pytest.raises(UsageError, match="is not a readable Parquet file"):
        load()


def test_no_file_named(quick):
    with pytest.raises(UsageError, match="needs --data FILE"):
        parquet(quick(dataset="parquet"))


def with_metadata(path, metadata: dict[bytes, bytes]) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(metadata), path)


def hugging_face(names: list[str]) -> dict[bytes, bytes]:
    """Return the metadata that `Dataset.to_parquet` writes for a ClassLabel."""
    feature = {"names": names, "_type": "ClassLabel"}
    return {b"huggingface": json.dumps({"info": {"features": {"label": feature}}}).encode()}


def test_class_names_of_hugging_face(load, quick, tmp_path):
    load(columns())
    with_metadata(tmp_path / "d.parquet", hugging_face(["cat", "dog", "eel", "fox"]))
    dataset = load()
    assert dataset.class_names == ["cat", "dog", "eel", "fox"]
    assert dataset.train.label.tolist() == [0, 1, 2, 0, 1, 2]
    with pytest.raises(UsageError, match="is -1, .* means that there is none"):
        load(columns() | {"label": [-1] * 6})


@pytest.mark.parametrize(
    ("label", "names", "expected"),
    [
        ([1, 2, 3, 1, 2, 3], ["1", "2", "3"], [0, 1, 2, 0, 1, 2]),
        ([1, 2, 4, 1, 2, 4], ["0", "1", "2", "3", "4"], [1, 2, 4, 1, 2, 4]),
        (pa.array(["b", "a"] * 3).dictionary_encode(), ["a", "b"], [1, 0] * 3),
        (["10", "9"] * 3, ["10", "9"], [0, 1] * 3),
        ([True, False] * 3, ["0", "1"], [1, 0] * 3),
        ([[0.0, 1.0], [1.0, 0.0]] * 3, ["0", "1"], [1, 0] * 3),
    ],
    ids=["from 1", "a gap", "categories", "text", "truth", "one-hot"],
)
def test_kinds_of_label_columns(load, label, names, expected):
    dataset = load(columns() | {"label": label})
    assert dataset.class_names == names
    assert dataset.train.label.tolist() == expected


def test_classes_that_count_from_one_do_so_in_the_test_file(load, tmp_path):
    test = write_parquet(tmp_path / "t.parquet", {"image": some_pictures(2), "label": [3, 1]})
    ones = columns() | {"label": [1, 2, 3, 1, 2, 3]}
    assert load(ones, test_data=str(test)).test.label.tolist() == [2, 0]
    for label, said in (([0, 1], "has a label 0, but the classes are 1 and up"), ([4, 1], "is 4")):
        write_parquet(test, {"image": some_pictures(2), "label": label})
        with pytest.raises(UsageError, match=said):
            load(ones, test_data=str(test))


def test_labels_from_one_under_names_are_refused_with_the_remedy(load):
    with pytest.raises(UsageError, match="seem to count from 1, so subtract 1 from each"):
        load(columns() | {"label": [1, 2, 3] * 2}, class_names="cat,dog,eel")


def test_two_columns_of_one_name_are_refused(load, tmp_path):
    load(columns(other=np.arange(6) % 2))
    table = pq.read_table(tmp_path / "d.parquet")
    pq.write_table(table.rename_columns(["image", "label", "label"]), tmp_path / "d.parquet")
    with pytest.raises(UsageError, match="has two columns called 'label'"):
        load()


@pytest.mark.parametrize(
    "metadata",
    [
        {b"huggingface": b"{"},
        {b"huggingface": b"[" * 100_000},
        {b"huggingface": b'{"info": {"features": {"label": {"names": 3}}}}'},
        {b"class_names": b""},
    ],
    ids=["torn", "deep", "no list", "empty"],
)
def test_metadata_that_says_nothing_is_passed_over(load, tmp_path, metadata):
    load(columns())
    with_metadata(tmp_path / "d.parquet", metadata)
    assert load().class_names == ["0", "1", "2"]
