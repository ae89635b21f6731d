"""The review page without its widgets: what comes next, what an event does, what the panel gets.

The panel is the part of the page that runs in the browser (`views/parts/review_panel`). A key makes
an event there at once, with an id, a time, and the sample that was on screen; the server applies
events in their order, and each of them once however often it is sent.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import numpy as np
import pandas as pd

from dashboard.presenters.gallery import data_address
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.of_run import is_criterion
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.class_changes import ClassChange
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import VERDICTS, Verdict, VerdictLog
from hmw_core.review.remaining import Remaining
from hmw_core.samples.method_parts import has_labels, method_labels
from hmw_core.samples.suggestions import suggest, suggested_label

AHEAD = 48  # pictures the browser may hold: a burst of keys empties no fewer
TOP = 3  # suggested labels
FEW = 20  # random checks, with fewer of which no single number of errors left is told
RECENT = 12  # verdicts that can be taken back after the page was closed
MODES = {
    "new": "not judged yet",
    "open": "unsure and skipped again",
    "second": "judged by others, not yet by you",
    "disagree": "where reviewers disagree",
    "all": "all of them again",
}
OTHERS = ("second", "disagree")  # what others have judged: it says nothing of how far the queue is
LABEL_EACH = "suggestion"  # bulk: every sample to the label suggested for it
LABEL_METHOD = "method"  # bulk: every sample to the label that the method would train on


@dataclass(frozen=True)
class Place:
    """A sample where the reviewer meets it; `rank` is its place in the order of its stream."""

    sample_id: int
    stream: str
    rank: int | None = None
    score: float | None = None


class Outcome(NamedTuple):
    """What became of a list of events."""

    answered: list[str]  # ids the browser may forget
    refused: dict[str, str]  # id -> why it can never be a verdict
    failure: str | None  # why the rest could not be written and must be sent again


class Queue(NamedTuple):
    """Which of an order's samples are to be judged, and how many were."""

    order: pd.DataFrame  # columns sample_id, rank, score; most suspicious first
    done: set[int]  # judged; in a pass through old verdicts, since it began
    total: int
    judged: int
    reviewers: dict[str, int]  # who judged how many of them, most first


def queue_of(
    order: pd.DataFrame,
    log: VerdictLog,
    mode: str = "new",
    begun: Collection[str] = (),
    reviewer: str = "",
) -> Queue:
    """Return what of `order` is to be judged.

    Parameters
    ----------
    order : DataFrame
        `sample_id`, `rank`, `score`, most suspicious first.
    log : VerdictLog
    mode : str
        Of `MODES`.
    begun : collection of str
        Ids of the verdicts that stood when a pass of mode `open`, `disagree` or `all` began: they
        do not count as judged in it. By ids, since clocks of browsers differ.
    reviewer : str
        Who judges, of mode `second`.
    """
    current = log.current
    if mode == "second":
        is_mine = log.table["reviewer"] == reviewer
        order = order[order["sample_id"].isin(log.table.loc[~is_mine, "sample_id"])]
        current = log.table[is_mine].drop_duplicates("sample_id", keep="last")
        current = current.set_index("sample_id")
    if mode == "disagree":
        order = order[order["sample_id"].isin(_disagreed(log.table, begun))]
    old = current["id"].isin(set(begun)).to_numpy(dtype=bool)
    if mode == "open":
        is_open = log.table["verdict"].isin(["unsure", "skip"]) & log.table["id"].isin(set(begun))
        order = order[order["sample_id"].isin(log.table.loc[is_open, "sample_id"])]
    mine = current if mode in ("new", "second") else current[~old]
    within = mine[mine.index.isin(order["sample_id"])]
    reviewers = within["reviewer"].value_counts()
    return Queue(
        order,
        set(map(int, mine.index)),
        len(order),
        len(within),
        {str(name): int(n) for name, n in reviewers.items()},
    )


