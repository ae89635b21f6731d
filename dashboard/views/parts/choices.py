"""What the reader of a page chooses; kept in the address, so that a page can be shared."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import streamlit as st

from dashboard.drawing.text import mid_sentence, shorten
from hmw_core.criteria import MAIN_CRITERIA, OTHER_K, VARIANTS
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import criteria_of, pick_criterion, with_k
from hmw_core.log.reader import RunReader

ALL, ANY = "all", "any"
LONGEST = 40  # letters of a class's name in a menu
DIRECTION = "↓ low is suspicious, ↑ high is suspicious"
IN_ADDRESS = 4_000  # characters of a text; longer ones are kept while the page is open


def choose(
    name: str,
    label: str,
    options: Sequence[str],
    *,
    shown: Callable[[str], str] = str,
    default: int = 0,
    container: Any = st,
    quiet: bool = False,
    help: str | None = None,
    labelled: bool = True,
    width: int | Literal["stretch"] = "stretch",
) -> str:
    """Return the option chosen, which the address keeps as `name=`, if `quiet` not the default.

    What the address asks for, and what was chosen on another page, comes first; where it is none
    of `options`, the page says so and takes the default.
    """
    key = f"choice {name}"
    asked = asked_for(name, key)
    if asked not in options:
        if asked is not None:
            st.warning(
                f"{label}: there is no “{plain(asked)}” here, so this shows "
                f"“{plain(shown(options[default]))}”."
            )
        asked = options[default]
    st.session_state[key] = asked  # also where it is there: a widget on a new page starts empty
    value = container.selectbox(
        label,
        options,
        format_func=shown,
        key=key,
        label_visibility="visible" if labelled else "collapsed",
        width=width,
        help=help,
    )
    remember(name, None if quiet and value == options[default] else value)
    return value


def choose_segment(
    name: str, label: str, options: Mapping[str, str], *, container: Any = st
) -> str:
    """Return the part of a tab that was chosen, `name=` in the address unless it is the first.

    `options` are names and titles. `label` is for who cannot see the buttons.
    """
    key, first = f"choice {name}", next(iter(options))
    asked = asked_for(name, key)
    if asked not in options:
        if asked is not None:
            st.warning(f"{label}: there is no “{plain(asked)}” here.")
        asked = first
    st.session_state[key] = asked
    value = container.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        required=True,
        key=key,
        label_visibility="collapsed",
    )
    remember(name, None if value == first else value)
    return value


def settings_box(container: Any = st) -> Any:
    """Return a closed box for the choices that few readers need."""
    return container.popover("Settings", icon=":material/tune:", width="content")


def choose_criterion(
    run: RunReader, label: str, *, only_present: bool = False, other_k: bool = True
) -> str:
    """Return the criterion chosen, `criterion=` in the address; IAM where the run's log has it.

    Beside it stands `choose_k`. `only_present` leaves out main criteria that the log cannot give,
    of which other pages say why.
    """
    known = criteria_of(run)
    there = without_absent(known, run)
    default = "iam" if "iam" in there else next(iter(there), "iam")
    main = () if only_present else MAIN_CRITERIA
    names = with_asked([name for name in known if name in main or name in there], "criterion")
    shown = partial(criterion_title, run)
    name = choose(
        "criterion", label, names, shown=shown, default=names.index(default), help=DIRECTION
    )
    return with_k(name, choose_k(run, [name]) if other_k else 1)


def choose_k(run: RunReader, names: Sequence[str]) -> int:
    """Return the k of Eq. 6 for the criteria that have one, `k=` in the address; 1 is the log's.

    No choice is shown where none of `names` has another k that the run's outputs can give.
    """

    def is_there(k: int) -> bool:
        forms = {form: VARIANTS[form] for n in names if (form := with_k(n, k)) != n}
        return bool(without_absent(forms, run))

    options = ["1", *(str(k) for k in OTHER_K if is_there(k))]
    if len(options) == 1:
        return 1

    def shown(k: str) -> str:
        return "as logged" if k == "1" else f"{k} (from float16 outputs)"

    return int(choose("k", "k of TKUM", options, shown=shown, quiet=True))


def with_asked(names: Sequence[str], key: str) -> list[str]:
    """Return a menu of criteria, with those of another k or scale that the address asks for."""
    asked = (asked_for(key, f"choice {key}") or "").split(",")
    return [*names, *(name for name in asked if name in VARIANTS and name not in names)]


def choose_class(
    run: RunReader,
    *,
    all_classes: bool = False,
    text: Callable[[RunReader, int], str] | None = None,
    first: int | None = None,
    **look: Any,
) -> int | None:
    """Return the class chosen, `class=` in the address; None for all of them.

    `text` returns what the list says of a class beside its name, `first` is the class where nobody
    chose (default: all, or the first one), and `look` goes to `choose`.
    """
    labels = [str(label) for label in range(run.n_classes)]

    def shown(label: str) -> str:
        named = class_name(run, label)
        return f"{named} · {text(run, int(label))}" if text and label != ALL else named

    # Text, and not None for all: a selectbox draws None as if nothing were chosen.
    options = [ALL, *labels] if all_classes else labels
    default = 0 if first is None else options.index(str(first))
    label = choose("class", "Class", options, shown=shown, default=default, **look)
    return None if label == ALL else int(label)


def class_name(run: RunReader, label: str) -> str:
    """Return what a menu calls a class, `ALL` or `ANY`; a long name loses its middle."""
    if label in (ALL, ANY):
        return "all classes" if label == ALL else "any class"
    name = shorten(run.class_names[int(label)], LONGEST)
    return name if name == label else f"{label}: {name}"


def choose_network(run: RunReader) -> int:
    """Return the network chosen, `network=` in the address; of a run with one nothing is asked."""
    names = [str(number) for number in range(1, run.n_networks + 1)]
    if len(names) > 1:
        shown = "network {}".format
        return int(
            choose("network", "Network", names, shown=shown, quiet=True, labelled=False, width=130)
        )
    asked = st.query_params.get("network")
    if asked not in (None, "1", st.session_state.get("address", {}).get("network")):
        st.warning(f"Network: {plain(run.name)} has one network, so there is no “{plain(asked)}”.")
    forget("network")
    return 1


def choose_epoch(run: RunReader) -> int | None:
    """Return the last epoch to use, `epoch=` in the address; None for the last there is."""
    if run.last_epoch < 2:
        return None
    key = "choice epoch"
    asked = asked_for("epoch", key)
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
    st.session_state[key] = asked_for("sample", key) or ""
    text = st.text_input(
        "Samples", key=key, placeholder="chosen by rule", help="Ids with commas between: 3, 17"
    )
    remember("sample", text or None)
    ids = sample_ids_of(text)
    if ids is None:
        st.warning(f"“{plain(text)}” is not a list of sample ids such as 3, 17; it is left out.")
    return ids or None


def sample_ids_of(text: str) -> list[int] | None:
    """Return the sample ids that a text lists; None where it is no such list."""
    words = text.replace(",", " ").split()
    if not all(word.isascii() and word.isdigit() for word in words):
        return None
    return [int(word) for word in words]


def keep_number(
    name: str, label: str, *, whole: bool = False, container: Any = st, off: bool = False
) -> float | None:
    """Return a number that the address keeps as `name=`, or None where none is given.

    A `whole` number is 1 or more. `off` shows the field, but lets nobody write in it.
    """
    key = f"choice {name}"
    asked = asked_for(name, key)
    value = None if asked in (None, "None") else _number(asked or "", whole=whole)
    if value is None and asked not in (None, "None"):
        st.warning(f"{label}: “{plain(asked or '')}” is not a number it can be, so it is left out.")
    st.session_state[key] = value
    given = container.number_input(
        label,
        min_value=1 if whole else None,
        value=None,
        step=1 if whole else None,
        format=None if whole else "%g",
        key=key,
        disabled=off,
    )
    remember(name, None if given is None else f"{given:.15g}")
    return given


def choose_number(
    name: str,
    label: str,
    suggested: float,
    *,
    whole: bool = False,
    low: float | None = None,
    high: float | None = None,
    why: str = "",
    container: Any = st,
    off: bool = False,
) -> float:
    """Return the number used: the one suggested, or another that the address keeps as `name=`.

    The field shows the number in any case, with a button back to the suggestion where it is
    another; an empty field goes back, too.

    Parameters
    ----------
    name, label : str
    suggested : float
        A suggestion that changes, with the class for example, changes a field left alone.
    whole : bool
        Only integers, 1 or more unless `low` says otherwise; returned as a float all the same.
    low, high : float, optional
        Bounds, both allowed.
    why : str
        Why that is suggested, in a clause; a help beside the field says it.
    container : optional
    off : bool
        Show the field, but let nobody write in it.
    """
    key = f"choice {name}"
    kind: type[int] | type[float] = int if whole else float  # Streamlit wants all to be the same
    suggested = kind(suggested)
    low = 1 if whole and low is None else low
    low, high = (None if bound is None else kind(bound) for bound in (low, high))
    asked = asked_for(name, key)
    # What stands in a field that nobody changed is the suggestion that the page made last.
    in_address = st.query_params.get(name) or st.session_state["address"].get(name)
    left_alone = not in_address and asked == str(st.session_state.get(f"suggested {name}"))
    value: float | None = suggested
    if asked not in (None, "None") and not left_alone:
        value = _number(asked or "", whole=whole)
        if value is None or not (low or -math.inf) <= value <= (math.inf if high is None else high):
            shown = plain(asked or "")
            st.warning(f"{label}: it cannot be “{shown}”, so this takes {_in_digits(suggested)}.")
            value = suggested
    st.session_state[key] = value
    st.session_state[f"suggested {name}"] = suggested
    is_own = value != suggested
    reason = f", {why}" if why else ""
    given = container.number_input(
        label,
        min_value=low,
        max_value=high,
        value=None,
        step=1 if whole else None,
        format=None if whole else "%g",
        key=key,
        on_change=_fill,
        args=(name, suggested),
        disabled=off,
        help=f"Suggested: {_in_digits(suggested)}{reason}. An empty field takes it, too.",
    )
    if is_own and not off:
        container.button(
            f"Back to {_in_digits(suggested)}",
            icon=":material/undo:",
            key=f"reset {name}",
            type="tertiary",
            on_click=forget,
            args=(name,),
        )
    used = suggested if given is None else given
    remember(name, None if used == suggested else f"{used:.15g}")
    return used


def _fill(name: str, suggested: float) -> None:
    """Put the suggestion into a field that was emptied."""
    if st.session_state[f"choice {name}"] is None:
        st.session_state[f"choice {name}"] = suggested


def _in_digits(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def keep_text(name: str, run: RunReader) -> str:
    """Return a text about this run that was `set_text`, or is in the address as `name=`."""
    key, of = f"kept {name}", f"run of {name}"
    written = st.session_state.setdefault("address", {}).get(name)
    in_address = st.query_params.get(name)
    is_new = in_address is not None and in_address != written
    if is_new:
        st.session_state[key] = in_address
    elif st.session_state.get(of, run.name) != run.name:
        st.session_state[key] = ""  # it was about another run
    st.session_state[of] = run.name
    text = st.session_state.setdefault(key, written or "")
    remember(name, text if 0 < len(text) <= IN_ADDRESS else None)
    return text


def set_text(name: str, text: str) -> None:
    """Keep a text for `keep_text`; the address has it unless it is longer than `IN_ADDRESS`."""
    st.session_state[f"kept {name}"] = text
    remember(name, text if 0 < len(text) <= IN_ADDRESS else None)


def forget(name: str) -> None:
    """Take a choice back, on the page and in the address."""
    st.session_state.pop(f"choice {name}", None)
    remember(name, None)


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


def criterion_title(run: RunReader, name: str) -> str:
    """Return a criterion's title with an arrow to its suspicious end, as `DIRECTION` explains."""
    criterion = pick_criterion(run, name)
    return f"{criterion.title} {'↓' if criterion.higher_means == 'clean' else '↑'}"


def criterion_order(run: RunReader, name: str) -> str:
    """Return what a ranking by a criterion begins with, as a sentence says it: `lowest IAM`."""
    criterion = pick_criterion(run, name)
    end = "lowest" if criterion.higher_means == "clean" else "highest"
    return f"{end} {mid_sentence(criterion.title)}"


def asked_for(name: str, key: str) -> str | None:
    """Return what the widget, the address or an earlier page asks for, the newest of them."""
    written = st.session_state.setdefault("address", {}).get(name)
    in_address = st.query_params.get(name)
    if in_address is not None and in_address != written:
        return in_address  # the address was changed since the page wrote it
    if key in st.session_state:
        return str(st.session_state[key])
    return written


def _number(text: str, *, whole: bool) -> float | None:
    if whole:
        return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 2**53 else None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def plain(text: str) -> str:
    """Return a text that is not ours as Markdown shows it: as it is, and not all of a long one."""
    line = " ".join(text.split())
    short = line if len(line) <= 300 else f"{line[:299]}…"
    safe = " -_./+,;'()"
    return "".join(
        f"\\{c}" if c.isascii() and c not in safe and not c.isalnum() else c for c in short
    )
