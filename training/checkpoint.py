"""The checkpoint: everything resume needs besides the log and the config."""

import io
import pickle
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hmw_core.errors import UsageError
from hmw_core.log.layout import write_whole
from training.methods.base import Method

State = dict[str, Any]


def snapshot(method: Method, epoch: int) -> State:
    """Return a copy of the method's state on the host, which training on does not change."""
    return _copied(_state(method, epoch))


def saver(method: Method, epoch: int, folder: Path) -> Callable[[], None]:
    """Return what writes the checkpoint of now in place of the run's last one.

    On a device the state is copied, and packed by whoever calls the result: a thread beside the
    training. On a host it is packed here: such a thread would take a processor from the training
    for longer than this takes.
    """
    if all(value.device.type == "cpu" for value in method.state_dict().values()):
        return partial(write_whole, _path(folder), _packed(_state(method, epoch)))
    state = snapshot(method, epoch)
    return lambda: write_whole(_path(folder), _packed(state))


def _state(method: Method, epoch: int) -> State:
    return {
        "epoch": epoch,
        "method": method.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in method.optimizers],
    }


def _packed(state: State) -> memoryview:
    packed = io.BytesIO()  # on a full disk torch.save itself raises RuntimeErrors, not OSError
    torch.save(state, packed)
    return packed.getbuffer()


def load(folder: Path) -> State | None:
    """Return the run's checkpoint, or None if it was stopped before the first.

    Raises
    ------
    UsageError
        If the file is damaged.
    """
    path = _path(folder)
    if not path.exists():
        return None
    try:
        if not zipfile.is_zipfile(path):  # what torch.save writes; torch.load of less raises much
            raise RuntimeError("it is cut off or no checkpoint")
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, pickle.UnpicklingError) as error:
        raise UsageError(f"{path} cannot be read, so the run cannot go on: {error}") from None


def restore(state: State, method: Method) -> None:
    """Bring the method to where the snapshot was taken."""
    method.load_state_dict(state["method"])
    for optimizer, saved in zip(method.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)


def _path(folder: Path) -> Path:
    return folder / "checkpoint.pt"


def _copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value
