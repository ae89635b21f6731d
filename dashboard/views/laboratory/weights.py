"""Weights: HM weights of a log with other settings, and the classes or samples that lose weight."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.drawing.text import four_digits, percent, three_digits
from dashboard.figures.dynamics.playground import in_words, left_out
from dashboard.presenters.weight_command import own_loop, train_command
from dashboard.views.parts.blocks import offer_table, show_figure
from dashboard.views.parts.choices import (
    choose,
    choose_epoch,
    choose_number,
    choose_segment,
    forget,
    plain,
    settings_box,
)
from hmw_core.errors import UsageError
from hmw_core.laboratory.hm_replay import (
    GRID_SAMPLES,
    Replay,
    Settings,
    logged_settings,
    replay,
    used_settings,
)
from hmw_core.laboratory.weight_measures import NEAR_ZERO, RULES, Measures, measure, starvation
from hmw_core.log.reader import RunReader
from hmw_core.statistics.intervals import auroc_intervals

HISTORIES = {
    "ca": "annealed mean over epochs (paper)",
    "uniform_mean": "plain mean over epochs",
    "current": "this epoch alone",
}
TERMS = {"both": "AUM and TKUM (paper)", "aum": "AUM alone", "tkum": "TKUM alone"}
STARTS = {"1": "1, as the paper", "0": "0, as the authors' code"}
PARTS = {
    "numbers": "What the weights do",
    "scales": "Other alpha and beta",
    "classes": "Class by class",
    "train": "Train with them",
}
VARIED = {"both": "alpha = beta", "alpha": "alpha alone", "beta": "beta alone"}
FIELDS = ("alpha", "beta", "k", "history", "terms", "start", "warmup")
SHORT_NAMES = {"start": "annealing_start", "warmup": "warmup_epochs"}


def terms_of(run: RunReader) -> dict[str, str]:
    """Return the terms there are: with two classes TKUM has nothing to compare."""
    return TERMS if run.n_classes > 2 else {"aum": TERMS["aum"]}


def choose_settings(run: RunReader, own: Settings) -> Settings:
    """Ask for the settings; a setting left alone is the log's."""
    why = "as this run has it"
    alpha = choose_number("w-alpha", "alpha", own.alpha, why=why)
    beta = choose_number("w-beta", "beta", own.beta, why=why)
    terms = _one_of("w-terms", "Terms", terms_of(run), own.terms)
    history = _one_of("w-history", "Over the epochs", HISTORIES, own.history)
    start = _one_of("w-start", "Annealing begins at", STARTS, str(own.annealing_start))
    k = choose_number("w-k", "k", own.k, whole=True, why=why)
    warmup = choose_number(
        "w-warmup", "Warm-up epochs", own.warmup_epochs, whole=True, low=0, why=why
    )
    return Settings(
        alpha=alpha,
        beta=beta,
        k=int(k),
        annealing_start=int(start),
        warmup_epochs=int(warmup),
        history=history,
        terms=terms,
    )


def _one_of(name: str, label: str, options: dict[str, str], default: str) -> str:
    names = list(options)
    return choose(
        name, label, names, shown=options.__getitem__, default=names.index(default), quiet=True
    )


def buttons(run: RunReader, own: Settings) -> None:
    """Offer the settings of the log, of the training, and two of the paper's scales."""
    used = used_settings(run)
    presets = {"As logged": logged_settings(run)}
    if used is not None and used != presets["As logged"]:
        presets = {"As trained": used, **presets}
    if run.n_classes > 2:
        presets["alpha = beta = 1"] = replace(logged_settings(run), alpha=1.0, beta=1.0)
        presets["alpha = beta = 10"] = replace(logged_settings(run), alpha=10.0, beta=10.0)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for name, settings in presets.items():
            st.button(name, on_click=_set, args=(own, settings), key=f"preset {name}")
        if used is None:
            trained = (
                "The training of this run did not use HM weights; the log has them all the same."
            )
            if not run.info.get("config"):
                trained = "Nothing says whether the training of this run used HM weights."
            st.caption(trained)


def _set(own: Settings, settings: Settings) -> None:
    """Put settings into the fields, which are left alone where they are as `own`."""
    for name in FIELDS:
        forget(f"w-{name}")
    for name in FIELDS:
        value = getattr(settings, SHORT_NAMES.get(name, name))
        default = getattr(own, SHORT_NAMES.get(name, name))
        if value == default:
            continue
        if name in ("alpha", "beta"):
            st.session_state[f"choice w-{name}"] = float(value)
        elif name in ("k", "warmup"):
            st.session_state[f"choice w-{name}"] = int(value)
        else:
            st.session_state[f"choice w-{name}"] = str(value).lower()


def measured(run: RunReader, sample_id: np.ndarray, weight: np.ndarray) -> Measures:
    """Return what weights come to."""
    rows = run.samples().loc[sample_id]
    return measure(weight, rows["is_mislabeled"], rows["given_label"].to_numpy())


