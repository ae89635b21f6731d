"""Train: start a training as a process of its own, watch it, stop it, go on with it."""

import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import runs
from dashboard.drawing.text import percent
from dashboard.jobs import trainings
from dashboard.jobs.training_command import (
    HAS_HUMAN,
    HUMAN_COLUMNS,
    NEEDS_DATA,
    NO_RATE,
    Part,
    Settings,
    arguments,
    check_machine,
    parts_of,
    recipes,
    resume_arguments,
    shown,
    suggested_name,
)
from dashboard.presenters.summary import description
from dashboard.views.addresses import page_file, query_of
from dashboard.views.parts.blocks import show_figure
from dashboard.views.parts.choices import choose, choose_criterion, plain, remember
from dashboard.views.parts.refusals import refusals
from hmw_core.catalogue import Recipe, catalogue, fields_of
from hmw_core.errors import UsageError
from hmw_core.foreign.columns import parquet_columns
from hmw_core.log.reader import RunReader

NEW = " new"  # no run has this name: it begins with a space
NOBODY = " nobody"
EVERY = 2.0  # seconds between two looks at a training
UNKNOWN = " unknown"  # no column has this name: it begins with a space
EPOCHS = {"digits": 100, "cifar10": 30, "cifar100": 30}
ICONS = {
    "starting": ":material/hourglass_top:",
    "running": ":material/play_circle:",
    "stopping": ":material/hourglass_bottom:",
    "finished": ":material/check_circle:",
    "stopped": ":material/pause_circle:",
    "failed": ":material/error:",
}
SHOWN = ("overview", "criteria", "samples", "review", "compare")


def known_trainings() -> dict[str, str]:
    """Return the trainings to watch, with how each does: living ones first, then the newest."""
    folder = runs.runs_folder()
    names = [training.name for training in trainings.all_trainings(folder)]
    names += [run.name for run in runs.all_runs()[0] if run.status != "finished"]
    found = {name: trainings.state(folder, name).status for name in dict.fromkeys(names)}
    return dict(sorted(found.items(), key=lambda item: item[1] not in trainings.LIVING))


def new_training(living: list[str]) -> None:
    """Show what a new training needs, the command that it comes to, and the button."""
    folder = runs.runs_folder()
    try:
        check_machine()
    except UsageError as reason:
        st.error(f"Nothing can be trained from here: {plain(str(reason))}", icon=":material/error:")
        return
    left, right = st.columns(2, gap="large")
    with left:
        known = recipes()
        recipe = st.selectbox(
            "Recipe",
            list(known),
            format_func=lambda name: f"{name}{' (recommended)' * bool(known[name].recommended)}",
            key="new recipe",
        )
        st.caption(plain(known[recipe].title))
        advice = st.container()  # what it says depends on the settings below
        asked: dict[str, Any] = {"recipe": recipe}
        asked["dataset"] = pick("Data set", catalogue()["datasets"], "dataset")
        asked |= data_fields(asked["dataset"])
        noises = [n for n in catalogue()["noises"] if may_have(asked["dataset"], n["name"])]
        kind, rate = st.columns([3, 2])
        with kind:
            asked["noise"] = pick("Noise", noises, "noise", default=default_noise(asked))
        if asked["noise"] not in NO_RATE:
            asked["noise_rate"] = rate.slider("Noise rate", 0.0, 1.0, 0.4, 0.05, key="new rate")
        if asked["noise"] == "human":
            asked["noise_column"] = human_column(asked)
        asked.pop("columns", None)
        below = st.container()
    with right:
        with st.container(horizontal=True):
            epochs = EPOCHS.get(asked["dataset"], 30)
            asked["epochs"] = st.number_input(
                "Epochs", 1, 10_000, epochs, key=f"new epochs {asked['dataset']}"
            )
            asked["seed"] = st.number_input("Seed", 0, 2**31 - 1, 0, key="new seed")
            asked["device"] = st.selectbox(
                "Device", ["auto", "cuda", "mps", "cpu"], key="new device", help="auto: the fastest"
            )
        rate_asked = asked.get("noise_rate", 0.0)
        parts = parts_of(recipe, asked["dataset"], asked["noise"], rate_asked, asked["epochs"])
        answers, missing = part_fields(parts)
        asked |= answers
        with st.expander("Network, samples, corrected labels"):
            asked |= more_fields(fields_of(known[recipe], asked["dataset"], asked["noise"]))
    with advice:
        advise(known[recipe], parts, asked)
    suggestion = suggested_name(Settings(run="", **asked), folder)
    name = below.text_input("Run name", suggestion, key=f"new name {suggestion}")
    settings = Settings(run=name.strip() or suggestion, **asked)
    with below:
        words = offer_start(settings, missing, living)
    if words:
        st.caption("The command that this starts; it can also be pasted into a terminal:")
        st.code(shown(words), language="bash", wrap_lines=True)


