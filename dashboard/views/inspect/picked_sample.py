"""All that is known of the last picked sample, and on to the next suspicious one."""

import pandas as pd
import streamlit as st

from dashboard.cached import inspected
from dashboard.cached import review as cached_review
from dashboard.cached import samples as cached_samples
from dashboard.figures.paper.sample_curves import MORE, QUANTITIES
from dashboard.presenters.gallery import as_html, cards
from dashboard.presenters.linked import Samples
from dashboard.presenters.sample_page import (
    large_picture,
    neighbour_sentence,
    rank_table,
    suggestion_bars,
)
from dashboard.views.addresses import link_to
from dashboard.views.inspect.picks import as_array, go_to, pick
from dashboard.views.inspect.selection import offer
from dashboard.views.inspect.state import Inspected
from dashboard.views.parts.blocks import show_figure
from dashboard.views.parts.choices import choose, plain
from hmw_core.criteria.of_run import title_of
from hmw_core.errors import UsageError
from hmw_core.feature_space.neighbours import nearest_in
from hmw_core.log.reader import RunReader
from hmw_core.samples.method_parts import has_labels
from hmw_core.samples.suggestions import RULE, suggest

NONE = "nothing more"
N_NEIGHBOURS = 10
SAID = {
    "keep": "keep the given label",
    "unsure": "unsure",
    "skip": "skipped",
}


