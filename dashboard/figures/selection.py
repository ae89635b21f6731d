"""What a figure of the log is about: an epoch, a class, a few samples or groups of them."""

from collections.abc import Iterable, Sequence

import pandas as pd

from dashboard.drawing.marks import Axis, Steps
from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow
from hmw_core.criteria.compute import by_reason, why_absent
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import GROUPS, HARD_BY, HARD_FRACTION, choose_samples, groups

GROUPS_SHOWN = (*GROUPS, "unknown")
GROUP_TITLES = {
    "clean": "other clean",
    "hard": "hard clean",
    "mislabeled": "mislabeled",
    "unknown": "true label unknown",
}
SHARE = Axis("Share of the group (%)", (0, None))
MOST_SAMPLES = 6  # more lines or panels cannot be told apart


def check_epoch(run: RunReader, epoch: int | None = None) -> int:
    """Return the last epoch that a figure uses: `epoch`, or the last one logged.

    Raises
    ------
    CannotShow
        If the run has no whole epoch yet, or not this one.
    """
    if run.last_epoch == 0:
        raise CannotShow(f"run {run.name!r} has no finished epoch yet, so there is nothing to show")
    if epoch is not None and not 1 <= epoch <= run.last_epoch:
        raise CannotShow(f"run {run.name!r} has the epochs 1 to {run.last_epoch}, not {epoch}")
    return run.last_epoch if epoch is None else epoch


def absent_columns(run: RunReader, columns: dict[str, str]) -> str:
    """Return which of these the run's source did not hold, and why; empty where it held all.

    `columns` are what to look for and what to call it.
    """
    return _in_words({t: run.absent[c] for c, t in columns.items() if c in run.absent})


def absent_criteria(run: RunReader, names: Iterable[str]) -> str:
    """Return which of these criteria cannot be had from the run's source, as `absent_columns`."""
    # Quoted, since a title may have a comma in it.
    reasons = {f"“{title_of(name)}”": why_absent(run, pick_criterion(run, name)) for name in names}
    return _in_words({title: reason for title, reason in reasons.items() if reason})


def absent_hard(run: RunReader) -> str:
    """Return why no clean sample counts as hard to learn; empty where the log says which do."""
    if "loss" not in run.absent or run.samples()["true_label"].isna().all():
        return ""
    return f"no loss to tell hard clean samples by, because {run.absent['loss']}"


def of_pass(table: pd.DataFrame) -> str:
    """Return the pass whose losses, logits and accuracies a table holds, as axes call it."""
    return " and ".join(f"{name} pass" for name in dict.fromkeys(table["pass"]))


def in_sentence(*lacks: str) -> str:
    """Return what several of these functions found as one text."""
    return "; ".join(found for found in lacks if found)


def _in_words(reasons: dict[str, str]) -> str:
    return "; ".join(f"no {', '.join(w)}, because {why}" for why, w in by_reason(reasons).items())


def class_title(run: RunReader, given_label: int | None) -> str:
    """Return how titles call a class, or all of them.

    Raises
    ------
    CannotShow
        If the run has no such class.
    """
    if given_label is None:
        return "all classes"
    if not 0 <= given_label < run.n_classes:
        raise CannotShow(
            f"run {run.name!r} has the classes 0 to {run.n_classes - 1}, not {given_label}"
        )
    return f"class {run.class_names[given_label]}"


def telling_class(run: RunReader) -> int:
    """Return the class to show where none was chosen: most mislabeled, else most samples."""
    samples = run.samples()
    wrong = samples["is_mislabeled"].fillna(False).astype(int)
    of_class = wrong.groupby(samples["given_label"]).agg(["sum", "size"])
    return int(of_class.sort_values(["sum", "size"], ascending=False, kind="stable").index[0])


def one_class(
    run: RunReader, given_label: int | None, sample_ids: Sequence[int] | None
) -> int | None:
    """Return the class that an easy, a hard and a mislabeled sample are chosen from.

    The paper compares three samples of one class, so where none was chosen, and no samples by
    hand, it is `telling_class`.
    """
    if given_label is None and sample_ids is None:
        return telling_class(run)
    return given_label


def of_class(table: pd.DataFrame) -> str:
    """Return the class that a whole figure is about, for its title; empty for all of them."""
    name = str(table["class_name"].iloc[0])
    return "" if name == "all classes" else shorten(name, 60)