def offer_start(settings: Settings, missing: list[str], living: list[str]) -> list[str]:
    """Show the button that starts a training, or why there is none; return the command's words."""
    folder = runs.runs_folder()
    if living:
        st.info(
            f"Being trained here already: {', '.join(plain(other) for other in living)}. "
            f"Another training shares the {os.cpu_count()} cores, and all get slower.",
            icon=":material/info:",
        )
    words: list[str] = []
    try:
        if missing:
            raise UsageError(
                f"{settings.recipe} must be told its {', '.join(missing)}, "
                "as this data has no noise rate"
            )
        words = arguments(settings, folder)
    except UsageError as reason:
        st.warning(plain(f"{reason}."), icon=":material/edit:")
    taken = (folder / settings.run).exists() if words else False
    if taken:
        st.warning(plain(f"There is a run {settings.run} already; choose another name."))
    if st.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not words or taken,
    ):
        launch(words, settings.run)
    return words


def advise(recipe: Recipe, parts: list[Part], asked: dict[str, Any]) -> None:
    """Say why a recipe is recommended, or that it is known to fail with these settings."""
    if recipe.recommended:
        st.caption(f"{plain(recipe.recommended)}")
    if recipe.caution is None:
        return
    values = {a["name"]: a["default"] for part in parts for a in part.arguments}
    values |= asked["settings"]
    if recipe.caution.fields.items() <= values.items():
        st.warning(plain(recipe.caution.text), icon=":material/warning:")


def part_fields(parts: list[Part]) -> tuple[dict[str, Any], list[str]]:
    """Ask for the settings of a recipe's parts.

    Returns
    -------
    answers : dict
        Fields of `Settings`, with those answers that are not the recipe's.
    missing : list of str
        Arguments that have no value of their own and were given none.
    """
    answers: dict[str, Any] = {part.option: {} for part in parts}
    missing = []
    titles = dict.fromkeys(part.title for part in parts)
    for title_ in titles:
        with st.expander(f"{title_[0].upper()}{title_[1:]}", expanded=title_ != "training"):
            columns = st.columns(2)
            asked = [
                (part.option, argument)
                for part in parts
                if part.title == title_
                for argument in part.arguments
            ]
            for number, (option, argument) in enumerate(asked):
                with columns[number % 2]:
                    value = ask(f"{title_} {option}", argument)
                if value is None:
                    # Others without a value are worked out when the training begins.
                    missing += [argument["name"]] * is_needed(argument)
                elif value != argument["default"] or argument.get("default_from"):
                    answers[option][argument["name"]] = value
    return answers, missing


def is_needed(argument: dict[str, Any]) -> bool:
    """Tell whether a method must be told an argument, as the data has no value for it."""
    return argument["default"] is None and bool(argument.get("default_from"))