def _disagreed(table: pd.DataFrame, begun: Collection[str]) -> pd.Index:
    """Return the samples to which two reviewers gave different labels, of the verdicts begun."""
    said = table[table["id"].isin(set(begun)) & table["verdict"].isin(["keep", "relabel"])]
    last = said.drop_duplicates(["sample_id", "reviewer"], keep="last")
    label = last["new_label"].fillna(last["given_label"])
    n_labels = label.groupby(last["sample_id"]).nunique()
    return n_labels.index[n_labels > 1]


def upcoming(
    queue: Queue,
    stream: str = "ranked",
    *,
    audit: pd.DataFrame | None = None,
    every: int = 0,
    n_seen: int = 0,
    passed: Collection[int] = (),
    most: int = AHEAD,
) -> list[Place]:
    """Return the next samples to judge, in order.

    Parameters
    ----------
    queue : Queue
    stream : {"ranked", "selection"}
    audit : DataFrame, optional
        `sample_id` and `rank` of `review.audit_sample`, whose order is followed.
    every : int
        One of so many pictures is the next of `audit`, at a place within them that is not to be
        guessed; 0 for none.
    n_seen : int
        Verdicts so far. It decides which turns are audits, so that a page opened again continues.
    passed : collection of int
        Samples to leave out besides the judged ones.
    most : int
        How many to return at most.
    """
    left_out = queue.done | set(passed)
    rows = queue.order[~queue.order["sample_id"].isin(left_out)]
    ranked = iter(rows.head(most).itertuples(index=False))
    random: Iterator[Any] = iter(())
    if audit is not None:
        drawn = audit[~audit["sample_id"].isin(left_out)]
        random = drawn.head(2 * most).itertuples(index=False)
    places: list[Place] = []
    met: set[int] = set()
    while len(places) < most:
        place = None
        if every and _is_audit_turn(n_seen + len(places), every):
            row = next((r for r in random if r.sample_id not in met), None)
            place = Place(int(row.sample_id), "audit", int(row.rank)) if row else None
        if place is None:
            row = next((r for r in ranked if r.sample_id not in met), None)
            if row is None:
                break
            place = Place(int(row.sample_id), stream, whole(row.rank), _finite(row.score))
        met.add(place.sample_id)
        places.append(place)
    return places


def _is_audit_turn(turn: int, every: int) -> bool:
    block, position = divmod(turn, every)
    return int(np.random.default_rng([every, block]).integers(every)) == position


def apply_events(run: RunReader, events: Iterable[Any], log: VerdictLog) -> Outcome:
    """Write what the browser reports to the run's review log, in order.

    An event that `log` has is answered and not written again; of one that came in meanwhile the
    file counts a single line. One that can never be a verdict on this run is refused and said;
    when the log cannot be written, the rest stays with the browser.
    """
    outcome = Outcome([], {}, None)
    known = set(log.table["id"])
    given_label = run.samples()["given_label"].to_numpy()
    waiting: list[Verdict] = []
    try:
        for event in events:
            identity = event.get("event") if isinstance(event, Mapping) else None
            if not isinstance(identity, str) or not re.fullmatch("[0-9a-f]{32}", identity):
                continue  # not from our panel
            try:
                if event.get("kind") == "undo":
                    _flush(run, waiting, outcome)
                    _undo(run, event)
                    outcome.answered.append(identity)
                elif identity in known:
                    outcome.answered.append(identity)
                else:
                    waiting.append(_verdict_of(event, run, given_label))
                    known.add(identity)
            except ValueError as error:
                if isinstance(error, UsageError):
                    raise
                outcome.answered.append(identity)
                outcome.refused[identity] = str(error)
        _flush(run, waiting, outcome)
    except UsageError as error:
        return outcome._replace(failure=str(error))
    return outcome


def _flush(run: RunReader, waiting: list[Verdict], outcome: Outcome) -> None:
    if waiting:
        verdicts.append(run, waiting)
        outcome.answered.extend(verdict.id for verdict in waiting)
        waiting.clear()


def _undo(run: RunReader, event: Mapping[str, Any]) -> None:
    # A verdict that was refused, or taken back before, needs no undo.
    if event.get("verdict_id") in set(verdicts.read(run).table["id"]):
        verdicts.undo(run, [event["verdict_id"]], _text(event, "reviewer"))


