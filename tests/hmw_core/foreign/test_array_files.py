"""Files of numpy and torch are read without running anything; CIFAR-10N's are among them."""

import collections
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch

from hmw_core.errors import UsageError
from hmw_core.foreign.array_files import arrays_in_file

LABELS = {"clean_label": np.array([3, 1, 2]), "worse_label": np.array([3, 0, 2], np.int32)}


def of_torch(value, **options) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def of_numpy(value) -> bytes:
    file = io.BytesIO()
    np.save(file, value, allow_pickle=True)
    return file.getvalue()


def of_npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def by_numpy_1(content: bytes) -> bytes:
    """Return a file of torch as it is with numpy 1, with which the published files were made."""
    old = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as new, zipfile.ZipFile(old, "w") as file:
        for name in new.namelist():
            inside = new.read(name)
            assert b"numpy._core." in inside or not name.endswith("data.pkl")
            file.writestr(name, inside.replace(b"numpy._core.", b"numpy.core."))
    return old.getvalue()


SAME = {
    "torch": of_torch(LABELS),
    "torch before 1.6": of_torch(LABELS, _use_new_zipfile_serialization=False),
    "torch, by numpy 1": by_numpy_1(of_torch(LABELS)),
    "lists": of_torch({name: array.tolist() for name, array in LABELS.items()}),
    "tensors": of_torch({name: torch.from_numpy(array) for name, array in LABELS.items()}),
    "parts of one tensor": of_torch(
        dict(zip(LABELS, torch.tensor([[3, 1, 2], [3, 0, 2]]).unbind(), strict=True))
    ),
    "ordered": of_torch(collections.OrderedDict(LABELS)),
    "an array of one dict": of_numpy(np.array(LABELS, dtype=object)),
    "npz": of_npz(**LABELS),
    "pickle of protocol 2": pickle.dumps(LABELS, protocol=2),
    "pickle of protocol 5": pickle.dumps(LABELS, protocol=5),
    "big endian": pickle.dumps({name: array.astype(">i8") for name, array in LABELS.items()}),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_arrays_come_out(case):
    content = SAME[case]
    found = arrays_in_file(content, "f")
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in LABELS.items()
    }


@pytest.mark.parametrize(
    "value",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(["cat", "ox"]),
        np.array([True, False]),
        np.array([0, 7, 2], dtype=object),
        [np.int64(4), np.int64(5)],
    ],
    ids=str,
)
def test_a_single_array_is_called_label(value):
    for content in (of_numpy(np.asarray(value)), pickle.dumps(value)):
        assert arrays_in_file(content, "f")["label"].tolist() == np.asarray(value).tolist()


class Runs:
    """What a malicious pickle does: it asks for a function to be called."""

    def __init__(self, function, *arguments) -> None:
        self.called = function, arguments

    def __reduce__(self):
        return self.called


MALICIOUS = {
    "a command": Runs(os.system, "touch {path}"),
    "code": Runs(exec, "open({path!r}, 'w')"),
    "an attribute": Runs(getattr, "a", "upper"),
    "a file": Runs(open, "{path}", "w"),
    "numpy's loader": Runs(np.load, "{path}"),
    "torch's loader": Runs(torch.load, "{path}"),
}


@pytest.mark.parametrize("case", MALICIOUS)
@pytest.mark.parametrize("write", [of_torch, of_numpy, pickle.dumps], ids=lambda w: w.__name__)
def test_nothing_that_a_pickle_asks_for_is_run(case, write, tmp_path):
    path = tmp_path / "ran"
    function, arguments = MALICIOUS[case].called
    filled = [a.format(path=str(path)) if isinstance(a, str) else a for a in arguments]
    value = {"label": Runs(function, *filled)}
    if write is of_numpy:
        value = np.array(value, dtype=object)
    with pytest.raises(UsageError, match=r"it asks for [\w.]+; only arrays, tensors and plain"):
        arrays_in_file(write(value), "f")
    assert not path.exists()


def state_of(dtype: np.dtype, state: tuple) -> bytes:
    """Return the pickle of an array whose state says what numpy would believe."""

    class Lies:
        def __reduce__(self):
            return np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), state

    return pickle.dumps({"label": Lies()})


REFUSED = {
    "cut off": (of_torch(LABELS)[:300], "cannot be read as arrays"),
    "a header alone": (b"\x93NUMPY\x01\x00", "cannot be read as arrays"),
    "fewer numbers than its shape": (
        state_of(np.dtype("i8"), (1, (1 << 40,), np.dtype("i8"), False, b"\0" * 8)),
        r"the pickle is damaged \(ValueError\)",
    ),
    "records": (pickle.dumps({"label": np.zeros(2, dtype=[("a", int)])}), "array of the type 'V8'"),
    "a strange tensor": (of_torch(torch.arange(6).reshape(2, 3)[:, 1]), "not contiguous"),
    "a network": (of_torch(torch.nn.Linear(2, 2)), "asks for torch.nn.modules.linear.Linear"),
    "half a pickle": (pickle.dumps(LABELS)[:50], "cannot be read as arrays"),
    "a workbook": (b"PK\x05\x06" + bytes(18), "cannot be read as arrays"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_in_one_sentence(case):
    content, sentence = REFUSED[case]
    with pytest.raises(UsageError, match=sentence) as refusal:
        arrays_in_file(content, "f")
    assert "\n" not in str(refusal.value)


def test_a_pickle_that_asks_for_memory_gets_none():
    """Of the unpickler in C, this one of ten bytes takes the memory of 2**32 places."""
    assert arrays_in_file(b"\x80\x02Nr\xff\xff\xff\xff.", "f") == {}


def test_lists_within_lists_are_not_expanded():
    bomb: list = [0]
    for _ in range(60):
        bomb = [bomb, bomb]
    assert arrays_in_file(pickle.dumps({"label": [1], "bomb": bomb}), "f").keys() == {"label"}