def show(it: Inspected) -> None:
    """Show the last of the picked samples, and what can be done with all of them."""
    run, samples, picked, epoch = it.run, it.samples, it.picked, it.chosen.epoch
    sample_id = picked[-1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(f"Sample {sample_id}", anchor=False, width="content")
        _step(run, samples, sample_id, it.chosen.criterion)
    if len(picked) > 1:
        st.caption(f"The last of {len(picked):,} picked samples.")
    with st.container(horizontal=True, vertical_alignment="center"):
        offer(it, as_array(picked), f"{len(picked):,} picked by hand", "picked")
        st.button("Unpick", type="tertiary", icon=":material/close:", on_click=pick, args=([],))
    suggested = suggest(run, [sample_id], epoch)
    given_label = int(samples.given_label[sample_id])
    others = suggested[suggested["label"] != given_label]["label"]
    picture, labels, ranks = st.columns([3, 3, 6.4])
    with picture:
        show_picture(run, sample_id)
    with labels:
        show_labels(run, samples, sample_id, suggested)
    with ranks:
        show_ranks(run, samples, sample_id)
    also = choose(
        "also", "Curves also of", [NONE, *MORE], shown=lambda n: MORE.get(n, (n,))[0],
        quiet=True, width=260,
    )  # fmt: skip
    more = None if also == NONE else also
    quantities = [*QUANTITIES, *([more] if more else [])]
    bands = cached_samples.class_bands(run, given_label, quantities)
    show_figure("sample_curves", run, sample_id=sample_id, epoch=epoch, also=more, bands=bands)
    show_neighbours(run, samples, sample_id, int(others.iloc[0]) if len(others) else None)


def _step(run: RunReader, samples: Samples, sample_id: int, criterion: str) -> None:
    """Offer the samples next to this one in the order of suspicion, and any other."""
    order, ranks = samples.order(criterion), samples.rank(criterion)
    n_ranked = int((ranks > 0).sum())
    rank = int(ranks[sample_id])

    def by_id() -> None:
        go_to(int(st.session_state["sample by id"]))

    def by_rank() -> None:
        go_to(int(order[int(st.session_state["sample by rank"]) - 1]))

    # What the widgets show is what the address says, also when the browser went back.
    st.session_state["sample by id"] = sample_id
    st.session_state["sample by rank"] = max(rank, 1)
    st.button(
        "More suspicious",
        icon=":material/arrow_back:",
        shortcut="Left",
        disabled=rank < 2,
        on_click=go_to,
        args=(int(order[max(rank - 2, 0)]),),
    )
    st.button(
        "Less suspicious",
        icon=":material/arrow_forward:",
        shortcut="Right",
        disabled=not 0 < rank < n_ranked,
        on_click=go_to,
        args=(int(order[min(rank, run.n_samples - 1)]),),
    )
    st.number_input(
        "Sample id", 0, run.n_samples - 1, key="sample by id", on_change=by_id, width=150
    )
    st.number_input(
        f"or rank, 1 to {max(n_ranked, 1):,}",
        1,
        max(n_ranked, 1),
        key="sample by rank",
        on_change=by_rank,
        width=170,
        disabled=n_ranked == 0,
        help=f"1 is the most suspicious by {title_of(criterion)}",
    )
    if rank == 0:
        st.caption(f"{title_of(criterion)} has no score for this sample, so it has no rank.")


def show_picture(run: RunReader, sample_id: int) -> None:
    """Show the picture, or why there is none."""
    content = run.images([sample_id]).get(sample_id)
    drawn = None if content is None else large_picture(content, sample_id)
    if drawn is not None:
        st.html(drawn)
        return
    why = run.absent.get("images") or (
        "the one of this sample does not decode"
        if content is not None
        else "this sample has none"
        if run.has_images
        else "this run keeps none"
    )
    st.info(f"No picture: {plain(why)}.", icon=":material/image_not_supported:")


def show_labels(run: RunReader, samples: Samples, sample_id: int, suggested: pd.DataFrame) -> None:
    """Show the given, true, predicted and suggested labels, and the current verdict."""
    names = run.class_names
    given, true = int(samples.given_label[sample_id]), int(samples.true_label[sample_id])
    predicted = int(samples.predicted_label[sample_id])
    is_wrong = int(samples.is_mislabeled[sample_id]) == 1
    facts = [("Given", plain(names[given]))]
    wrong = " :orange-badge[mislabeled]" if is_wrong else ""
    facts.append(("True", f"{plain(names[true])}{wrong}" if true >= 0 else "unknown"))
    said = plain(names[predicted]) if predicted >= 0 else "not seen"
    facts.append((f"Predicted, epoch {samples.epoch}", said))
    if has_labels(run):
        own = inspected.method_labels(run, samples.epoch).loc[sample_id]
        said = "none" if pd.isna(own) else plain(names[int(own)])
        facts.append(("Label of the training method", said))
    facts.append(("Verdict", verdict_of(run, sample_id)))
    source = run.samples()["source"].iloc[sample_id]
    if pd.notna(source):
        facts.append(("Source", plain(str(source))))
    st.markdown("  \n".join(f":gray[{what}] **{value}**" for what, value in facts))
    st.markdown("**What the network called it**", help=RULE)
    if suggested.empty:
        st.caption("No epoch saw this sample, so there is no suggestion.")
    else:
        st.html(suggestion_bars(suggested, given, names))


def verdict_of(run: RunReader, sample_id: int) -> str:
    """Return the current verdict, its reviewer and time, as Markdown."""
    current = cached_review.review_log(run).current
    if sample_id not in current.index:
        return "none yet"
    row = current.loc[sample_id]
    said = SAID.get(row["verdict"], row["verdict"])
    if row["verdict"] == "relabel" and pd.notna(row["new_label"]):
        said = f"relabel to {plain(run.class_names[int(row['new_label'])])}"
    by = f" by {plain(str(row['reviewer']))}" if row["reviewer"] else ""
    when = str(row["time"])[:16].replace("T", " ")
    note = f"; “{plain(str(row['note']))}”" if row["note"] else ""
    return f"{said}{by}, {when} UTC{note}"


def show_ranks(run: RunReader, samples: Samples, sample_id: int) -> None:
    """Show the sample's rank under every criterion, and which end is suspicious."""
    table = rank_table(run, samples, sample_id)
    absent = table["rank"].isna()
    shown = table[~absent]
    st.markdown(f"**Rank under every criterion**, 1 = most suspicious, up to epoch {samples.epoch}")
    if len(shown):
        of = shown["of"].max()
        st.dataframe(
            shown[["criterion", "suspicious", "score", "rank", "suspicion"]],
            column_config={
                "criterion": st.column_config.TextColumn("Criterion", width=135),
                "suspicious": st.column_config.TextColumn("Suspicious", width=75),
                "score": st.column_config.TextColumn("Score", width=65),
                "rank": st.column_config.NumberColumn(
                    f"Rank of {of:,}", format="localized", width=95
                ),
                "suspicion": st.column_config.ProgressColumn(
                    "Suspicion",
                    format="%.1f %%",
                    min_value=0,
                    max_value=100,
                    width=120,
                    help="Share of the samples that this criterion finds less suspicious",
                ),
            },
            hide_index=True,
            height=36 * (len(shown) + 1),
            key="ranks of the sample",
        )
        fewer = shown[shown["of"] < run.n_samples]
        if len(fewer):
            st.caption(
                f"{run.n_samples - int(fewer['of'].min()):,} of {run.n_samples:,} samples have no "
                "score and are left out."
            )
    if absent.any():
        st.caption(f"No score here: {', '.join(table.loc[absent, 'criterion'])}.")


def show_neighbours(
    run: RunReader, samples: Samples, sample_id: int, suggested: int | None
) -> None:
    """Show the nearest in feature space, with their labels."""
    st.subheader("Nearest in feature space", anchor=False)
    try:
        known = cached_samples.directions(run)
    except UsageError:
        why = run.absent.get("features", "the training did not log any")
        st.info(
            f"This run keeps no features, so there are no neighbours: {plain(why)}.",
            icon=":material/info:",
        )
        return
    near = nearest_in(run, known, pd.Series([sample_id]).to_numpy(), N_NEIGHBOURS)
    if near.empty:
        st.info(
            "This sample's features have no direction (zero, not finite or not logged), so it has "
            "no neighbours.",
            icon=":material/info:",
        )
        return
    given = int(samples.given_label[sample_id])
    st.markdown(plain(neighbour_sentence(near, given, suggested, run.class_names)))
    notes = {
        int(row.neighbour_id): f"cosine {row.cosine:.3f} · "
        f"{'same label' if row.given_label == given else 'other label'}"
        for row in near.itertuples()
    }
    link = f"{link_to('samples', run)}&sample="
    shown = cards(run, near["neighbour_id"].tolist(), samples.epoch, notes)
    st.html(as_html(shown, link=link, width=88))
    out = f" {len(known.left_out):,} samples without a direction are left out." * bool(
        len(known.left_out)
    )
    st.caption(
        f"By cosine of the features after epoch {known.epoch}, nearest first.{out} In a network "
        "that has memorised its labels, neighbours agree with wrong labels, too."
    )