def _verdict_of(event: Mapping[str, Any], run: RunReader, given_label: np.ndarray) -> Verdict:
    """Return the verdict that an event is; the browser is not trusted with anything.

    Raises
    ------
    ValueError
        If it cannot be one, with a sentence.
    """
    sample_id, verdict, new_label = (event.get(k) for k in ("sample_id", "verdict", "new_label"))
    if type(sample_id) is not int or not 0 <= sample_id < len(given_label):
        raise ValueError(f"a verdict on sample {sample_id!r}, which this run does not have")
    given = int(given_label[sample_id])
    if verdict not in VERDICTS:
        raise ValueError(f"sample {sample_id}: {verdict!r} is none of {', '.join(VERDICTS)}")
    if verdict != "relabel":
        new_label = None
    elif type(new_label) is not int or not 0 <= new_label < run.n_classes:
        raise ValueError(f"sample {sample_id}: there is no class {new_label!r}")
    elif new_label == given:
        verdict, new_label = "keep", None
    criterion, rank = event.get("criterion"), event.get("rank")
    stream = event.get("stream")
    return Verdict(
        sample_id,
        verdict,
        given,
        new_label,
        reviewer=_text(event, "reviewer"),
        criterion=criterion if is_criterion(run, criterion) else None,
        rank=rank if type(rank) is int and 1 <= rank <= len(given_label) else None,
        stream=stream if stream in verdicts.STREAMS else "ranked",
        note=_text(event, "note"),
        time=_time(event.get("time")),
        id=event["event"],
    )


def bulk_verdicts(
    run: RunReader,
    sample_ids: Sequence[int],
    verdict: str,
    label: int | str | None,
    *,
    token: str,
    time: str,
    reviewer: str,
    criterion: str | None = None,
    note: str = "",
    epoch: int | None = None,
) -> list[Verdict]:
    """Return one verdict for each sample of a selection.

    `label` is the new one, `LABEL_EACH` or `LABEL_METHOD`; a sample whose given label it is, is
    kept, and one without a suggestion is unsure. The ids follow from `token`, so that a
    confirmation pressed twice says the same twice, which the log counts once; it is also their
    batch, by which all are taken back at once.
    """
    given_label = run.samples()["given_label"].to_numpy()
    labels: dict[int, Any] = dict.fromkeys(sample_ids, label)
    if label == LABEL_EACH:
        labels = dict(suggested_label(run, sample_ids, epoch).items())
    made = []
    if label == LABEL_METHOD:
        labels = dict(method_labels(run, epoch).items())
    for sample_id in sample_ids:
        said = verdict
        new: Any = None
        if verdict == "relabel":
            new = labels[sample_id]
            said = "unsure" if pd.isna(new) else "relabel"
            if said == "relabel" and int(new) == given_label[sample_id]:
                said = "keep"
        made.append(
            Verdict(
                int(sample_id),
                said,
                int(given_label[sample_id]),
                int(new) if said == "relabel" else None,
                reviewer=reviewer,
                criterion=criterion,
                stream="selection",
                note=note,
                time=time,
                id=uuid5(UUID(token), str(sample_id)).hex,
                batch=token,
            )
        )
    return made


def counted(made: Sequence[Verdict], class_names: Sequence[str]) -> str:
    """Return what verdicts say, with counts: "2 keep, 38 relabel to truck"."""
    said = Counter((v.verdict, v.new_label) for v in made)
    words = [
        (n, f"{n:,} {verdict}" if new is None else f"{n:,} relabel to {class_names[new]}")
        for (verdict, new), n in said.items()
    ]
    shown = [text for _, text in sorted(words, key=lambda word: -word[0])]
    more = f" and {len(shown) - 4} more kinds" if len(shown) > 4 else ""
    return (", ".join(shown[:4]) or "nothing") + more


