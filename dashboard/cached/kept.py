"""One decorator that keeps what a function returns until the part of the run it reads changes."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from hmw_core.log import layout
from hmw_core.log.reader import RunReader

P = ParamSpec("P")
R = TypeVar("R")

SHOWN = (
    *("run.json", "samples.parquet", "signals", "outputs", "method", "features", "metrics"),
    *("scores", "threshold", "projections", "duplicates", "proofs"),
)
"""No figure shows a verdict, and what is cached follows from the rest."""


def kept_for(
    *reads: str, max_entries: int, show_spinner: bool | str = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep what a function of one or several runs returns, for all who look at this server.

    Parameters
    ----------
    reads : str
        Parts of the run folder that it reads, such as `samples.parquet` or `signals`: it is called
        again when one of them changes. Default: all that figures show.
    max_entries : int
        How many of its values are kept, >= 1; the oldest goes first.
    show_spinner : bool or str
        What the page says meanwhile.

    Notes
    -----
    The other arguments are part of the key, too. All get the same object, so nobody changes it.
    """
    return st.cache_resource(
        max_entries=max_entries,
        show_spinner=show_spinner,
        hash_funcs={RunReader: partial(_key, reads=reads)},
    )


def _key(run: RunReader, reads: Sequence[str]) -> tuple[Any, ...]:
    return str(run.folder), run.network, version(run.folder, reads, run.network)


def version(folder: Path, reads: Sequence[str] = (), network: int = 1) -> tuple[Any, ...]:
    """Return what changes when a part of a run does: a rename into a folder changes its time."""
    # By name, never by listing: a folder may hold anything, and files come and go as it grows.
    places = dict.fromkeys([folder, layout.network_folder(folder, network)])
    parts = [place / name for place in places for name in reads or SHOWN]
    found = tuple(layout.version(part) for part in parts)
    return (*found, not reads and layout.has_writer(folder))
