"""A run as the home page shows it: a small picture, its numbers, and what they mean."""

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.drawing.style import BLUE, GROUP_COLOURS
from dashboard.drawing.text import mid_sentence, percent, shorten, three_digits
from dashboard.drawing.thumbnail import thumbnail
from dashboard.presenters.summary import mislabeled_share, noise_text, notes_of, own_auroc
from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.thresholds import find_threshold
from hmw_core.log.reader import RunReader
from hmw_core.statistics.ranking import suspicion

PICTURED = ("last_loss", "iam")
KINDS = ("clean", "mislabeled", "unknown")
LONGEST = 34  # letters of a name on a card; the whole name is its title
LEGEND = (
    "Each point is a sample, placed by rank: the most suspicious by the last loss lie to the "
    "right, the most suspicious by IAM on top. Blue ones are clean, orange ones mislabeled, grey "
    "ones of unknown true label. AUROC is the chance that a mislabeled sample looks more "
    "suspicious than a clean one."
)
ESTIMATE = "two Gaussians fitted to IAM"


@dataclass(frozen=True)
class RunCard:
    """What is known of a run at a glance; texts are plain, and None where nothing is known."""

    name: str
    status: str
    recipe: str
    data: str
    accuracy: str
    mislabeled: str
    auroc: str
    last_epoch: int
    n_epochs: int
    picture: str | None
    """Data address."""
    notes: tuple[str, ...]


def run_card(run: RunReader) -> RunCard:
    """Return what the home page says of a run.

    Raises
    ------
    UsageError
        If a file of the run is damaged.
    """
    dataset = run.info["dataset"]["name"]
    words = [
        shorten(dataset or "", 24),
        f"{run.n_samples:,} samples",
        noise_text(run.info.get("noise") or {}),
    ]
    metrics = run.metrics()
    test = metrics["test_accuracy"].dropna()
    top5 = f", top-5 {percent(metrics['test_top5'].iloc[-1])}" if "test_top5" in metrics else ""
    scores = _scores(run)
    return RunCard(
        name=run.name,
        status=run.status,
        recipe=run.info.get("recipe") or "own loop",
        data=", ".join(word for word in words if word),
        accuracy=f"{percent(test.iloc[-1])}, best {percent(test.max())}{top5}"
        if len(test)
        else "not measured",
        mislabeled=mislabeled_text(run, scores),
        auroc=_auroc(run, metrics),
        last_epoch=run.last_epoch,
        n_epochs=run.n_epochs,
        picture=_picture(run, scores),
        notes=tuple(notes_of(run)),
    )


def mislabeled_text(run: RunReader, scores: pd.DataFrame) -> str:
    """Return the share of wrong labels: measured, estimated (with the method), or not known."""
    share = mislabeled_share(run)
    if share is not None:
        return f"{percent(share)}, measured"
    if "iam" in scores:
        found = find_threshold(run, "iam", "gaussian")
        if not found.why and found.n_scored:
            return f"about {100 * found.n_flagged / found.n_scored:.0f} %, estimated ({ESTIMATE})"
    return "not known"


def as_html(card: RunCard) -> str:
    """Return a card as HTML in which every text is escaped."""
    status = "" if card.status == "finished" else f" · {card.status}"
    epochs = f"{card.last_epoch} of {card.n_epochs} epochs{status}"
    facts = {"Test accuracy": card.accuracy, "Mislabeled": card.mislabeled}
    facts |= {"AUROC": card.auroc} if card.auroc else {}
    facts["Trained"] = epochs
    rows = "".join(
        f'<div><span style="opacity:.7">{name}</span> {html.escape(value)}</div>'
        for name, value in facts.items()
    )
    done = 100 * min(card.last_epoch / card.n_epochs, 1)
    bar = f'<div style="height:3px;width:{done:.0f}%;background:{BLUE}"></div>'
    picture = (
        '<div style="width:100%;height:100%;display:grid;place-items:center;opacity:.6;'
        f'font-size:12px">{"no epoch yet" if not card.last_epoch else "no loss or IAM"}</div>'
        if card.picture is None
        else f'<img src="{card.picture}" style="width:100%;height:100%" alt="Samples of '
        f'{html.escape(card.name)} by last loss and IAM">'
    )
    return (
        f'<div style="line-height:1.4;overflow-wrap:anywhere">'
        f'<div style="font-weight:600" title="{html.escape(card.name)}">'
        f"{html.escape(shorten(card.name, LONGEST))}</div>"
        f'<div style="height:3px">{bar if card.status == "running" else ""}</div>'
        f'<div style="font-size:14px;height:40px;overflow:hidden">'
        f"{html.escape(shorten(card.recipe, LONGEST))}<br>"
        f'<span style="opacity:.7">{html.escape(card.data)}</span></div>'
        '<div style="display:flex;gap:12px;font-size:14px;margin-top:6px;height:112px">'
        '<div style="flex:0 0 144px;height:96px;border-left:1px solid #8C8C8C;'
        f'border-bottom:1px solid #8C8C8C">{picture}'
        '<div style="font-size:11px;opacity:.7;white-space:nowrap">→ last loss, ↑ IAM</div></div>'
        f"<div>{rows}</div></div></div>"
    )


def _auroc(run: RunReader, metrics: pd.DataFrame) -> str:
    """Return how well the pictured criteria, and the best one of the method, find the mislabeled.

    Empty where nobody knows.
    """
    names = [name for name in PICTURED if f"auroc_{name}" in metrics]
    values = {name: metrics[f"auroc_{name}"].dropna() for name in names}
    said = [
        f"{mid_sentence(title_of(name))} {three_digits(value.iloc[-1])}"
        for name, value in values.items()
        if len(value)
    ]
    own = own_auroc(run, metrics)
    return ", ".join([*said, *([f"its own {own}"] if own else [])])


def _scores(run: RunReader) -> pd.DataFrame:
    """Return by sample those of the pictured criteria that the log can give."""
    known = {name: CRITERIA[name] for name in PICTURED}
    names = list(without_absent(known, run)) if run.last_epoch else []
    return score_table(run, names) if names else pd.DataFrame(index=run.samples().index)


def _picture(run: RunReader, scores: pd.DataFrame) -> str | None:
    """Return the small picture, None where a criterion or every score is missing."""
    if any(name not in scores for name in PICTURED):
        return None
    found = scores[[*PICTURED]].dropna()
    if found.empty:
        return None
    right, up = (
        pd.Series(suspicion(found[name].to_numpy(), CRITERIA[name].higher_means)).rank(pct=True)
        for name in PICTURED
    )
    wrong = run.samples()["is_mislabeled"].loc[found.index]
    kinds = wrong.astype("Int64").fillna(2).to_numpy(np.int64)
    colours = [GROUP_COLOURS[kind] for kind in KINDS]
    return thumbnail(right.to_numpy(), up.to_numpy(), kinds, colours)
