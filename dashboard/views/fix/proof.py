"""Step 4: whether training on the corrected labels pays, and how sure that is."""

import shlex
from pathlib import Path

import streamlit as st

from dashboard import runs
from dashboard.cached import review as cached_review
from dashboard.views.addresses import link_to
from dashboard.views.parts.blocks import show_figure
from dashboard.views.parts.choices import choose, plain
from dashboard.views.parts.refusals import refusals
from hmw_core.experiments.proof import (
    ARMS,
    ENOUGH,
    Proof,
    as_markdown,
    conclusions,
    display_table,
    list_proofs,
    read_proof,
    remarks,
    summary,
)
from hmw_core.file_names import file_name
from hmw_core.log.reader import RunReader
from hmw_core.spreadsheet import csv_bytes

EVERY = 2  # seconds between two looks at a proof that is being computed


def shown_name(proof: Proof) -> str:
    """Return what the menu calls a proof."""
    labels, config = proof.info["labels"], proof.info["config"]
    made = proof.info["created"][:16].replace("T", " ")
    return f"{labels['file']}, {config['epochs']} epochs, {made} ({proof.status})"


def how_to_start(run: RunReader) -> None:
    """Show the command that makes a proof, and about how long it takes."""
    config = run.info.get("config")
    if not config:
        st.info(
            "This run was not made by `python -m training train`, so it is not known how to train "
            "it again. Train on the exported labels in your own loop and compare there.",
            icon=":material/info:",
        )
        return
    n_trainings = len(ARMS) * ENOUGH
    seconds = run.metrics().get("seconds")
    took = ""
    if seconds is not None and seconds.notna().any():
        minutes = n_trainings * float(seconds.mean()) * run.n_epochs / 60
        took = f", about {max(1, round(minutes)):,} minutes at the speed of the run itself"
    log = cached_review.review_log(run)
    if not (log.current["verdict"] == "relabel").any() and not log.class_changes:
        st.info(
            "No label of this run is corrected yet, so there is nothing to prove: judge in "
            f"[step 2]({link_to('review', run)}) first.",
            icon=":material/info:",
        )
    st.markdown("In a terminal, write the corrected labels, then train on them:")
    file = f"{run.name}-labels.csv"
    write = ["python", "-m", "dashboard.labels", str(run.folder), file]
    prove = ["python", "-m", "training", "prove", run.name, "--labels", file]
    prove += ["--seeds", str(ENOUGH)]
    if runs.runs_folder() != Path("data/runs"):
        prove += ["--runs", str(runs.runs_folder())]
    st.code(f"{shlex.join(write)}\n{shlex.join(prove)}", language="bash", wrap_lines=True)
    st.caption(
        f"{len(ARMS)} × {ENOUGH} trainings from scratch{took}; `--epochs` makes them shorter, "
        "`--seeds` more or fewer. Finished trainings are kept: run the same command to "
        "continue after a stop. This page shows the progress."
    )


@st.fragment(run_every=EVERY)
@refusals()
def follow(folder: Path, n_drawn: int) -> None:
    """Show how far a proof is; draw the page again when a training has finished."""
    proof = read_proof(folder)
    n_done = len(proof.trainings)
    if n_done != n_drawn or not proof.is_being_computed:
        st.rerun()
    share, text = float(n_done), f"{n_done} of {proof.n_planned} trainings"
    if proof.now is not None:
        now = proof.now
        share += now["epoch"] / now["n_epochs"]
        arm = ARMS.get(now["arm"], now["arm"])
        text += f"; {arm}, seed {now['seed']}, epoch {now['epoch']} of {now['n_epochs']}"
    if proof.seconds_left is not None:
        minutes, seconds = divmod(round(proof.seconds_left), 60)
        text += f"; {minutes}:{seconds:02d} left"
    st.progress(min(share / max(proof.n_planned, 1), 1.0), text=plain(text))


def downloads(proof: Proof) -> None:
    """Offer the table as files."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        st.download_button(
            "Table (CSV)",
            data=csv_bytes(summary(proof)),
            file_name=file_name(proof.name, ".csv"),
            mime="text/csv",
            on_click="ignore",
            type="tertiary",
            icon=":material/download:",
        )
        st.download_button(
            "Table and text (Markdown)",
            data=as_markdown(proof),
            file_name=file_name(proof.name, ".md"),
            mime="text/markdown",
            on_click="ignore",
            type="tertiary",
            icon=":material/download:",
        )


def show_proof(run: RunReader, proof: Proof) -> None:
    """Show one proof: how far it is, what it shows, its table, its figure, how to read them."""
    n_done = len(proof.trainings)
    if proof.is_being_computed:
        follow(proof.folder, n_done)
    elif n_done < proof.n_planned:
        ended = "was stopped" if proof.status == "stopped" else "failed"
        reason = f" ({plain(proof.info['error'])})" if proof.info["error"] else ""
        st.warning(
            f"This proof {ended} after {n_done} of {proof.n_planned} trainings{reason}. "
            "Run the same command to continue.",
            icon=":material/pause_circle:",
        )
    if n_done:
        st.subheader("What it shows", anchor=False)
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in conclusions(proof)))
        st.table(display_table(proof), border="horizontal", hide_index=True)
        downloads(proof)
        show_figure("proof", run, proof=proof.name, n_trainings=n_done)
    with st.expander("How to read it", expanded=n_done > 0):
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in remarks(proof)))


def show(run: RunReader) -> None:
    """Show the step."""
    proofs, broken = list_proofs(run.folder)
    done = sum(proof.status == "finished" for proof in proofs)
    following = "read what it shows" if proofs else "start it by the command below"
    there = f"{len(proofs):,} proofs, {done:,} finished" if proofs else "no proof of this run yet"
    st.markdown(f"**Step 4:** {there}. **Next:** {following}.")
    st.caption(
        "A proof answers whether the corrected labels pay: it trains the same network from "
        "scratch on the original labels, on the corrected ones, without the suspects, and "
        "without as many samples drawn at random, and compares their test accuracy."
    )
    for reason in broken.values():
        st.warning(f"Cannot be read: {plain(reason)}")
    if proofs:
        by_name = {proof.name: proof for proof in proofs}
        name = choose("proof", "Proof", list(by_name), shown=lambda n: shown_name(by_name[n]))
        show_proof(run, by_name[name])
        with st.expander("Start another"):
            how_to_start(run)
    else:
        how_to_start(run)