def used_weights(run: RunReader, sample_id: np.ndarray, epoch: int) -> np.ndarray | None:
    """Return the factors really on the losses of an epoch; None where the log has none."""
    for _, stored in run.iterate(["weight"], [epoch]):
        by_id = pd.Series(stored["weight"], index=run.sample_ids(), dtype=float)
        if by_id.notna().any():
            return by_id.loc[sample_id].to_numpy()
    return None


def numbers(columns: dict[str, Measures]) -> pd.DataFrame:
    """Return the measures side by side, ready to be read; a dash where nobody knows."""
    rows = {
        "Mean weight, all samples": [four_digits(m.mean) for m in columns.values()],
        "Mean weight, clean": [four_digits(m.mean_clean) for m in columns.values()],
        "Mean weight, mislabeled": [four_digits(m.mean_mislabeled) for m in columns.values()],
        "Effective sample size, share of all": [
            percent(m.effective_share) for m in columns.values()
        ],
        "Effective sample size, share of clean": [
            percent(m.effective_share_clean) for m in columns.values()
        ],
        f"Clean samples that weigh less than {NEAR_ZERO:g}": [
            percent(m.near_zero_clean) for m in columns.values()
        ],
        "Share of the weight on mislabeled": [
            percent(m.weight_share_mislabeled) for m in columns.values()
        ],
        "Share of mislabeled samples": [percent(m.mislabeled_fraction) for m in columns.values()],
        "AUROC of the weight (95 % interval)": [
            "–"
            if np.isnan(m.auroc)
            else f"{three_digits(m.auroc)} ({three_digits(m.auroc_low)} to "
            f"{three_digits(m.auroc_high)})"
            for m in columns.values()
        ],
    }
    known = any(m.n_clean + m.n_mislabeled for m in columns.values())
    if not known:
        rows = {name: row for name, row in rows.items() if set(row) != {"–"}}
    return pd.DataFrame(rows, index=list(columns)).T.rename_axis("Quantity").reset_index()


def lead(run: RunReader, chosen: np.ndarray, logged: np.ndarray, sample_id: np.ndarray) -> str:
    """Say by how much the chosen weights tell clean from mislabeled better than the log's."""
    wrong = run.samples()["is_mislabeled"].loc[sample_id].to_numpy(dtype=object)
    both = np.stack([logged, chosen], axis=1)
    seen = ~np.isnan(both).any(axis=1)
    clean, mislabeled = (-both[seen & np.array([w is v for w in wrong])] for v in (False, True))
    if min(len(clean), len(mislabeled)) < 2 or np.array_equal(logged, chosen, equal_nan=True):
        return ""
    rng = np.random.default_rng(0)
    found = auroc_intervals(clean, mislabeled, rng=rng, method="DeLong")
    low, high = found.difference_low[1], found.difference_high[1]
    if low <= 0 <= high:
        verdict = "this log does not tell which of the two separates better"
    else:
        verdict = (
            "the chosen ones separate better" if low > 0 else "the logged ones separate better"
        )
    return (
        f"AUROC of the chosen weights minus that of the logged ones: 95 % interval {low:+.4f} to "
        f"{high:+.4f} (DeLong, paired; about samples, not other seeds), so {verdict}."
    )


def nothing(run: RunReader) -> str:
    """Return why there are no weights to compute anew, in a sentence; empty where there are."""
    column = "given_distance"
    if column not in run.absent and column not in run.empty_columns:
        return ""
    reason = f": {run.absent[column]}" if column in run.absent else ""
    return (
        f"The log of {run.name} holds no cosines to the class vectors{reason}, so HM weights "
        "cannot be computed anew."
    )


def show(run: RunReader) -> None:
    """Show the tab."""
    answer = st.container()
    as_logged = logged_settings(run)
    own = used_settings(run) or as_logged
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        part = choose_segment("weights", "Show", PARTS)
    try:
        with settings_box(row):
            buttons(run, own)
            settings = choose_settings(run, own)
            epoch = choose_epoch(run)
        settings.check(run.n_classes)
        last = run.last_epoch if epoch is None else epoch
        with st.spinner("Reading the cosines of every epoch ...", show_time=True):
            found = replay(run, settings, last)
    except UsageError as reason:
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
        return
    columns = {"Chosen": measured(run, found.sample_id, found.weight)}
    logged: Replay | None = None
    try:
        logged = replay(run, as_logged, last)
        columns["In the log"] = measured(run, logged.sample_id, logged.weight)
    except UsageError:
        pass  # no cosines: the caption below says what the log lacks
    used = used_weights(run, found.sample_id, last)
    if used is not None:
        columns["On the loss"] = measured(run, found.sample_id, used)
    with answer:
        is_known = columns["Chosen"].n_clean + columns["Chosen"].n_mislabeled > 0
        better = (
            lead(run, found.weight, logged.weight, found.sample_id) if logged and is_known else ""
        )
        say_starved(run, columns["Chosen"], better, settings)
    chosen = None if settings == as_logged else settings
    options: dict[str, Any] = {"settings": chosen, "epoch": epoch}
    if part == "numbers":
        show_numbers(run, found, columns, settings, as_logged, last)
        left, right = st.columns(2)
        with left:
            show_figure("playground_weights", run, **options)
        with right:
            show_figure("playground_epochs", run, **options)
    elif part == "scales":
        show_scales(run, options)
    elif part == "classes":
        show_figure("playground_classes", run, **options)
    else:
        show_training(run, settings)
    say_how(found, last, settings)


