"""One sample's curves, epoch by epoch, over the bands of its given class."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Band, Drawing, Line, Panel
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import (
    absent_columns,
    check_epoch,
    chosen_samples,
    of_pass,
    sample_title,
)
from hmw_core.log.reader import RunReader
from hmw_core.log.schema import DERIVED

# Signal -> its name and unit; the first four are always drawn.
QUANTITIES = {
    "loss": ("Loss", "nat"),
    "margin": ("Margin", "logit"),
    "tkum": ("TKUM", "logit"),
    "hm_weight": ("HM weight", ""),
}
MORE = {
    "confidence": ("Confidence", "probability"),
    "given_logit": ("Given logit", "logit"),
    "other_logit": ("Largest other logit", "logit"),
    "hyperspherical_margin": ("Hyperspherical margin", ""),
    "hyperspherical_tkum": ("Hyperspherical TKUM", ""),
    "weight": ("Weight used on the loss", ""),
}
TITLES = QUANTITIES | MORE
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}
BANDS = (("q05", "q95", 0.18, "5 to 95 %"), ("q25", "q75", 0.3, "25 to 75 %"))
ROLES = {True: "mislabeled", False: "clean"}


def class_bands(
    run: RunReader, given_label: int, quantities: Sequence[str] = tuple(QUANTITIES)
) -> pd.DataFrame:
    """Return epoch, quantity and the `QUANTILES` over a class's samples, reading that class alone.

    NaN where no sample of the class has a value in an epoch.
    """
    stored = {name: DERIVED.get(name, (name,)) for name in quantities}
    reads = sorted({column for columns in stored.values() for column in columns})
    rows = []
    for _, columns in run.iterate(reads, given_label=given_label):
        with np.errstate(invalid="ignore"):  # what is not finite is left out below
            values = np.stack(
                [columns[a] - columns[b[0]] if b else columns[a] for a, *b in stored.values()]
            ).astype(np.float64)
        rows.append([_quantiles(value) for value in values])
    found = np.array(rows).reshape(-1, len(QUANTILES))
    epochs = run.epochs()
    table = pd.DataFrame(found, columns=list(QUANTILES))
    table.insert(0, "quantity", np.tile(list(quantities), len(epochs)))
    table.insert(0, "epoch", np.repeat(epochs, len(quantities)))
    return table


def _quantiles(value: np.ndarray) -> np.ndarray:
    known = value[np.isfinite(value)]
    if not len(known):
        return np.full(len(QUANTILES), np.nan)
    return np.quantile(known, list(QUANTILES.values()))


def prepare(
    run: RunReader,
    sample_id: int | None = None,
    epoch: int | None = None,
    also: str | None = None,
    bands: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return a row per quantity and epoch: `value` of the sample and the quantiles of its class.

    Parameters
    ----------
    run : RunReader
    sample_id : int, optional
        Default: the mislabeled one of `groups.choose_samples`, or its last where none is known.
    epoch : int, optional
        Last epoch drawn. Default: the last one logged.
    also : str, optional
        One quantity more, of `MORE`.
    bands : DataFrame, optional
        `class_bands` of the sample's class, where they are at hand; computed where not.

    Returns
    -------
    DataFrame
        `sample_id`, `sample` (its title), `is_mislabeled`, `class_name`, `n_samples` (of the class,
        the sample among them), `quantity`, `title`, `unit`, `epoch`, `value`, `q05` to `q95`; and
        `absent`, what the log does not hold. NaN where a sample was not seen.

    Raises
    ------
    CannotShow
        If the run has no such sample, no whole epoch, or none of the quantities.
    """
    last = check_epoch(run, epoch)
    chosen = chosen_samples(run, None, None if sample_id is None else [sample_id], last)
    wrong = chosen[chosen["role"] == "mislabeled"]
    row = (wrong if len(wrong) else chosen).iloc[-1]
    sample = run.samples().loc[row["sample_id"]]
    names = [*QUANTITIES, *([also] if also in MORE else [])]
    label = int(sample["given_label"])
    if bands is None or not set(names) <= set(bands["quantity"]):
        bands = class_bands(run, label, names)
    epochs = [number for number in run.epochs() if number <= last]
    signals = run.signals(names, sample_id=int(row["sample_id"]), epochs=epochs)
    own = signals.melt("epoch", names, var_name="quantity", value_name="value")
    table = own.merge(bands, on=["epoch", "quantity"], how="left")
    known = table.groupby("quantity", sort=False)[["value", "q50"]].apply(
        lambda part: bool(part.notna().to_numpy().any())
    )
    table = table[table["quantity"].map(known)]
    if table.empty:
        raise CannotShow(f"run {run.name!r} has none of these signals: {', '.join(names)}")
    missing = [name for name in names if not known.get(name, False)]
    table = table.assign(
        sample_id=int(row["sample_id"]),
        sample=sample_title(row["role"], row["sample_id"], row["given_name"], row["true_name"]),
        is_mislabeled=bool(sample["is_mislabeled"]) if pd.notna(sample["is_mislabeled"]) else False,
        class_name=run.class_names[label],
        n_samples=len(run.sample_ids(label)),
        **{"pass": run.pass_name},
        title=table["quantity"].map({name: title for name, (title, _) in TITLES.items()}),
        unit=table["quantity"].map({name: unit for name, (_, unit) in TITLES.items()}),
    )
    if missing:
        table["absent"] = _why_absent(run, missing)
    return table.reset_index(drop=True)


def _why_absent(run: RunReader, missing: Sequence[str]) -> str:
    stored = {part: TITLES[n][0] for n in missing for part in DERIVED.get(n, (n,))}
    said = absent_columns(run, stored)
    return said or f"no {', '.join(TITLES[name][0] for name in missing)}"


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a quantity, the sample over the bands of its class."""
    first = table.iloc[0]
    colour = ROLES[bool(first["is_mislabeled"])]
    panels = []
    for _, part in table.groupby("quantity", sort=False):
        epoch, title, unit = part["epoch"], part["title"].iloc[0], part["unit"].iloc[0]
        marks = [
            *(
                Band(epoch, part[low], part[high], name=f"{name} of the class", alpha=alpha)
                for low, high, alpha, name in BANDS
            ),
            Line(epoch, part["q50"], name="median of the class", width=1.2, hover=HOVER),
            Line(epoch, part["value"], colour, first["sample"], "solid", hover=HOVER),
        ]
        axis = Axis(f"{title} ({unit}), {of_pass(table)}" if unit else title)
        panels.append(Panel(marks, EPOCH, axis, title))
    return Drawing(panels, height=320)


HOVER = "epoch %{x}: %{y:.3g}"


FIGURE = FigureSpec(
    title="The sample among its class",
    paper="",
    look_for=(
        "Where the coloured line leaves the grey bands, which hold the samples of the same given "
        "label. A wrong label tends to keep a high loss and a low margin while the class gets on; "
        "a line that joins the bands late was memorised."
    ),
    prepare=prepare,
    drawing=drawing,
)
