"""What `record` takes as sample ids, and what it refuses at the call."""

import uuid
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.margins import HMSettings
from hmw_core.recording.collector import EpochCollector
from hmw_core.recording.sample_keys import SampleKeys

N, C = 20, 3
UUIDS = [uuid.UUID(int=(1 << 100) + i) for i in range(N)]
TEXTS = [str(key) for key in UUIDS]
PATHS = SampleKeys(pd.Series([f"a/{i}.png" for i in range(N)]))
KEYS = SampleKeys(pd.Series(TEXTS))
NO_KEYS = SampleKeys(pd.Series([None] * N, dtype=object))

POSITIONS = {
    "list": [3, 1],
    "tuple": (3, 1),
    "numpy int8": np.array([3, 1], np.int8),
    "numpy uint64": np.array([3, 1], np.uint64),
    "numpy objects": np.array([3, 1], object),
    "list of numpy": [np.int64(3), np.int32(1)],
    "big endian": np.array([3, 1], ">i4"),
    "tensor": torch.tensor([3, 1]),
    "int32 tensor": torch.tensor([3, 1], dtype=torch.int32),
    "list of tensors": [torch.tensor(3), torch.tensor(1)],
    "column": np.array([[3], [1]]),
    "tensor column": torch.tensor([[3], [1]]),
    "list of lists": [[3], [1]],
    "series": pd.Series([3, 1], index=[9, 9]),
    "nullable": pd.Series([3, 1], dtype="Int64"),
    "arrow series": pd.Series([3, 1], dtype="int64[pyarrow]"),
    "categorical": pd.Series([3, 1]).astype("category"),
    "index": pd.Index([3, 1]),
    "arrow": pa.array([3, 1]),
    "unmasked": np.ma.array([3, 1], mask=False),
    "read-only": np.broadcast_to(np.array([3, 1]), 2),
}
NAMES = {
    "list": TEXTS[3:1:-1],
    "numpy text": np.array(TEXTS[3:1:-1]),
    "numpy bytes": np.array([t.encode() for t in TEXTS[3:1:-1]]),
    "numpy strings": np.array(TEXTS[3:1:-1], dtype=np.dtypes.StringDType()),
    "bytes": [t.encode() for t in TEXTS[3:1:-1]],
    "UUIDs": UUIDS[3:1:-1],
    "series of UUIDs": pd.Series(UUIDS[3:1:-1]),
    "series": pd.Series(TEXTS[3:1:-1]),
    "object series": pd.Series(TEXTS[3:1:-1], dtype=object),
    "string series": pd.Series(TEXTS[3:1:-1], dtype="string"),
    "arrow series": pd.Series(TEXTS[3:1:-1], dtype=pd.ArrowDtype(pa.large_string())),
    "categorical": pd.Series(TEXTS[3:1:-1]).astype("category"),
    "index": pd.Index(TEXTS[3:1:-1]),
    "arrow": pa.array(TEXTS[3:1:-1]),
    "column": np.array(TEXTS[3:1:-1])[:, None],
}
REFUSED = {
    "boolean mask": (np.arange(N) < 2, "are bool"),
    "tensor mask": (torch.arange(N) < 2, "are bool"),
    "list of bool": ([True, False], r"hold True \(bool\)"),
    "bool among numbers": ([2, True], r"hold True \(bool\)"),
    "fractions": ([0.5, 1], r"hold 0.5 \(float\)"),
    "whole floats": (np.array([1.0, 2.0]), "are float64"),
    "float tensor": (torch.tensor([1.0]), "are float32"),
    "nan": (np.array([1, np.nan]), "are float64"),
    "missing": (pd.Series([1, None], dtype="Int64"), "are float64"),
    "missing text": (pd.Series([TEXTS[0], None], dtype="string"), r"hold <NA> \(NAType\)"),
    "none": (None, r"have shape \(\)"),
    "none in a list": ([None, 1], r"hold None \(NoneType\)"),
    "one number": (5, r"have shape \(\)"),
    "one text": ("img", r"have shape \(\)"),
    "set": ({1, 2}, r"have shape \(\)"),
    "two columns": (np.ones((3, 2), int), r"have shape \(3, 2\)"),
    "one row": (np.ones((1, 3), int), r"have shape \(1, 3\)"),
    "several lengths": ([[1], [2, 3]], r"hold \[1\] \(list\)"),
    "masked": (np.ma.array([1, 2], mask=[0, 1]), "are masked in places"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), r"are datetime64\[D\]"),
    "number beside keys": ([TEXTS[0], 3], r"hold 3 \(int\) beside keys"),
    "negative": (np.array([-1, 3]), r"must lie in 0\.\.19, got -1\.\.3"),
    "past the end": ([0, 20], r"must lie in 0\.\.19, got 0\.\.20"),
    "past every end": ([2**70], "hold 1180591620717411303424"),
    "uint64": (np.array([2**64 - 1], np.uint64), r"got 18446744073709551615"),
    "other bytes": ([b"\xff"], "is no UTF-8"),
    "unknown": ([uuid.UUID(int=5)], "unknown sample '00000000-0000-0000-0000-000000000005'"),
}