def ask(where: str, argument: dict[str, Any]) -> float | str | None:
    """Return the value of one argument: the recipe's until another is given."""
    name, default = argument["name"], argument["default"]
    label = name.replace("_", " ")
    # A recipe with another value makes another widget, and so shows its own value.
    key = f"new {where} {name} {default}"
    unit = f" {argument['unit']}" if argument.get("unit") else ""
    help = f"{argument['meaning'].rstrip('.')} ({argument['range']}{unit})"
    if "accepted" in argument:
        accepted = list(dict.fromkeys([*argument["accepted"], default]))  # maybe a recipe's file
        or_file = argument.get("or_file", False)
        return st.selectbox(
            label,
            accepted,
            accepted.index(default),
            key=key,
            help=f"{help}. The path of a file can be typed, too." if or_file else help,
            accept_new_options=or_file,
        )
    if argument.get("of_epochs") and argument.get("published") is not None:
        help += (
            f". {argument['published']:g} of {argument['of_epochs']} epochs in the source, "
            "scaled to this run's"
        )
    kind: Any = int if argument["whole"] else float
    high = argument["high"]
    return st.number_input(
        label,
        kind(argument["low"]),
        None if high is None else kind(high),
        None if default is None else kind(default),
        step=kind(1 if argument["whole"] else 10.0 ** (math.floor(math.log10(default or 1)) - 1)),
        format=None if argument["whole"] else "%g",
        placeholder=None if default is not None else "needed" if is_needed(argument) else "auto",
        key=key,
        help=help,
    )


def pick(label: str, members: list[dict[str, str]], key: str, default: str = "") -> str:
    """Return the name chosen of a registry, with the line that explains it below."""
    summaries = {member["name"]: member["summary"] for member in members}
    start = list(summaries).index(default) if default in summaries else 0
    name = st.selectbox(label, list(summaries), index=start, key=f"new {key} {default}")
    st.caption(plain(summaries[name]))
    return name


def may_have(dataset: str, noise: str) -> bool:
    """Tell whether a data set may come with a noise: labels of people only with some."""
    return noise != "human" or dataset in HAS_HUMAN


def data_fields(dataset: str) -> dict[str, Any]:
    """Ask for the further settings that a data set needs; `columns` are those of its file."""
    if dataset == "digits":
        return {}
    labels = {"parquet": "Parquet file", "image-folder": "Folder of pictures"}
    help = {
        "parquet": "A path on this machine, such as /data/train.parquet",
        "image-folder": "A path on this machine, with a folder of pictures for each class in it",
    }
    found: dict[str, Any] = {
        "data": st.text_input(
            labels.get(dataset, "Folder that holds it"),
            "" if dataset in NEEDS_DATA else "data/datasets",
            help=help.get(dataset, f"A path on this machine: {NEEDS_DATA[dataset]}")
            if dataset in NEEDS_DATA
            else "It is downloaded into data/datasets if it is not there",
            key=f"new data {dataset}",
        ).strip()
    }
    if found["data"] == "data/datasets" and dataset not in NEEDS_DATA:
        found["data"] = ""  # the default, and only there the training downloads it
    if dataset in NEEDS_DATA:
        found["skip_broken"] = st.checkbox(
            "Leave out pictures that cannot be read",
            key=f"new skip broken {dataset}",
            help="Otherwise they are named, and nothing is trained",
        )
    return found | (parquet_fields(found["data"]) if dataset == "parquet" else {})


def parquet_fields(data: str) -> dict[str, Any]:
    """Ask for the columns of a Parquet file, which are lists once the file is named."""
    found: dict[str, Any] = {"columns": []}
    if data:
        try:
            pictures = parquet_columns(Path(data))
        except UsageError as reason:
            st.warning(plain(f"{reason}."), icon=":material/edit:")
            return found
        others = [name for name, may_be in pictures.items() if not may_be]
        left, right = st.columns(2)
        with left:
            found["image_column"] = column(
                "Picture column", [name for name in pictures if pictures[name]], "image"
            )
            found["true_label_column"] = column("True label column", [UNKNOWN, *others], UNKNOWN)
        with right:
            found["label_column"] = column("Label column", others, "label")
            test = st.text_input(
                "Test file",
                key="new test file",
                help="Parquet file of the test split. Without one, a fifth is held out.",
            )
        found |= {"test_data": test.strip(), "columns": others}
    return {name: "" if value == UNKNOWN else value for name, value in found.items()}


def column(label: str, names: list[str], default: str) -> str:
    """Return the column chosen; empty where the file has none that fits."""
    start = names.index(default) if default in names else 0
    return (
        st.selectbox(
            label,
            names,
            index=start,
            format_func=lambda name: "not known" if name == UNKNOWN else name,
            key=f"new {label}",
        )
        or ""
    )


