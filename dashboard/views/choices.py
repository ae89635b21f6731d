"""What the reader of a page chooses; kept in the address, so that a page can be shared."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from hmw_core.criteria import CRITERIA
from hmw_core.reader import RunReader

ALL = "all"


def choose(
    name: str,
    label: str,
    options: Sequence[str],
    *,
    shown: Callable[[str], str] = str,
    default: int = 0,
    container: Any = st,
) -> str:
    """Return the option chosen, which the address keeps as `name=`.

    What the address asks for, and what was chosen on another page, comes first; where it is none
    of `options`, the page says so and takes the default.
    """
    key = f"choice {name}"
    asked = _asked(name, key)
    if asked not in options:
        if asked is not None:
            st.warning(
                f"{label}: there is no “{plain(asked)}” here, so this shows "
                f"“{plain(shown(options[default]))}”."
            )
        asked = options[default]
    st.session_state[key] = asked  # also where it is there: a widget on a new page starts empty
    value = container.selectbox(label, options, format_func=shown, key=key)
    remember(name, value)
    return value


def choose_class(run: RunReader, *, all_classes: bool = False) -> int | None:
    """Return the class chosen, `class=` in the address; None for all of them."""
    labels = [str(label) for label in range(run.n_classes)]

    def shown(label: str) -> str:
        name = "all classes" if label == ALL else run.class_names[int(label)]
        return name if name == label or label == ALL else f"{label}: {name}"

    # Text, and not None for all: a selectbox draws None as if nothing were chosen.
    label = choose("class", "Class", [ALL, *labels] if all_classes else labels, shown=shown)
    return None if label == ALL else int(label)


def choose_epoch(run: RunReader) -> int | None:
    """Return the last epoch to use, `epoch=` in the address; None for the last there is."""
    if run.last_epoch < 2:
        return None
    key = "choice epoch"
    asked = _asked("epoch", key)
    epoch = int(asked) if asked and asked.isascii() and asked.isdigit() else run.last_epoch
    if asked is not None and not 1 <= epoch <= run.last_epoch or (asked and str(epoch) != asked):
        st.warning(f"Epoch: there is no “{plain(asked)}” here, so this shows the last.")
        epoch = run.last_epoch
    st.session_state[key] = epoch
    value = st.slider("Up to epoch", 1, run.last_epoch, key=key)
    remember("epoch", None if value == run.last_epoch else str(value))
    return None if value == run.last_epoch else value


def choose_samples(run: RunReader) -> list[int] | None:
    """Return the samples named by hand, `sample=` in the address; None for those of the rule."""
    key = "choice sample"
    st.session_state[key] = _asked("sample", key) or ""
    text = st.text_input(
        "Samples", key=key, placeholder="chosen by rule", help="Ids with commas between: 3, 17"
    )
    remember("sample", text or None)
    words = text.replace(",", " ").split()
    if not all(word.isascii() and word.isdigit() for word in words):
        st.warning(f"“{plain(text)}” is not a list of sample ids such as 3, 17; it is left out.")
        return None
    return [int(word) for word in words] or None


def remember(name: str, text: str | None) -> None:
    """Keep `name=text` in the address and for the other pages; None takes it out."""
    written = st.session_state.setdefault("address", {})
    if text is None:
        written.pop(name, None)
        st.query_params.pop(name, None)
    else:
        written[name] = text
        if st.query_params.get(name) != text:
            st.query_params[name] = text


def criterion_title(name: str) -> str:
    """Return a criterion's title and which end of it is suspicious."""
    criterion = CRITERIA[name]
    return (
        f"{criterion.title} ({'low' if criterion.higher_means == 'clean' else 'high'} = suspicious)"
    )


def _asked(name: str, key: str) -> str | None:
    """Return what the widget, the address or an earlier page asks for, the newest of them."""
    written = st.session_state.setdefault("address", {}).get(name)
    in_address = st.query_params.get(name)
    if in_address is not None and in_address != written:
        return in_address  # the address was changed since the page wrote it
    if key in st.session_state:
        return str(st.session_state[key])
    return written


def plain(text: str) -> str:
    """Return a text that is not ours as Markdown shows it: as it is, and not all of a long one."""
    line = " ".join(text.split())
    short = line if len(line) <= 300 else f"{line[:299]}…"
    safe = " -_./+,;'()"
    return "".join(
        f"\\{c}" if c.isascii() and c not in safe and not c.isalnum() else c for c in short
    )
