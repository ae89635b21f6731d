"""How the ranks of a few samples change over the epochs, and when their labels were memorised."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Mark, Panel, Points
from dashboard.drawing.style import role_looks
from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import chosen_samples
from hmw_core.criteria.compute import why_absent
from hmw_core.criteria.of_run import criteria_of, pick_criterion
from hmw_core.errors import UsageError
from hmw_core.laboratory import timeline
from hmw_core.laboratory.memorised import fitted
from hmw_core.log.reader import RunReader


def prepare(
    run: RunReader,
    criterion: str | None = None,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Return role, sample_id, title, epoch, rank, n_ranked and first_memorised, a row an epoch.

    Parameters
    ----------
    run : RunReader
    criterion : str, optional
        Of the run. Default: IAM, or where the log cannot have it the first it can.
    given_label : int, optional
        Class of the samples taken by rule; ranks are among all samples.
    sample_ids : sequence of int, optional
        The samples. Default: those of `selection.chosen_samples`.

    Returns
    -------
    DataFrame
        `rank` 1 is the most suspicious of `n_ranked`, up to and with `epoch`; null without a
        score. `first_memorised` as `memorised.fitted` has it, null where never or not to be told.

    Raises
    ------
    CannotShow
        If no sample can be chosen, or the log does not hold what the criterion reads.
    """
    roles = chosen_samples(run, given_label, sample_ids)
    if criterion is None:
        able = [
            name
            for name in ("iam", *criteria_of(run))
            if why_absent(run, pick_criterion(run, name)) is None
        ]
        if not able:
            raise CannotShow(f"run {run.name!r} logged nothing that any criterion reads")
        criterion = able[0]
    chosen = pick_criterion(run, criterion)
    reason = why_absent(run, chosen)
    if reason:
        raise CannotShow(f"run {run.name!r} has no {chosen.title}: {reason}")
    ranks = timeline.rank_table(run, criterion, timeline.shown_epochs(run.epochs()))
    try:
        memorised = fitted(run)["first_memorised"]
    except UsageError:  # a log without predictions still has ranks
        memorised = pd.Series(pd.NA, index=ranks.index, dtype="Int64")
    parts = []
    for row in roles.itertuples():
        rank = ranks.loc[row.sample_id].astype("Int64").replace(0, pd.NA)
        said = row.role if str(row.sample_id) in str(row.role) else f"{row.role}, {row.sample_id}"
        parts.append(
            pd.DataFrame(
                {
                    "role": row.role,
                    "sample_id": row.sample_id,
                    "title": f"{said}: given {row.given_name}",
                    "epoch": ranks.columns.astype(int),
                    "rank": rank.array,
                    "n_ranked": (ranks > 0).sum().to_numpy(),
                    "first_memorised": memorised.loc[row.sample_id],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    if table["rank"].isna().all():
        raise CannotShow(f"run {run.name!r} has no score by {chosen.title} of these samples")
    table["first_memorised"] = table["first_memorised"].astype("Int64")
    return table.assign(criterion=criterion, criterion_title=chosen.title)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a line a sample, a diamond where its label was memorised."""
    samples = list(table.groupby("sample_id", sort=False))
    looks = role_looks([part["role"].iloc[0] for _, part in samples])
    marks: list[Mark] = []
    for (sample_id, part), (colour, dash) in zip(samples, looks, strict=True):
        known, first = part.dropna(subset="rank"), part["first_memorised"].iloc[0]
        name = shorten(part["title"].iloc[0], 44)
        hover = f"sample {sample_id}<br>epoch %{{x}}: rank %{{y:,}}"
        marks.append(
            Line(known["epoch"], known["rank"].astype(int), colour, name, dash, hover=hover)
        )
        # The first stop at or after the epoch of memorising, if there is one with a rank.
        at = known[:0] if pd.isna(first) else known[known["epoch"] >= first].head(1)
        if len(at):
            hover = f"sample {sample_id}<br>memorised for good at epoch {first}"
            look: dict[str, Any] = {"symbol": "diamond", "size": 11, "hover": hover}
            marks.append(Points(at["epoch"], at["rank"].astype(int), colour, **look))
    ends = (max(int(table["n_ranked"].max()), 2) * 1.2, 0.8)
    y = Axis(f"Rank by {table['criterion_title'].iloc[0]}", ends, log=True, whole=True)
    return Drawing([Panel(marks, EPOCH, y)])


FIGURE = FigureSpec(
    title="Ranks from epoch to epoch",
    paper="",
    look_for=(
        "Rank 1, at the top, is the most suspicious. A mislabeled sample should be near the top "
        "and stay there after its label was memorised (diamond: from then on its given label was "
        "always predicted); a hard clean one should sink."
    ),
    prepare=prepare,
    drawing=drawing,
)