def human_column(asked: dict[str, Any]) -> str:
    """Return the column of labels that people gave, which noise `human` trains on."""
    names = asked.get("columns") or HUMAN_COLUMNS.get(asked["dataset"], ())
    if asked["dataset"] in HUMAN_COLUMNS:
        place = asked["data"] or "data/datasets"
        st.caption(
            f"From the published file CIFAR-{asked['dataset'][5:].removesuffix('n')}_human.pt, "
            f"which must lie in `{plain(place)}`."
        )
    return st.selectbox("Human label column", names, key="new human column") or ""


def more_fields(by_recipe: dict[str, Any]) -> dict[str, Any]:
    """Ask for the rarely used settings."""
    default = by_recipe.get("network", "small_cnn")
    names = [m["name"] for m in catalogue()["networks"] if ":" not in m["name"]]
    network = st.selectbox(
        "Network",
        names,
        index=names.index(default),
        key=f"new network {default}",
        accept_new_options=True,
        help="Any name that timm knows can be typed, too. On a machine without a GPU, small_cnn.",
    )
    samples = st.number_input(
        "Training samples", 1, None, None, key="new samples", placeholder="all", step=1
    )
    labels = st.text_input(
        "File of corrected labels",
        key="new labels",
        placeholder="none",
        help="As exported on the Labels page: CSV, Parquet or JSON. Without one, the given labels.",
    )
    return {
        "network": "" if network == default else str(network),
        "train_samples": samples,
        "labels": labels.strip(),
    }


def default_noise(asked: dict[str, Any]) -> str:
    """Return the noise offered first: none where the labels may be wrong as they are."""
    if asked["dataset"] in NEEDS_DATA:
        return "none"
    return "human" if asked["dataset"] in ("cifar10n", "cifar100n") else "symmetric"


def launch(words: list[str], name: str) -> None:
    """Start a training and show it, or say why it cannot be started."""
    if runs.read_only():
        st.error("This server is read-only; nothing was started.", icon=":material/lock:")
        return
    try:
        trainings.start(runs.runs_folder(), words, name)
    except UsageError as reason:
        st.error(plain(f"{reason}."), icon=":material/error:")
        return
    remember("training", name)
    st.session_state.pop("choice training", None)
    st.rerun()


def watch(name: str, was: str) -> None:
    """Show a training's progress; draw the whole page again when its state changes."""
    folder = runs.runs_folder()
    state = trainings.state(folder, name)
    if state.status != was:
        st.rerun()
    readable, broken = runs.all_runs()
    run = next((run for run in readable if run.name == name), None)
    facts(name, state, run)
    buttons(name, state, run)
    said = trainings.last_lines(folder, name)
    if state.status == "failed" and said:
        st.caption("The last lines of its log:")
        st.code("\n".join(said), language=None, wrap_lines=True)
    if run is None:
        if name in broken and state.status not in trainings.LIVING:
            st.warning(f"The run cannot be read: {plain(broken[name])}.")
        return
    curves(run)
    if said and state.status != "failed":
        with st.expander("Log"):
            st.code("\n".join(said), language=None, wrap_lines=True)


def facts(name: str, state: trainings.State, run: RunReader | None) -> None:
    """Show a training's state, its progress, and its last numbers."""
    training = trainings.find(runs.runs_folder(), name)
    since = f", started {ago(training.started)}" if training is not None else ""
    text = {
        "starting": "is loading its libraries and its data",
        "running": "is being trained",
        "stopping": "was asked to stop and finishes its batch",
        "finished": "has finished",
        "stopped": "has stopped",
        "failed": "has failed",
    }[state.status]
    reason = f": {plain(state.reason)}" if state.reason else ""
    show = {"failed": st.error, "finished": st.success}.get(state.status, st.info)
    show(f"**{plain(name)}** {text}{since}{reason}.", icon=ICONS[state.status])
    if run is None:
        return
    st.caption(plain(description(run)))
    notes = [note for note in runs.notes(run) if note != run.error]  # which is said above
    if notes:
        st.warning("\n".join(f"- {plain(note)}" for note in notes))
    share = min(run.last_epoch / run.n_epochs, 1.0)
    st.progress(share, text=f"epoch {run.last_epoch} of {run.n_epochs}")
    if not run.last_epoch:
        return
    metrics = run.metrics()
    last = metrics.iloc[-1]
    speed = last.get("samples_per_second")
    left = trainings.seconds_left(metrics, run.n_epochs)
    in_work = state.status in trainings.LIVING
    with st.container(horizontal=True):
        st.metric("Test accuracy", percent(last["test_accuracy"]))
        st.metric("Train accuracy, given labels", percent(last["train_accuracy"]))
        st.metric("Samples/s", "–" if speed is None or speed != speed else f"{speed:,.0f}")
        if in_work:
            st.metric("Time left", "–" if left is None else duration(left))


