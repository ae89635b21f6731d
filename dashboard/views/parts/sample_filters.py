"""The filters of Inspect: their widgets, kept in the address, and what they add up to."""

from collections.abc import Callable

import streamlit as st

from dashboard.presenters.linked import (
    BOTH,
    KNOWN,
    NEITHER,
    ONLY_FIRST,
    ONLY_SECOND,
    UNJUDGED,
    UNKNOWN,
    Agreement,
    Filters,
    Limit,
)
from dashboard.views.parts.choices import (
    ALL,
    choose,
    choose_epoch,
    criterion_title,
    forget,
    keep_number,
    remember,
    with_asked,
)
from hmw_core.criteria.of_run import criteria_of
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import VERDICTS

NAMES = (
    *("true", "predicted", "mislabeled", "verdict"),
    *("limit", "top", "low", "high", "limit_epoch", "agree", "first", "second", "both_top"),
)
TOP = 500  # what the agreement of two criteria begins with
IS_MISLABELED = {ALL: "all", **{name: name for name in KNOWN}}
VERDICT = {ALL: "all", UNJUDGED: "not judged", **{name: name for name in VERDICTS}}
AGREE = {
    ALL: "does not matter",
    BOTH: "in the top of both",
    ONLY_FIRST: "in the top of the first only",
    ONLY_SECOND: "in the top of the second only",
    NEITHER: "in the top of neither",
}


def choose_filters(run: RunReader, given_label: int | None) -> tuple[Filters, int | None]:
    """Show the widgets; return the filters they make, the class among them, and the last epoch."""
    st.markdown("**Labels**")
    left, right = st.columns(2)
    with left:
        true = _label(run, "true", "True label", unknown=not run.has_true_label)
        predicted = _label(run, "predicted", "Predicted label", unknown=False)
    with right:
        wrong = _one("mislabeled", "Mislabeled", list(IS_MISLABELED), IS_MISLABELED.__getitem__)
        verdict = _one("verdict", "Verdict", list(VERDICT), VERDICT.__getitem__)
        epoch = choose_epoch(run)

    def shown(name: str) -> str:
        return "any" if name == ALL else criterion_title(run, name)

    st.markdown("**One criterion**: its most suspicious samples, or a range of its score")
    columns = st.columns([2, 1, 1, 1, 1])
    with columns[0]:
        limit = _one(
            "limit", "Criterion", [ALL, *with_asked(list(criteria_of(run)), "limit")], shown
        )
    top = keep_number("top", "Top", whole=True, container=columns[1], off=limit is None)
    low = keep_number("low", "From", container=columns[2], off=limit is None)
    high = keep_number("high", "To", container=columns[3], off=limit is None)
    at = keep_number("limit_epoch", "At epoch", whole=True, container=columns[4], off=limit is None)
    st.markdown("**Two criteria**: where they agree, and where they do not")
    columns = st.columns([3, 1])
    with columns[0]:
        which = _one("agree", "A sample is", list(AGREE), AGREE.__getitem__)
    both = keep_number("both_top", "Top", whole=True, container=columns[1], off=which is None)
    agreement = None
    pair = st.columns(2)
    if which is not None:
        names = list(criteria_of(run))
        with pair[0]:
            first = choose("first", "First", with_asked(names, "first"), shown=shown, default=0)
        with pair[1]:
            menu = with_asked(names, "second")
            second = choose("second", "Second", menu, shown=shown, default=names.index("iam"))
        agreement = Agreement(which, first, second, int(both or TOP))
        if both is None:
            st.caption(f"The top is {TOP:,} where no number is given.")
    bounds = None
    if limit is not None and not top == low == high is None:
        of_page = at is None or at > run.last_epoch or at == (epoch or run.last_epoch)
        bounds = Limit(
            limit, None if top is None else int(top), low, high, None if of_page else int(at or 0)
        )
    return Filters(given_label, true, predicted, wrong, verdict, bounds, agreement), epoch


def set_limit(criterion: str, epoch: int | None, low: float | None, high: float | None) -> None:
    """Filter by a range of a criterion's score up to an epoch, as if it was typed in."""
    values = {"limit": criterion, "top": None, "low": low, "high": high, "limit_epoch": epoch}
    for name, value in values.items():
        forget(name)
        if value is not None:
            remember(name, value if isinstance(value, str) else f"{value:.15g}")


def clear_filters() -> None:
    """Take every filter back."""
    for name in NAMES:
        forget(name)


def _label(run: RunReader, name: str, label: str, *, unknown: bool) -> int | None:
    labels = [str(c) for c in range(run.n_classes)]

    def shown(option: str) -> str:
        if option in (ALL, "unknown"):
            return option
        class_name = run.class_names[int(option)]
        return class_name if class_name == option else f"{option}: {class_name}"

    chosen = _one(name, label, [ALL, *(["unknown"] if unknown else []), *labels], shown)
    return None if chosen is None else UNKNOWN if chosen == "unknown" else int(chosen)


def _one(name: str, label: str, options: list[str], shown: Callable[[str], str]) -> str | None:
    chosen = choose(name, label, options, shown=shown, quiet=True)
    return None if chosen == ALL else chosen