def facts(run: RunReader, sample_ids: Sequence[int], epoch: int | None) -> dict[int, dict]:
    """Return what the panel shows of each sample, true label included; JSON values.

    `given_label`, `predicted_label` after the epoch, `true_label` (null where unknown),
    `suggestions` (label and share of the epochs, the given label left out), and `picture`, a data
    URI, null where there is none. A suggestion that is the training method's own label, too, has
    `by_method`; one that no or few epochs voted for comes last.
    """
    ids = [int(i) for i in sample_ids]
    if not ids:
        return {}
    last = run.last_epoch if epoch is None else epoch
    samples = run.samples().loc[ids]
    signals = run.signals(["predicted_label"], sample_id=ids, epochs=[last])
    predicted = dict(zip(signals["sample_id"], signals["predicted_label"], strict=True))
    votes = suggest(run, ids, epoch, top=TOP + 1)
    given = samples["given_label"].to_dict()
    others = votes[votes["label"].to_numpy() != votes["sample_id"].map(given).to_numpy()]
    own = method_labels(run, epoch) if has_labels(run) else None
    pictures = run.images(ids)
    found = {}
    for row in samples.itertuples():
        voted = others[others["sample_id"] == row.sample_id]
        best = dict(zip(voted["label"].astype(int), voted["share"].astype(float), strict=True))
        by_method = None if own is None else whole(own[row.sample_id])
        offered = list(best)[:TOP]
        if by_method is not None and by_method not in (*offered, row.given_label):
            offered = [*offered[: TOP - 1], by_method]
        found[int(row.sample_id)] = {
            "sample_id": int(row.sample_id),
            "given_label": int(row.given_label),
            "true_label": whole(row.true_label),
            "predicted_label": whole(predicted.get(row.sample_id)),
            "suggestions": [
                {"label": label, "share": best.get(label, 0.0)}
                | ({"by_method": True} if label == by_method else {})
                for label in offered
            ],
            "picture": data_address(pictures[i])[0] if (i := row.sample_id) in pictures else None,
        }
    return found


def item(
    place: Place,
    known: Mapping[str, Any],
    criterion: Criterion,
    total: int,
    *,
    hide: bool,
    reveal: bool,
) -> dict[str, Any]:
    """Return a sample as the panel gets it.

    Parameters
    ----------
    place : Place
    known : mapping
        Of `facts`.
    criterion : Criterion
    total : int
        Samples that the criterion ranks.
    hide : bool
        Leave rank and score out of what is shown: they would tell an audit sample.
    reveal : bool
        Tell the true label.
    """
    told = {**known, "stream": place.stream, "rank": place.rank}
    where = [f"sample {place.sample_id}"]
    if not hide and place.stream != "audit" and place.rank is not None:
        where.append(f"rank {place.rank:,} of {total:,}")
    if not hide and place.score is not None:
        unit = criterion.unit
        where.append(f"{place.score:.4g}{'' if unit in ('', '1') else f' {unit}'}")
    told["where"] = " · ".join(where)
    told["no_suggestion"] = "No epoch predicted another class than the given one."
    if not reveal:
        del told["true_label"]
    return told


def recent(log: VerdictLog, queue: Queue, reviewer: str, begun: Collection[str]) -> pd.DataFrame:
    """Return the last verdicts of a reviewer that undo may take back, oldest first."""
    table = log.table
    mine = table[(table["reviewer"] == reviewer) & ~table["id"].isin(set(begun))]
    mine = mine[mine["sample_id"].isin(queue.done)]
    return mine.drop_duplicates("sample_id", keep="last").tail(RECENT)


def verdict_text(verdict: str, new_label: Any, class_names: Sequence[str]) -> str:
    """Return a verdict in a word or two."""
    return f"→ {class_names[int(new_label)]}" if verdict == "relabel" else verdict


def change_text(change: ClassChange, class_names: Sequence[str]) -> str:
    """Return a change of a class in words."""
    name = class_names[change.label]
    if change.name is not None:
        return f"{name} is called {change.name}"
    return f"all samples of {name} become {class_names[change.into or 0]}"


