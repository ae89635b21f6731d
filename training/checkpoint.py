"""The checkpoint: everything resume needs besides the log and the config."""

import io
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hmw_core.errors import UsageError
from hmw_core.log.layout import write_whole
from training.methods.base import Method

State = dict[str, Any]
WRONG_CONTENT = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, EOFError, OSError),
    *(OverflowError, MemoryError, pickle.UnpicklingError, zipfile.BadZipFile, zlib.error),
)
"""What Python and torch raise of bytes that are no checkpoint, or not this run's."""


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
        If the file is damaged, of which it holds checksums, or no checkpoint.
    """
    try:
        content = _path(folder).read_bytes()
    except FileNotFoundError:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:  # what torch.save writes
            damaged = parts.testzip()
        if damaged is not None:
            raise UsageError(f"the checksum of its part {damaged} does not fit")
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise UsageError(f"it holds a {type(state).__name__}")
        if type(state["epoch"]) is not int or state["epoch"] < 1:
            raise UsageError(f"its epoch is {state['epoch']!r}")
    except WRONG_CONTENT as error:
        raise UsageError(_refusal(folder, "cannot be read", error)) from None
    return state


def restore(state: State, method: Method, folder: Path) -> None:
    """Bring the method to where the run's checkpoint was taken.

    Raises
    ------
    UsageError
        If it is not one of this network, method and optimizer.
    """
    try:
        wanted = {name: (value.shape, value.dtype) for name, value in method.state_dict().items()}
        found = {name: (value.shape, value.dtype) for name, value in state["method"].items()}
        for name in wanted.keys() | found.keys():
            if wanted.get(name) != found.get(name):
                raise UsageError(f"of {name} it has {found.get(name)}, not {wanted.get(name)}")
        method.load_state_dict(state["method"])
        for optimizer, saved in zip(method.optimizers, state["optimizers"], strict=True):
            settings = [group.keys() for group in optimizer.param_groups]
            optimizer.load_state_dict(saved)
            for names, group in zip(settings, optimizer.param_groups, strict=True):
                _check_optimizer(names, group, optimizer.state)
    except WRONG_CONTENT as error:
        raise UsageError(_refusal(folder, "does not fit this run", error)) from None


def _check_optimizer(
    names: Iterable[str], group: Mapping[str, Any], states: Mapping[torch.Tensor, Mapping[str, Any]]
) -> None:
    """Refuse what torch takes without a look and stumbles over in the next step."""
    for name in ("lr", "momentum", "weight_decay"):
        if name in names and not isinstance(group[name], (int, float)):
            raise UsageError(f"its {name} is {group[name]!r}")
    kept = {"momentum_buffer"} if "momentum" in names else {"step", "exp_avg", "exp_avg_sq"}
    for parameter in group["params"]:
        state = states.get(parameter, {})
        if state and state.keys() != kept:
            raise UsageError(f"its optimizer keeps {', '.join(map(str, state))}")
        for name, value in state.items():
            if value is not None and value.shape not in (parameter.shape, torch.Size()):
                raise UsageError(f"its {name} has shape {tuple(value.shape)}")


def _refusal(folder: Path, what: str, error: Exception) -> str:
    # Of torch's words the first sentence: the others advise to run what is in the file.
    reason = " ".join(str(error).split()).split(". ")[0][:200] or type(error).__name__
    if isinstance(error, KeyError):
        reason = f"it lacks {reason}"
    return (
        f"{_path(folder)} {what}, so the run cannot go on from it: {reason}. The logged epochs are "
        "not touched; if you delete this file, `resume` trains again from the first epoch"
    )


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
