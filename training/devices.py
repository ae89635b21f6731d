"""Where it is computed, in which precision, and from which seed."""

import contextlib
import os

import joblib
import numpy as np
import torch

from hmw_core.errors import UsageError


def choose_device(name: str) -> torch.device:
    """Return the device named, or for `auto` the first there is of CUDA, MPS, CPU.

    Raises
    ------
    UsageError
        If the one named is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(candidate for candidate, present in there.items() if present)
    if not there[name]:
        present = ", ".join(candidate for candidate, yes in there.items() if yes)
        raise UsageError(f"--device {name}: this machine has none; it has {present}")
    return torch.device(name)


def use_threads(wanted: int | None) -> int:
    """Compute on so many CPU threads from now on, and return how many these are.

    Where none are wanted, OMP_NUM_THREADS decides, as it does for torch; else there is one for
    each core that this process may use. What the machine does at the moment is not asked: the
    order of sums, and with it the last digits, hang on the number.
    """
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]  # a number each nested level
    cores = int(told) if told.isdigit() and int(told) else joblib.cpu_count()
    torch.set_num_threads(wanted or cores)
    return wanted or cores


def describe(device: torch.device) -> str:
    """Return the device's name for `run.json`."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def autocast(device: torch.device) -> contextlib.AbstractContextManager:
    """Return bfloat16 autocast where the device is good at it, otherwise nothing."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


def memory_format(device: torch.device) -> torch.memory_format:
    """Return channels-last on CUDA, where its convolutions are faster."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of an epoch (0: the start of the run).

    Every epoch starts from a seed of its own, so a resumed epoch draws what an unbroken run would
    have drawn, and no generator's state needs keeping.
    """
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
