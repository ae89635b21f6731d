"""Step 3: what the verdicts make of the labels, as files to take away and to train on."""

import json
import shlex
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.cached import review as cached_review
from dashboard.export.find import network_words
from dashboard.export.labels import (
    LARGEST_EMBEDDED,
    NEIGHBOURS,
    SAMPLES_FILE,
    changes,
    embeds_pictures,
    pictures_size,
    retrain_command,
    samples_file,
)
from dashboard.views.addresses import link_to
from dashboard.views.fix import classes
from dashboard.views.parts.choices import (
    choose_criterion,
    choose_epoch,
    choose_number,
    plain,
)
from dashboard.views.parts.sections import show_sections
from hmw_core.criteria.of_run import title_of
from hmw_core.errors import UsageError
from hmw_core.file_names import file_name
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.review.label_file import encode_labels

MIME = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
ROWS = 1_000  # of the preview; a page that carries more is slow to open
SHOWN = {
    "changed": "Changed labels",
    "judged": "Judged samples",
    "all": "All samples",
}
COLUMNS = {
    "sample_id": "Sample",
    "given_name": "Given label",
    "new_name": "New label",
    "verdict": "Verdict",
    "predicted_name": "Predicted",
    "suspicion_rank": "Rank",
    "score": "Score",
    "label_score": "label_score",
    "is_label_issue": "is_label_issue",
    "is_flagged": "is_flagged",
    "reviewer": "Reviewer",
    "note": "Note",
    "time": "Time (UTC)",
    "source": "Source",
}


def show(run: RunReader) -> None:
    """Show the step."""
    where = st.container()
    log = cached_review.review_log(run)
    given = run.samples().set_index("sample_id")["given_label"]
    n_changed = int((log.new_label(given, run.n_classes) != given).sum())
    renamed = sum(change.name is not None for change in log.class_changes)
    merged = len(log.class_changes) - renamed
    following = (
        "download the labels, then train on them in step 4"
        if n_changed or renamed
        else "judge in step 2; until then every label is the given one"
    )
    where.markdown(
        f"**Step 3:** {len(log.current):,} of {run.n_samples:,} samples are judged, "
        f"{n_changed:,} labels change; classes merged: {merged:,}, renamed: {renamed:,}. "
        f"**Next:** {following}."
    )
    show_sections(
        "labels",
        {
            "file": ("The labels as a file", partial(show_file, run)),
            "classes": ("Rename or merge classes", partial(classes.show, run)),
            "tools": ("Open them in other tools", partial(show_tools, run)),
        },
    )


def show_file(run: RunReader) -> None:
    """Show what the file says, and offer it."""
    chosen = choose_labels(run)
    if chosen is None:
        return
    labels, criterion, epoch, n_flagged = chosen
    show_counts(run, labels, criterion)
    show_downloads(run, labels, criterion, epoch, n_flagged)
    show_preview(labels)
    show_commands(run)


def show_tools(run: RunReader) -> None:
    """Offer the file that other tools open."""
    chosen = choose_labels(run)
    if chosen is not None:
        show_neighbours(run, chosen[0])


