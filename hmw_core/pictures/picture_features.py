"""What can be measured of a picture without a network: brightness, contrast, size."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from hmw_core.log import layout
from hmw_core.log.cache import keep
from hmw_core.log.decoding import BadPicture, decode
from hmw_core.log.files import DamagedFile, open_table, read_table
from hmw_core.log.reader import RunReader
from hmw_core.log.schema import IMAGES, types_of

VERSION = 2  # counts up whenever these numbers change
METADATA_KEY = b"hmw_picture_features"
SCHEMA = pa.schema(
    [
        ("sample_id", pa.int32()),
        ("brightness", pa.float32()),
        ("contrast", pa.float32()),
        ("file_size", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
    ],
    metadata={METADATA_KEY: json.dumps({"version": VERSION}).encode()},
)
BATCH = 1024  # pictures held at once


def picture_features(run: RunReader) -> pd.DataFrame:
    """Return what is measured of each stored picture, by `sample_id`; kept beside the pictures.

    The stored picture is what the gallery shows: at most 256 px a side, and encoded as PNG where
    the data set gave arrays, so `file_size` tells how much detail there is, and of a folder of
    small JPEGs also how they were saved.

    Returns
    -------
    DataFrame
        `brightness` (mean grey value) and `contrast` (its standard deviation), both in [0, 1];
        `file_size` in bytes, `width` and `height` in px. Null where a sample has no picture;
        where one does not decode, only `file_size` is known. All rows of the run are there.
    """
    path = _file(run)
    kept = _read(path)
    if kept is None:
        kept = _measure(run)
        if len(kept):
            keep(path, kept)
    frame = kept.to_pandas().set_index("sample_id")
    return frame.reindex(pd.RangeIndex(run.n_samples, name="sample_id"))


def pictures(run: RunReader) -> Iterator[tuple[int, bytes, Image.Image | None]]:
    """Yield of each sample id, encoded bytes and picture in RGB, None where it does not decode."""
    path = layout.images_file(run.folder, run.info["dataset"]["fingerprint"])
    if not run.has_images:
        return
    try:
        with open_table(path, types_of(IMAGES)) as file:
            for batch in file.iter_batches(BATCH, columns=["sample_id", "image"]):
                ids, encoded = batch["sample_id"].to_pylist(), batch["image"].to_pylist()
                yield from decoded(zip(ids, encoded, strict=True))
    except DamagedFile:
        return  # damaged: what was read so far counts, as in `RunReader.images`


def decoded(
    encoded: Iterable[tuple[int, bytes]],
) -> Iterator[tuple[int, bytes, Image.Image | None]]:
    """Yield each id and its bytes with the picture in RGB, None where it does not decode."""
    for sample_id, content in encoded:
        try:
            yield sample_id, content, decode(content)
        except BadPicture:
            yield sample_id, content, None


def _measure(run: RunReader) -> pa.Table:
    rows = []
    for sample_id, content, picture in pictures(run):
        row: dict[str, float] = {"sample_id": sample_id, "file_size": len(content)}
        if picture is not None:
            grey = np.asarray(picture.convert("L"), dtype=np.float32) / 255
            row |= {"brightness": float(grey.mean()), "contrast": float(grey.std())}
            row |= {"width": picture.width, "height": picture.height}
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _file(run: RunReader) -> Path:
    images = layout.images_file(run.folder, run.info["dataset"]["fingerprint"])
    return images.with_name("picture-features.parquet")


def _read(path: Path) -> pa.Table | None:
    """Return the kept numbers, or None where there are none, or they are not these."""
    try:
        table = read_table(path)
    except DamagedFile:
        return None
    return table if table.schema.equals(SCHEMA, check_metadata=True) else None