@pytest.mark.parametrize("ids", POSITIONS.values(), ids=POSITIONS)
def test_whole_numbers_of_any_kind_are_positions(ids):
    for keys in (KEYS, NO_KEYS):
        assert keys.positions(ids).tolist() == [3, 1]


@pytest.mark.parametrize("ids", NAMES.values(), ids=NAMES)
def test_keys_of_any_kind_are_text(ids):
    assert KEYS.positions(ids).tolist() == [3, 2]


def test_paths_are_keys_and_an_empty_batch_is_one():
    assert PATHS.positions([PurePosixPath("a/7.png"), "a/0.png"]).tolist() == [7, 0]
    assert [len(NO_KEYS.positions(empty)) for empty in ([], np.array([]), ())] == [0, 0, 0]


@pytest.mark.parametrize(("ids", "said"), REFUSED.values(), ids=REFUSED)
def test_anything_else_is_one_sentence_at_the_call(ids, said, tmp_path):
    rows = len(ids) if hasattr(ids, "__len__") else 1
    with RunWriter.create(
        tmp_path / "run", given_label=np.arange(N) % C, n_classes=C, n_epochs=1, source=TEXTS
    ) as log:
        with pytest.raises(UsageError, match=said) as caught:
            log.record(ids, np.zeros((rows, C)))
        assert "\n" not in str(caught.value)
        log.record([4], np.zeros((1, C)))  # and nothing of the bad batch is kept
        log.end_epoch(1)
    loss = RunReader(tmp_path / "run").signals(["loss"]).set_index("sample_id")["loss"]
    assert loss.dropna().index.tolist() == [4]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"logits": np.full((2, C), "0.1")}, "logits must hold real numbers, got <U3"),
        ({"logits": np.zeros((2, C), complex)}, "logits must hold real numbers, got complex128"),
        ({"logits": [[0, 1, 2], [0, 1]]}, "logits is no array of numbers"),
        ({"logits": np.zeros((2, C)), "loss": [None, 1.0]}, "loss must hold real numbers"),
        ({"logits": torch.zeros(2, C, dtype=torch.complex64)}, "got torch.complex64"),
    ],
)
def test_what_holds_no_numbers_is_refused_at_the_call(given, said, tmp_path):
    log = RunWriter.create(tmp_path / "run", given_label=np.arange(N) % C, n_classes=C, n_epochs=1)
    with pytest.raises(UsageError, match=said):
        log.record([0, 1], **given)
    log.finish()


def test_whole_numbers_and_half_precision_are_logits_too():
    """-log softmax of (2, 0, 0) at class 0 is log(1 + 2 e^-2)."""
    expected = np.log1p(2 * np.exp(-2.0))
    for dtype in (np.int64, np.uint8, np.float16, np.float64):
        collector = EpochCollector(np.zeros(1, np.int64), C, HMSettings())
        collector.put(np.array([0]), {"logits": np.array([[2, 0, 0]], dtype)}, "none")
        loss = collector.take().columns(np.array([0]))["loss"]
        assert loss[0] == pytest.approx(expected, rel=1e-6)


def test_ids_out_of_range_that_only_a_device_knows_cost_their_rows_alone(tmp_path, monkeypatch):
    """A device's ids are not read at the call; here the host plays one."""
    log = RunWriter.create(tmp_path / "run", given_label=np.arange(N) % C, n_classes=C, n_epochs=2)
    monkeypatch.setattr(log._keys, "positions", lambda ids: ids)
    logits = np.eye(C)[[0, 1, 2]]
    log.record(torch.tensor([0, 25, 2]), logits)
    with pytest.raises(UsageError, match=r"got 0\.\.25; epoch 1 is logged without such rows"):
        log.end_epoch(1)
    log.record(torch.tensor([1]), logits[:1])
    log.end_epoch(2)
    log.finish()
    first = RunReader(tmp_path / "run").epoch_columns(1, ["loss"])["loss"]
    assert np.flatnonzero(~np.isnan(first)).size == 2
    assert RunReader(tmp_path / "run").last_epoch == 2