def choose_labels(run: RunReader) -> tuple[pd.DataFrame, str, int | None, int | None] | None:
    """Return the labels with the scores chosen: table, criterion, epoch, number to flag."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        criterion = choose_criterion(run, "Scores by")
        flagged = choose_number(
            "flag", "Flag the most suspicious (0: none)", 0, whole=True, low=0, high=run.n_samples
        )
        epoch = choose_epoch(run)
    n_flagged = int(flagged) or None
    try:
        labels = cached_review.corrected_labels(run, criterion, epoch, n_flagged=n_flagged)
    except UsageError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    return labels, criterion, epoch, n_flagged


def show_counts(run: RunReader, labels: pd.DataFrame, criterion: str) -> None:
    """Say how many were judged, and what is missing."""
    said = labels["verdict"].value_counts()
    counts = {"Judged": int(said.sum())}
    counts |= {verdict.capitalize(): int(said.get(verdict, 0)) for verdict in verdicts.VERDICTS}
    counts["Labels changed"] = int(labels["changed"].sum())
    with st.container(horizontal=True):
        for name, count in counts.items():
            st.metric(name, f"{count:,}", border=True)
    for sentence in verdicts.read(run).damage:
        st.warning(plain(sentence), icon=":material/warning:")
    if not counts["Judged"]:
        st.info(
            f"Nobody has judged a sample of this run yet, so every label is the given one. "
            f"Judge on the [Review]({link_to('review', run)}) page.",
            icon=":material/info:",
        )
    n_without = int(labels["score"].isna().sum())
    if n_without:
        absent = "none has one: the run has no epoch yet"
        some = f"{n_without:,} of {len(labels):,} samples have none: not seen, or not finite"
        st.info(
            f"{title_of(criterion)}: {absent if n_without == len(labels) else some}.",
            icon=":material/info:",
        )


def show_preview(labels: pd.DataFrame) -> None:
    """Show rows of the file, and which classes change into which."""
    left, right = st.columns([3, 1])
    with left:
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"
        ):
            st.subheader("What the file says", anchor=False)
            which = st.segmented_control(
                "Rows",
                list(SHOWN),
                format_func=SHOWN.__getitem__,
                default="changed" if labels["changed"].any() else "all",
                required=True,
                label_visibility="collapsed",
                key="label rows",
            )
        chosen = {"changed": labels["changed"], "judged": labels["verdict"].notna()}.get(which)
        rows = labels if chosen is None else labels[chosen]
        columns = [name for name in COLUMNS if not labels[name].isna().all()]
        st.dataframe(
            rows[columns].head(ROWS),
            hide_index=True,
            column_config={name: COLUMNS[name] for name in columns},
            height=320,
        )
        first = f"the first {ROWS:,} of " if len(rows) > ROWS else ""
        st.caption(
            f"Shown: {first}{len(rows):,} rows. `is_label_issue` is what a person said (a verdict "
            "*relabel*), `is_flagged` what the criterion says for the number given above. "
            "`label_score` is the rank scaled to 0 ... 1, lower = worse, as in cleanlab."
        )
    with right:
        st.subheader("Changes by class", anchor=False)
        pairs = changes(labels)
        if pairs.empty:
            st.caption("No label changes.")
        else:
            st.dataframe(
                pairs,
                hide_index=True,
                column_config={"given": "Given", "new": "New", "n_samples": "Samples"},
                height=320,
            )


def show_downloads(
    run: RunReader,
    labels: pd.DataFrame,
    criterion: str,
    epoch: int | None,
    n_flagged: int | None,
) -> None:
    """Offer the file in three formats, and the command that writes it."""
    st.subheader("Download the labels", anchor=False)
    with st.container(horizontal=True):
        for format, mime in MIME.items():
            st.download_button(
                format.upper(),
                data=partial(encode_labels, labels, format),
                file_name=file_name(run.name, f"-labels.{format}"),
                mime=mime,
                key=f"labels {format}",
                on_click="ignore",
                type="primary" if format == "csv" else "secondary",
                icon=":material/download:",
            )
    st.caption(
        f"All {run.n_samples:,} samples in data set order, with the run, its fingerprint, the "
        "criterion, its version and the epochs used. In CSV a text that a spreadsheet would run as "
        "a formula begins with an apostrophe; reading the file back takes it off again."
    )
    options = [] if criterion == "iam" else ["--criterion", criterion]
    options += [] if epoch is None else ["--epoch", str(epoch)]
    options += [] if n_flagged is None else ["--flag", str(n_flagged)]
    show_command("labels", str(run.folder), f"{run.name}-labels.csv", *options, *network_words(run))


def show_commands(run: RunReader) -> None:
    """Show what can be done with the file next."""
    st.subheader("Train on them, and check them", anchor=False)
    file = f"{run.name}-labels.csv"
    train = retrain_command(run, file)
    if train is None:
        st.caption(
            "This run comes from a loop of your own: read the file there with "
            "`hmw_core.review.label_reader.read_labels`, which checks it against your data set."
        )
        st.code(
            "from hmw_core.review.label_reader import read_labels\n\n"
            f"file = read_labels({json.dumps(file)}, n_samples={run.n_samples}, "
            "class_names=class_names)\n"
            "file.label  # (N,) int64, in data set order",
            language="python",
        )
    else:
        st.caption("Train again as this run was, on the corrected labels:")
        st.code(train, language="bash", wrap_lines=True)
        st.caption("Train several times on original, corrected and dropped labels, and compare:")
        prove = ["python", "-m", "training", "prove", str(run.folder), "--labels", file]
        st.code(shlex.join(prove), language="bash", wrap_lines=True)
    st.caption("Compute the scores again from the log, and check the file against them:")
    show_command("verify", file, str(run.folder), *network_words(run))


def show_command(door: str, *words: str) -> None:
    """Show what to type for `dashboard.labels` or `dashboard.verify`."""
    command = shlex.join(["python", "-m", f"dashboard.{door}", *words])
    st.code(command, language="bash", wrap_lines=True)


def show_neighbours(run: RunReader, labels: pd.DataFrame) -> None:
    """Offer the samples as other tools open them, and show how they do."""
    st.subheader("Go on in cleanlab, FiftyOne or Spotlight", anchor=False)
    file = file_name(run.name, "-samples.parquet")
    with st.container(horizontal=True, vertical_alignment="center"):
        with_vectors = st.toggle(
            "With features and probabilities",
            value=True,
            key="label vectors",
            help="Where the run logged them; Datalab needs them.",
        )
        st.download_button(
            "Samples (Parquet)",
            data=partial(samples_file, run, labels, with_vectors=with_vectors),
            file_name=file,
            mime=MIME["parquet"],
            key="samples parquet",
            on_click="ignore",
            icon=":material/download:",
        )
    size = pictures_size(run) / 2**20
    if not run.has_images:
        st.caption("This run keeps no pictures, so the file has no column `image`.")
    elif embeds_pictures(run):
        st.caption(f"The pictures ({size:,.1f} MiB) are in the file, in the column `image`.")
    else:
        st.caption(
            f"The pictures ({size:,.0f} MiB) are more than the {LARGEST_EMBEDDED >> 20} MiB that "
            "go into the file; the command below writes them into a folder beside it and their "
            "paths into the column `image_path`."
        )
    show_command("labels", str(run.folder), file, "--samples", *network_words(run))
    for tab, code in zip(st.tabs(list(NEIGHBOURS)), NEIGHBOURS.values(), strict=True):
        tab.code(code.replace(SAMPLES_FILE, json.dumps(file)), language="python")
    st.caption(
        "`pred_probs` come from the training pass itself, not from held-out data as cleanlab asks: "
        "where a training has memorised its labels they agree with every wrong one. Take an epoch "
        "before that with the slider above."
    )
