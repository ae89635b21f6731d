"""Arrays in pickles, read without running anything that a pickle asks for.

A pickle names functions to call, so loading a foreign one runs foreign code. Here names stand for
our own small classes, of numpy's and torch's arrays only; every other name is refused. numpy's own
classes are not called either: they trust the state that a pickle hands them.
"""

import io
import math
import pickle
import re
import struct
import zipfile
from typing import Any

import numpy as np

# What a damaged or malicious stream makes of an unpickler and of our classes.
DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError,
    RecursionError, TypeError, ValueError, struct.error, zipfile.BadZipFile,
)  # fmt: skip
LEGACY_TORCH = 0x1950A86A20F9469CFC6C  # what files of torch before 1.6 begin with
_TORCH_TYPES = {
    "Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "b1",
    "Double": "f8", "Float": "f4", "Half": "f2",
}  # fmt: skip


def arrays_in_pickle(file: io.BytesIO, storages: zipfile.ZipFile | None = None) -> dict[str, Any]:
    """Return the arrays of a pickled array, list or dict of them, by name; a single one is `label`.

    Parameters
    ----------
    file : binary stream
    storages : ZipFile, optional
        The file of torch that holds the numbers of the pickle's tensors.

    Raises
    ------
    pickle.UnpicklingError
        If it holds anything but arrays, tensors, plain values and containers of them.
    """
    try:
        found = _Reader(file, storages).load()
        if isinstance(found, int) and found == LEGACY_TORCH:
            _, _, found = (_Reader(file, storages).load() for _ in range(3))
        if isinstance(found, _Array) and found.shape == ():
            found = found.data[0]
        if not isinstance(found, dict):
            found = {"label": found}
        arrays = {str(name): _as_array(value) for name, value in found.items()}
        return {name: array for name, array in arrays.items() if array is not None}
    except DAMAGE as error:
        raise pickle.UnpicklingError(f"the pickle is damaged ({type(error).__name__})") from None


class _Reader(pickle._Unpickler):  # type: ignore[name-defined]
    """The unpickler in Python: that in C can be made to allocate any memory by a single byte."""

    def __init__(self, file: io.BytesIO, storages: zipfile.ZipFile | None) -> None:
        super().__init__(file)
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        """Return what we have for a name."""
        if module == "torch" and name.removesuffix("Storage") in _TORCH_TYPES:
            return np.dtype("<" + _TORCH_TYPES[name.removesuffix("Storage")])
        known = _KNOWN.get((module.replace("numpy._core", "numpy.core"), name))
        if known is None:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}; only arrays, tensors and plain values are read"
            )
        return known

    def persistent_load(self, pid: Any) -> Any:
        """Return the numbers of a tensor."""
        _, dtype, key, *_ = pid
        if self.storages is None:
            raise pickle.UnpicklingError("it holds tensors of an old torch; save arrays of numpy")
        (name,) = (n for n in self.storages.namelist() if n.endswith(f"/data/{key}"))
        if self.storages.getinfo(name).compress_type != zipfile.ZIP_STORED:
            raise pickle.UnpicklingError("its tensors are compressed, which torch never does")
        return np.frombuffer(self.storages.read(name), dtype)


class _Dtype:
    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch(r"[biufSUO]\d+", code):
            raise pickle.UnpicklingError(f"it holds an array of the type {code!r}")
        self.code, self.order = code, "|"

    def __setstate__(self, state: tuple) -> None:
        self.order = {"<": "<", ">": ">"}.get(state[1], "|")

    @property
    def numpy(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class _Array:
    """An array whose state is kept until it is asked for."""

    shape: tuple[int, ...] = (0,)
    data: Any = b""

    def __init__(self, *_: Any) -> None:
        self.dtype, self.is_fortran = _Dtype("f8"), False

    def __setstate__(self, state: tuple) -> None:
        _, self.shape, self.dtype, self.is_fortran, self.data = state

    @property
    def numpy(self) -> np.ndarray | None:
        if self.dtype.code[0] == "O":
            return _as_array(list(self.data))
        flat = np.frombuffer(self.data, self.dtype.numpy)
        return flat.reshape(self.shape[::-1]).T if self.is_fortran else flat.reshape(self.shape)


def _as_array(value: Any) -> np.ndarray | None:
    """Return an array, a tensor or a flat list as an array; None for anything else."""
    if isinstance(value, _Array):
        return value.numpy
    if isinstance(value, list):
        kinds = {type(v) for v in value}
        return np.array(value) if kinds <= {int, float, bool} or kinds == {str} else None
    return value if isinstance(value, np.ndarray) else None


def _from_buffer(data: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", data))
    return array


def _scalar(dtype: _Dtype, data: bytes) -> Any:
    return np.frombuffer(data, dtype.numpy)[0].item()


def _tensor(storage: np.ndarray, start: int, shape: tuple[int, ...], stride: Any, *_: Any) -> Any:
    steps = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    if steps != tuple(stride):
        raise pickle.UnpicklingError("it holds a tensor that is not contiguous")
    return storage[start : start + math.prod(shape)].reshape(shape)


_KNOWN = {
    ("collections", "OrderedDict"): dict,
    ("_codecs", "encode"): lambda text, _: text.encode("latin1"),
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
}