def history_table(rows: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
    """Return the rows of `review.history` as they are read."""

    def name(label: Any) -> str:
        return "" if pd.isna(label) else class_names[int(label)]

    def what(row: Any) -> str:
        if row.kind in ("merge", "rename"):
            new = None if pd.isna(row.new_label) else int(row.new_label)
            change = ClassChange(
                int(row.given_label), new, None if new is not None else row.verdict
            )
            return change_text(change, class_names)
        said = "several verdicts" if row.verdict is None or pd.isna(row.verdict) else row.verdict
        return f"→ {name(row.new_label)}" if pd.notna(row.new_label) else str(said)

    def which(row: Any) -> str:
        if pd.notna(row.sample_id):
            return f"sample {row.sample_id}"
        return "" if pd.isna(row.n_samples) else f"{row.n_samples:,} samples"

    told = list(rows.itertuples())
    times = pd.to_datetime(rows["time"], utc=True, errors="coerce", format="ISO8601")
    return pd.DataFrame(
        {
            "Time (UTC)": times.dt.strftime("%Y-%m-%d %H:%M:%S").fillna("unknown").tolist(),
            "Reviewer": rows["reviewer"].tolist(),
            "Of": [which(row) for row in told],
            "Given label": [name(row.given_label) for row in told],
            "What": [what(row) for row in told],
            "Note": rows["note"].tolist(),
            "Taken back": [
                ""
                if row.undone_at is None or pd.isna(row.undone_at)
                else f"by {row.undone_by or 'nobody named'}, {row.undone_at[:16]}"
                for row in told
            ],
        }
    )


def headline(left: Remaining, log: VerdictLog, given_label: int | None) -> str:
    """Return how many label errors are left, and what to do next: the first line of the review.

    `left` may be of a moment ago; what is judged and wrong is counted of `log`, of the class.
    """
    said = log.current
    if given_label is not None:
        said = said[said["given_label"] == given_label]
    n_found = int((said["verdict"] == "relabel").sum())
    n_judged = n_found + int((said["verdict"] == "keep").sum())
    known = f"{n_judged:,} of {left.n_samples:,} samples judged, {n_found:,} wrong"
    rest = left.n_samples - n_judged - left.n_unresolved
    next_step = {
        "stop": "stop here and take the labels in step 3",
        "go on": "judge on",
        "audit more": "judge on; the random checks among the pictures make this surer",
    }[left.action]
    if left.estimate is None:
        return f"{known}. How many errors are left only random checks can tell. Next: judge on."
    errors = f"about {left.estimate:,.0f} [{left.low:,}, {left.high:,}] errors are left"
    if left.n_audited < FEW and left.low != left.high:  # a best guess would promise too much
        errors = f"{left.low:,} to {left.high:,} errors are left"
        next_step += f" (only {left.n_audited:,} random checks so far)"
    return f"{known}; {errors} among the {rest:,} others. Next: {next_step}."


def progress(queue: Queue) -> str:
    """Return how many are judged, and by whom."""
    who = [f"{name or 'without a name'} {n:,}" for name, n in queue.reviewers.items()]
    more = f" and {len(who) - 3} more" if len(who) > 3 else ""
    by = f" ({', '.join(who[:3])}{more})" if who else ""
    return f"{queue.judged:,} of {queue.total:,} judged{by}"


def last_word(log: VerdictLog) -> str:
    """Return who wrote the last verdict, and when."""
    if log.table.empty:
        return "no verdict yet"
    last = log.table.iloc[-1]
    when = pd.to_datetime(last["time"], utc=True, errors="coerce", format="ISO8601")
    clock = "at an unknown time" if pd.isna(when) else f"{when:%Y-%m-%d %H:%M:%S} UTC"
    return f"all saved · last by {last['reviewer'] or 'nobody named'}, {clock}"


def now() -> str:
    """Return the time as the review log writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _time(text: Any) -> str:
    """Return the browser's time as the log writes it: the same text for an event sent twice."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"a verdict came without a time that can be read ({text!r:.40})") from None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _text(event: Mapping[str, Any], name: str) -> str:
    """Return a text of the browser's, without what no file can hold."""
    text = event.get(name)
    line = " ".join(text.split())[:500] if isinstance(text, str) else ""
    return line.encode("utf-8", "replace").decode("utf-8")


def whole(value: Any) -> int | None:
    """Return a whole number that may be null."""
    return None if value is None or pd.isna(value) else int(value)


def _finite(value: Any) -> float | None:
    return float(value) if pd.notna(value) and math.isfinite(value) else None
