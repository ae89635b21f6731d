"""Sweeps: what a grid of settings and seeds came to, and what the paper says of it."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.export.names import sweep_stem
from dashboard.figures.runs.sweep_curves import MOST_LINES, most_values
from dashboard.figures.runs.sweep_figures import SWEEP_FIGURES
from dashboard.views.laboratory import sweep_table as sweep_table_view
from dashboard.views.parts.blocks import (
    figure_file,
    offer_files,
    offer_table,
    say_refused,
    show_chart,
)
from dashboard.views.parts.choices import choose, plain
from dashboard.views.parts.refusals import refusals
from hmw_core.errors import UsageError
from hmw_core.experiments.paper import PAPER_NOTE, TABLE_4, TABLE_4_COLUMNS, paper_accuracy
from hmw_core.experiments.paper_tables import is_paper_table
from hmw_core.experiments.sweep_differences import (
    claims_table,
    difference_table,
    difference_text,
    larger_is_better,
    paper_numbers,
    verdict,
)
from hmw_core.experiments.sweeps import (
    ACCURACIES,
    Sweep,
    caption,
    display_table,
    families,
    in_words,
    measure_title,
    measures,
    numbers,
    setting,
    sweep_table,
    value_in_words,
)

EVERY = 3  # seconds between two looks at a sweep that is being computed
NONE = "There is no sweep yet: “python -m training sweep table-4” trains a first one."
INTERVALS = (
    "Intervals: 95 %, Student's t over the seeds. They say how other seeds would come out on this "
    "data set, not how other data sets would."
)


def shown_name(sweep: Sweep) -> str:
    """Return what the menu calls a sweep."""
    done = sweep.count("finished")
    return f"{sweep.name} ({sweep.status}, {done} of {sweep.n_planned} trainings)"


@st.fragment(run_every=EVERY)
@refusals()
def follow(name: str, n_drawn: int) -> None:
    """Show how far a sweep is; draw the page again when a training has finished."""
    sweep = next((sweep for sweep in runs.all_sweeps()[0] if sweep.name == name), None)
    if sweep is None or sweep.count("finished") != n_drawn or not sweep.is_being_computed:
        st.rerun()
    trainings = sweep.info["trainings"]
    now = [training for training in trainings if training["status"] == "running"]
    epochs = {training["run"]: sweep.epochs_done(training) for training in now}
    text = f"{n_drawn} of {sweep.n_planned} trainings finished"
    text += "".join(f"; {run}: epoch {epoch} done" for run, epoch in epochs.items())
    st.progress(n_drawn / max(sweep.n_planned, 1), text=plain(text))


def say_state(sweep: Sweep) -> None:
    """Say how far a sweep is and what failed."""
    done, failed = sweep.count("finished"), sweep.count("failed")
    if sweep.is_being_computed:
        follow(sweep.name, done)
    elif done < sweep.n_planned:
        how = f", {failed} failed" if failed else ""
        st.warning(
            f"{done} of {sweep.n_planned} trainings have finished{how}. "
            "Run the same command to continue.",
            icon=":material/pause_circle:",
        )
    if failed:
        table = sweep_table(sweep)
        table = table[table["status"] == "failed"][["run", "error"]]
        with st.expander(f"Why {failed} failed"):
            st.dataframe(table, hide_index=True)


def about(sweep: Sweep) -> None:
    """Say what was trained, with which command, and how the result may be read."""
    info = sweep.info
    with st.expander("What was trained, and how to go on"):
        varied = [f"{plain(name)}: {plain(values_of(sweep, name))}" for name in sweep.fields]
        seeds = ", ".join(map(str, info["seeds"]))
        lines = [
            f"{len(sweep.cells)} combinations, each with the seeds {seeds}.",
            f"Shared by all: {plain(in_words(info['base']))}. All else is the recipe's, or the "
            "default of `python -m training train`.",
            "Varied: " + "; ".join(varied) + ".",
        ]
        st.markdown("\n".join(f"- {line}" for line in lines))
        if info.get("command"):
            st.code(info["command"], language="bash", wrap_lines=True)
        st.caption("Every run can be opened like any other:")
        st.code(f"./run_dashboard.sh --runs {sweep.folder}", language="bash", wrap_lines=True)
        n_above = 1 if is_paper_table(sweep) else len(info["notes"])  # a table is not pushed down
        for note in info["notes"][n_above:]:
            say_note(note)
    for note in info["notes"][:n_above]:
        say_note(note)


def say_note(note: str) -> None:
    """Show what must be said beside a sweep; each of its sentences may be long."""
    st.caption(". ".join(map(plain, note.split(". "))))


def values_of(sweep: Sweep, field: str) -> str:
    """Return the values that a field takes, in words."""
    values = [value_in_words(fields[field]) for fields in sweep.cells if field in fields]
    return ", ".join(dict.fromkeys(values))


def show_sweep_figure(name: str, sweep: Sweep, **options: Any) -> None:
    """Show a figure of a sweep, what to look for, and its downloads; or why it cannot be shown."""
    spec = SWEEP_FIGURES[name]
    paper = f" :gray[:small[{spec.paper}]]" if spec.paper else ""
    st.subheader(f"{spec.title}{paper}", anchor=False)
    try:
        table = spec.prepare(sweep, **options)
        chart = spec.draw(table)
    except UsageError as reason:
        say_refused(reason)
        return
    show_chart(name, chart, spec.caption(table))
    st.caption(f"**What to look for.** {spec.look_for}")
    offer_files(sweep_stem(name, spec, sweep.name), name, partial(figure_file, name, table, None))


def results(sweep: Sweep) -> str:
    """Show the table of a measure that the reader chooses, and return the measure."""
    names = measures(sweep)
    measure = choose("measure", "Measure", names, shown=measure_title, quiet=True)
    if is_paper_table(sweep) and measure in ACCURACIES:
        sweep_table_view.show_table(sweep, measure)
        sweep_table_view.show_columns(sweep)
        sweep_table_view.show_effects(sweep, measure)
        return measure
    table = display_table(sweep, measure)
    offer_table(table, f"{sweep.name}-{measure}", caption(sweep, measure))
    if measure == "best_accuracy":
        st.caption(
            "The best epoch is chosen on the test samples themselves: an oracle's choice, which "
            "nobody without a clean test split can make, and which comes out too high."
        )
    return measure


def paper_panel(sweep: Sweep) -> None:
    """Show the paper's Table 4 apart where none of its numbers is for just this training."""
    if sweep.info.get("named") != "table-4":
        return
    if any(number is not None for number in paper_numbers(sweep)):
        st.caption(plain(PAPER_NOTE))
        return
    columns = [f"{noise} {rate:g}" for noise, rate in TABLE_4_COLUMNS]
    plain_row = [paper_accuracy("CCE", "cifar10", *column) for column in TABLE_4_COLUMNS]
    rows = {"CCE (Table 1)": plain_row} | {name: list(row) for name, row in TABLE_4.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    with st.container(border=True):
        st.markdown("**The paper's Table 4, on CIFAR-10: other data, not to be compared by value**")
        st.table(table.map("{:.1f}".format), border="horizontal")
        departs = {name for cell in sweep.info["cells"] for name in cell["departs"]}
        why = f" ({', '.join(sorted(departs))} differ)" if departs else ""
        datasets = ", ".join(sorted({str(cell["dataset"]) for cell in sweep.info["cells"]}))
        st.caption(
            "Test accuracy in per cent, PreAct ResNet-18, 250 epochs. This sweep is on "
            f"{plain(datasets + why)}, so only the order of the rows can be held against it."
        )


def claims(sweep: Sweep, measure: str) -> None:
    """Show what the paper says of a named sweep beside what came out."""
    table = claims_table(sweep, measure)
    if table.empty:
        return
    st.subheader("What the paper says, and what came out here", anchor=False)
    offer_table(
        table,
        f"{sweep.name}-claims-{measure}",
        f"{measure_title(measure)}: first minus second in points, paired by seed, with the 95 % "
        "interval of Student's t. The paper says that the first is higher; “Here” says whether "
        "that is so; with one seed nothing is proved. No correction for the number of rows: one in "
        "twenty intervals misses by chance.",
    )
    for field in numbers(sweep):
        told = larger_is_better(sweep, field, measure)
        if len(told):
            said = "; ".join(
                f"{row.condition}, {row.others}: ρ = {row.rho:+.2f} over {row.n_values} values"
                for row in told.itertuples()
            )
            st.caption(
                f"The paper: the larger {field}, the stronger against overfitting. Here, "
                f"Spearman's rank correlation of {field} (above 0) with the mean: {plain(said)}."
            )


def differences(sweep: Sweep, measure: str) -> None:
    """Show every setting against one that the reader chooses, paired by seed."""
    names = list(dict.fromkeys(in_words(setting(fields)) for fields in sweep.cells))
    if len(names) < 2:
        return
    st.subheader("Against one setting", anchor=False)
    reference = choose("reference", "Reference", names, quiet=True)
    table = difference_table(sweep, reference, measure)
    if table.empty:
        st.info("No other setting shares a finished seed with it yet.", icon=":material/info:")
        return
    shown = pd.DataFrame(
        {
            "Condition": table["condition"],
            "Setting": table["setting"],
            "Seeds": table["n"],
            "Difference": [difference_text(r, measure) for r in table.to_dict("records")],
            "Higher?": [verdict(r) for r in table.to_dict("records")],
        }
    )
    offer_table(
        shown,
        f"{sweep.name}-against-{measure}",
        f"{measure_title(measure)}: setting minus {reference}, paired by seed, in points for "
        f"accuracies. {INTERVALS}",
    )


def by_epoch(sweep: Sweep) -> None:
    """Show accuracy by epoch: along a number that varies, or of settings that are chosen."""
    fields = numbers(sweep)
    if fields:
        left, right = st.columns(2)
        field = choose("field", "What varies", fields, container=left, quiet=True)
        others = list(dict.fromkeys(line[1] for line in families(sweep, field)))
        if others:
            default = others.index(most_values(sweep, field))
            chosen = choose(
                f"others-{field}",
                "The rest stays at",
                others,
                default=default,
                container=right,
                quiet=True,
            )
            show_sweep_figure("sweep_curves", sweep, field=field, others=chosen)
        return
    names = list(dict.fromkeys(in_words(setting(fields)) for fields in sweep.cells))
    some = st.multiselect("Settings", names, default=names[:MOST_LINES], max_selections=MOST_LINES)
    if some:
        show_sweep_figure("sweep_curves", sweep, settings=some)
    else:
        st.info("Choose a setting.")


def show() -> None:
    """Show the tab."""
    found, broken = runs.all_sweeps()
    for reason in broken.values():
        st.warning(f"Cannot be read: {plain(reason)}")
    if not found:
        return
    by_name = {sweep.name: sweep for sweep in found}
    sweep = by_name[choose("sweep", "Sweep", list(by_name), shown=lambda n: shown_name(by_name[n]))]
    if sweep.info.get("title"):
        st.subheader(plain(sweep.info["title"]), anchor=False)
    say_state(sweep)
    about(sweep)
    if sweep.count("finished") and not measures(sweep):
        st.info(
            "Its trainings have no number to compare: no test split, and no mislabeled sample "
            "that is "
            "known.",
            icon=":material/info:",
        )
    elif sweep.count("finished"):
        measure = results(sweep)
        paper_panel(sweep)
        claims(sweep, measure)
        show_sweep_figure("sweep_accuracy", sweep, measure=measure)
        by_epoch(sweep)
        if numbers(sweep):
            show_sweep_figure(
                "sweep_scale", sweep, field=st.session_state.get("choice field"), measure=measure
            )
        differences(sweep, measure)
        with st.expander("Every training"):
            offer_table(sweep_table(sweep), f"{sweep.name}-trainings", "One row a training.")
    elif not sweep.is_being_computed:
        st.info("No training of this sweep has finished.", icon=":material/info:")
