"""Which samples are picked, in the order of the clicks; the last one is shown below the map.

The address has all of them as `pick=`, and the last as `sample=`, which alone is enough, too.
"""

import numpy as np
import streamlit as st

from dashboard.presenters import linked
from dashboard.presenters.linked import Samples
from dashboard.views.parts.choices import keep_text, plain, remember, set_text
from hmw_core.log.reader import RunReader

MOST_SUSPICIOUS = "first"  # instead of an id


def picked_samples(run: RunReader, samples: Samples, criterion: str) -> list[int]:
    """Return the picked samples, with the one that the address asks for as the last."""
    text = keep_text("pick", run)
    picked = linked.numbers(text, run.n_samples)
    if picked is None:
        st.warning(f"Picked samples: “{plain(text)}” is not a list of samples of this run.")
    picked = picked or []
    asked = st.query_params.get("sample")
    if asked is not None and asked != st.session_state["address"].get("sample"):
        found = _asked(run, samples, criterion, asked)
        if found is None:
            st.warning(
                f"Sample: there is no “{plain(asked)}” here, ids are 0 to {run.n_samples - 1}."
            )
        else:
            picked = [*(i for i in picked if i != found), found]
    pick(picked)
    return picked


def pick(sample_ids: list[int]) -> None:
    """Let these be the picked samples."""
    set_text("pick", ",".join(map(str, sample_ids)))
    remember("sample", str(sample_ids[-1]) if sample_ids else None)


def kept_picks() -> list[int]:
    """Return the picked samples, in a callback too."""
    return [int(word) for word in st.session_state["kept pick"].split(",") if word]


def toggle(sample_id: int) -> None:
    """Pick a sample, or take its pick back."""
    picked = kept_picks()
    others = [i for i in picked if i != sample_id]
    pick(others if len(others) < len(picked) else [*picked, sample_id])


def go_to(sample_id: int) -> None:
    """Show another sample in place of the last picked one."""
    pick([*(i for i in kept_picks()[:-1] if i != sample_id), sample_id])


def _asked(run: RunReader, samples: Samples, criterion: str, text: str) -> int | None:
    """Return the sample that a text asks for; of several, as another page has them, the first."""
    if text == MOST_SUSPICIOUS:
        return int(samples.order(criterion)[0]) if run.last_epoch else None
    words = text.replace(",", " ").split()
    found = linked.numbers(words[0], run.n_samples) if words else None
    return found[0] if found else None


def as_array(sample_ids: list[int]) -> np.ndarray:
    """Return ids as an array that indexes."""
    return np.array(sample_ids, dtype=np.int64)
