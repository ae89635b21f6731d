"""Arrays by name from files of numpy and torch, and from pickles, without running what they say."""

import io
import pickle
import zipfile
import zlib
from tokenize import TokenError

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.foreign.plain_pickle import DAMAGE, arrays_in_pickle

NPY, ZIP = b"\x93NUMPY", b"PK\x03\x04"
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
MAGIC = (NPY, ZIP, *PICKLES)


def arrays_in_file(content: bytes, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of a npy, npz, pt or pickle file by name; a single one is called `label`.

    Read are the published label files of CIFAR-10N and CIFAR-100N, among others: a dict of arrays
    in a file of torch, or in an array of one object.

    Raises
    ------
    UsageError
        If it is no such file, is damaged, or holds more than arrays and plain values.
    """
    try:
        if content.startswith(ZIP):
            return _of_zip(content, name)
        if content.startswith(NPY):
            return _of_npy(io.BytesIO(content))
        return arrays_in_pickle(io.BytesIO(content))
    except UsageError:
        raise
    except (*DAMAGE, TokenError, SyntaxError, zlib.error, pickle.PickleError) as why:
        reason = " ".join(str(why).split())[:200]
        raise UsageError(f"{name} cannot be read as arrays: {reason}") from None


def _of_npy(file: io.BytesIO) -> dict[str, np.ndarray]:
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is not None and read_header(file)[2].hasobject:
        return arrays_in_pickle(file)
    file.seek(0)
    return {"label": np.load(file, allow_pickle=False)}


def _of_zip(content: bytes, name: str) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as whole:
        names = whole.namelist()
        pickled = [n for n in names if n.endswith("data.pkl")]
        if pickled:  # a file of torch
            return arrays_in_pickle(io.BytesIO(whole.read(pickled[0])), whole)
        if not names or not all(n.endswith(".npy") for n in names):
            raise UsageError(f"{name} is a workbook or an archive; save its sheet as CSV")
        found = {n.removesuffix(".npy"): _of_npy(io.BytesIO(whole.read(n))) for n in names}
    return {n: array for n, arrays in found.items() for array in arrays.values()}