def say_starved(run: RunReader, chosen: Measures, better: str, settings: Settings) -> None:
    """Say whether the settings may starve the training, and whether they separate better."""
    warned = starvation(chosen, run.class_names)
    share = (
        ", mislabeled samples would carry "
        f"**{percent(chosen.weight_share_mislabeled)} of the weight** and are "
        f"{percent(chosen.mislabeled_fraction)} of the samples"
        if chosen.n_mislabeled
        else f", the mean weight is **{four_digits(chosen.mean)}**"
    )
    if warned:
        st.warning(
            "**These settings may starve the training.**\n\n"
            + "\n".join(f"- {plain(warning.sentence)}" for warning in warned),
            icon=":material/warning:",
        )
    else:
        st.success(
            f"With {in_words(settings)}{share}, and there is no sign that they would starve the "
            "training.",
            icon=":material/check:",
        )
    if better:
        st.caption(better)


def say_how(found: Replay, last: int, settings: Settings) -> None:
    """Say what the numbers are about, and which rules warn."""
    by_epoch = found.by_epoch[found.by_epoch["epoch"] > settings.warmup_epochs]
    lowest = by_epoch[by_epoch["group"] != "mislabeled"]
    judged = ""
    if len(lowest) and lowest["mean_weight"].notna().any():
        row = lowest.loc[lowest["mean_weight"].idxmin()]
        whom = "clean samples" if row["group"] == "clean" else "all samples"
        judged = (
            f" Judged at epoch {last}; over the epochs so far the mean weight of {whom} was lowest "
            f"at epoch {row['epoch']:.0f}: {four_digits(row['mean_weight'])}."
        )
    st.caption(
        "Replayed on the cosines of this log: **the network stays that of the run.** Trained with "
        "these weights it would have learned other features, so the numbers say what the weights "
        "would do first, and not where such a training would end. High weight = clean, low = "
        f"suspicious. {RULES}{judged}"
    )


def show_numbers(
    run: RunReader,
    found: Replay,
    columns: dict[str, Measures],
    settings: Settings,
    as_logged: Settings,
    last: int,
) -> None:
    """Show what the weights come to, beside those of the log."""
    note = left_out(run, found)
    offer_table(
        numbers(columns),
        f"weights of {run.name}",
        f"Weights at epoch {last} of {plain(run.name)}. Chosen: {in_words(settings)}. In the log: "
        f"{in_words(as_logged)}. On the loss: the factor that the training really used at this "
        "epoch. Effective sample size is (sum w)^2 / sum w^2 over the number of samples: 1 where "
        "all weigh the same, however little. AUROC: the chance that a clean sample weighs more "
        f"than a mislabeled one, 0.5 is chance.{f' {note}.' if note else ''}",
    )
    if columns["Chosen"].n_clean + columns["Chosen"].n_mislabeled == 0:
        st.caption(
            "No true label of this run is known, so nobody can say what share of the weight lies "
            "on mislabeled samples, nor how well the weights separate."
        )
    if run.outputs_setting == "full" and settings.k != as_logged.k:
        st.caption("From the logged outputs, which hold half precision.")


def show_scales(run: RunReader, options: dict[str, Any]) -> None:
    """Show what other values of alpha and beta would do."""
    figure = st.container()
    vary = choose_segment("w-vary", "Vary", VARIED)
    with figure:
        show_figure("playground_scales", run, **options, vary=vary)
    if run.n_samples > GRID_SAMPLES:
        st.caption(
            f"Of {GRID_SAMPLES:,} samples of {run.n_samples:,}, drawn at random with a fixed seed; "
            "warm-up left out. All other numbers are of all samples."
        )


def show_training(run: RunReader, settings: Settings) -> None:
    """Show the command that trains with these weights."""
    command = train_command(run, settings, runs.runs_folder())
    if command is None:
        st.caption("This run was made by a loop of its own. There, the same weights are:")
        st.code(own_loop(run, settings), language="python")
        return
    st.caption(
        "As this run was trained, seed and data included, but with these weights on the loss. All "
        "options are spelled out and no recipe is named: it is no row of the paper's tables. "
        "Compare the two on the Compare page; one seed each does not settle it."
    )
    st.code(command, language="bash", wrap_lines=True)