def chosen_samples(
    run: RunReader,
    given_label: int | None,
    sample_ids: Sequence[int] | None,
    epoch: int | None = None,
    hard_by: str = HARD_BY,
) -> pd.DataFrame:
    """Return role, sample_id, given_name and true_name (null where unknown) of a few samples.

    Those of `sample_ids` have the role `clean` or `mislabeled`, and `sample <id>` where the true
    label is unknown; without ids, they and their roles are those of `groups.choose_samples`.

    Raises
    ------
    CannotShow
        If an id is not of this run, there are more than `MOST_SAMPLES`, or none can be chosen.
    """
    title = class_title(run, given_label)
    samples = run.samples()
    if sample_ids is None:
        table = choose_samples(run, given_label, epoch, hard_by=hard_by)[["role", "sample_id"]]
        if table.empty:
            lacks = absent_columns(run, {"loss": "loss", "given_logit": "margin"})
            if lacks:
                raise CannotShow(f"run {run.name!r} has {lacks}; name samples by hand")
            raise CannotShow(f"run {run.name!r} has no sample with a logged loss in {title}")
    else:
        ids = list(dict.fromkeys(int(sample_id) for sample_id in sample_ids))
        foreign = [sample_id for sample_id in ids if not 0 <= sample_id < run.n_samples]
        if foreign or not 1 <= len(ids) <= MOST_SAMPLES:
            raise CannotShow(
                f"choose 1 to {MOST_SAMPLES} samples with ids in 0..{run.n_samples - 1} "
                f"of run {run.name!r}; got {foreign[0] if foreign else f'{len(ids)} samples'}"
            )
        wrong = samples["is_mislabeled"].loc[ids]
        names = wrong.map({True: "mislabeled", False: "clean"}).to_list()
        roles = [f"sample {i}" if pd.isna(n) else n for i, n in zip(ids, names, strict=True)]
        table = pd.DataFrame({"role": roles, "sample_id": ids})
    names_of = pd.Series(run.class_names, dtype="str")
    rows = samples.loc[table["sample_id"]]
    return table.assign(
        given_name=rows["given_label"].map(names_of).to_numpy(),
        true_name=rows["true_label"].map(names_of).to_numpy(),
    )


def sample_title(role: str, sample_id: int, given_name: str, true_name: str | None) -> str:
    """Return how legends and titles call a sample: role, id, and the labels where they differ."""
    title = role if role == f"sample {sample_id}" else f"{role}: sample {sample_id}"
    if pd.isna(true_name) or true_name == given_name:
        return f"{title}, {given_name}"
    return f"{title}, {true_name} as {given_name}"


def grouped(
    run: RunReader,
    given_label: int | None,
    epoch: int,
    hard_fraction: float = HARD_FRACTION,
    hard_by: str = HARD_BY,
) -> pd.Series:
    """Return `groups.groups` as text, `unknown` where the true label is.

    Raises
    ------
    CannotShow
        If the class has no sample.
    """
    group = groups(run, epoch, given_label, hard_fraction=hard_fraction, hard_by=hard_by)
    if group.empty:
        title = class_title(run, given_label)
        raise CannotShow(f"run {run.name!r} has no sample in {title}")
    return group.astype("object").fillna("unknown")


def hard_rule(hard_fraction: float, hard_by: str = HARD_BY) -> str:
    """Return which of the clean samples count as hard, for a title or a caption."""
    title = title_of(hard_by)
    worst = f"largest {title.lower()}" if hard_by.endswith("_loss") else f"worst {title}"
    return f"{100 * hard_fraction:g} % of {worst}"


def group_title(group: str, hard_fraction: float, hard_by: str = HARD_BY) -> str:
    """Return how legends call a group, with the rule that makes a clean sample a hard one."""
    rule = f", {hard_rule(hard_fraction, hard_by)}" if group == "hard" else ""
    return GROUP_TITLES[group] + rule


def group_steps(table: pd.DataFrame) -> list[Steps]:
    """Return a histogram a group: group, title, n_samples, bin_left, bin_right, share in [0, 1]."""
    return [
        Steps(
            [*part["bin_left"], part["bin_right"].iloc[-1]],
            100 * part["share"],
            str(group),
            f"{part['title'].iloc[0]} ({part['n_samples'].iloc[0]:,})",
            hover="from %{x:.2f}: %{y:.1f} %",
        )
        for group, part in table.groupby("group", sort=False)
    ]
