"""How the ranks of a few samples change over the epochs, and when their labels were memorised."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels, role_looks
from dashboard.drawing.style import screen_figure
from dashboard.drawing.text import on_paper, on_screen, shorten
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
    """Return role, sample_id, title, epoch, rank, n_ranked and first_memorised, a row a stop.

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
    ranks = timeline.rank_table(run, criterion, timeline.stops(run, timeline.NO_MAP))
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


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    samples = list(table.groupby("sample_id", sort=False))
    looks = role_looks([part["role"].iloc[0] for _, part in samples])
    for (sample_id, part), (colour, dash) in zip(samples, looks, strict=True):
        name = on_screen(shorten(part["title"].iloc[0], 44))
        known = part.dropna(subset="rank")
        figure.add_scatter(
            x=known["epoch"],
            y=known["rank"].astype(int),
            mode="lines",
            line={"color": colour, "dash": dash},
            name=name,
            hovertemplate=f"sample {sample_id}<br>epoch %{{x}}: rank %{{y:,}}<extra></extra>",
        )
        at = _memorised(part)
        if len(at):
            figure.add_scatter(
                x=at["epoch"],
                y=at["rank"].astype(int),
                mode="markers",
                marker={"symbol": "diamond", "size": 11, "color": colour},
                showlegend=False,
                hovertemplate=f"sample {sample_id}<br>memorised for good at epoch "
                f"{part['first_memorised'].iloc[0]}<extra></extra>",
            )
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title=_axis(table), type="log", autorange="reversed", dtick=1)
    screen_figure(figure, height=400)
    # Below: above the axes a legend of long names would cover them.
    return figure.update_layout(legend={"y": -0.2, "yanchor": "top"}, margin={"t": 16})


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    with paper_panels(width) as (figure, [ax]):
        samples = list(table.groupby("sample_id", sort=False))
        looks = role_looks([part["role"].iloc[0] for _, part in samples])
        for (_, part), (colour, dash) in zip(samples, looks, strict=True):
            known = part.dropna(subset="rank")
            ax.plot(
                known["epoch"],
                known["rank"].astype(int),
                color=colour,
                linestyle=PAPER_DASHES[dash],
                label=on_paper(shorten(part["title"].iloc[0], 40)),
            )
            at = _memorised(part)
            ax.plot(at["epoch"], at["rank"].astype(int), "D", color=colour, markersize=4)
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{rank:,.0f}"))
        ax.yaxis.set_minor_formatter(FuncFormatter(lambda rank, _: ""))
        ax.set_ylim(max(int(table["n_ranked"].max()), 2) * 1.2, 0.8)
        ax.set_xlabel("Epoch")
        ax.set_ylabel(_axis(table))
        paper_legend(figure, ax)
    return figure


def _memorised(part: pd.DataFrame) -> pd.DataFrame:
    """Return the first stop at or after the epoch of memorising, if there is one with a rank."""
    first = part["first_memorised"].iloc[0]
    if pd.isna(first):
        return part[:0]
    return part[part["epoch"] >= first].dropna(subset="rank").head(1)


def _axis(table: pd.DataFrame) -> str:
    return f"Rank by {table['criterion_title'].iloc[0]}"


FIGURE = FigureSpec(
    title="Ranks from epoch to epoch",
    paper="",
    look_for=(
        "Rank 1, at the top, is the most suspicious. A mislabeled sample should be near the top "
        "and stay there after its label was memorised (diamond: from then on its given label was "
        "always predicted); a hard clean one should sink."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