def buttons(name: str, state: trainings.State, run: RunReader | None) -> None:
    """Offer what can be done with a training now."""
    folder = runs.runs_folder()
    with st.container(horizontal=True, vertical_alignment="center"):
        if runs.read_only():
            pass
        elif state.can_stop:
            help = "It ends after its batch; its whole epochs are kept, and it can be resumed"
            asked = state.status == "stopping"
            if st.button("Stop", icon=":material/stop:", help=help, disabled=asked):
                act(lambda: trainings.stop(folder, name))
        elif state.can_resume:
            if st.button("Resume", icon=":material/play_arrow:", type="primary"):
                words = resume_arguments(name, folder)
                act(lambda: trainings.start(folder, words, name))
        elif state.status not in trainings.LIVING and not (folder / name).exists():
            if st.button("Remove from the list", icon=":material/delete:"):
                act(lambda: trainings.forget(folder, name))
        if run is not None:
            for place in SHOWN:
                query = query_of(place, name)
                st.page_link(page_file(place), label=place.capitalize(), query_params=query)


def act(what: Any) -> None:
    """Do something with a training and draw the page again, or show the reason against it."""
    try:
        what()
    except UsageError as reason:
        st.error(plain(f"{reason}."), icon=":material/error:")
    else:
        st.rerun()


def curves(run: RunReader) -> None:
    """Show the curves so far, beside those of another run if one is chosen."""
    others = [other.name for other in runs.all_runs()[0] if other.name != run.name]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        beside = choose(
            "beside",
            "Beside it",
            [NOBODY, *others],
            shown=lambda name: "no other run" if name == NOBODY else name,
            quiet=True,
        )
        criterion = choose_criterion(run, "AUROC of", other_k=False)
    by_name = {other.name: other for other in runs.all_runs()[0]}
    chosen = [run, by_name[beside]] if beside in by_name else [run]
    show_figure("training_progress", chosen, criterion=criterion)
    if run.last_epoch and not run.has_true_label:
        st.caption("No AUROC: the true labels of this run are not known.")
    elif run.last_epoch:
        show_figure("auroc_by_epoch", run)


def ago(started: str) -> str:
    """Return how long ago something was."""
    then = datetime.fromisoformat(started)
    return f"{duration((datetime.now(UTC) - then).total_seconds())} ago"


def duration(seconds: float) -> str:
    """Return seconds as one says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def show() -> None:
    """Show the page."""
    bar = st.container(key="bar", horizontal=True, vertical_alignment="center", gap="small")
    bar.title("Train", anchor=False, width="content")
    known = known_trainings()
    living = [name for name, status in known.items() if status in trainings.LIVING]
    options = [*living, NEW, *(name for name in known if name not in living)]
    if runs.read_only():
        options.remove(NEW)
        st.info(
            "This server is read-only: trainings can be watched here, but not started, stopped or "
            "resumed. In a terminal of its machine, `python -m training train --help` says how.",
            icon=":material/lock:",
        )
    if not options:
        st.info("Nothing has been trained from a dashboard here, and nothing is being trained.")
        st.stop()

    def shown_training(name: str) -> str:
        """Return a training as the list names it."""
        return "New training" if name == NEW else f"{name} ({known[name]})"

    with bar:
        chosen = choose(
            "training",
            "Training",
            options,
            shown=shown_training,
            quiet=not living,
            labelled=False,
            width=320,
        )
        st.caption(
            "A training continues when this page, the browser or the dashboard is closed.",
            width="stretch",
        )
    if chosen == NEW:
        new_training(living)
    else:
        every = EVERY if known[chosen] in trainings.LIVING else None
        st.fragment(refusals()(watch), run_every=every)(chosen, known[chosen])
