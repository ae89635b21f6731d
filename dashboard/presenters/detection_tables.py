"""The contest's figures as tables to read and to print, each with the caption that explains it."""

import math

import pandas as pd

from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.laboratory.contest import MEASURES
from hmw_core.log.reader import RunReader

CHANCE = 0.5005  # an AUROC that is written as 0.500 or less
HEAD = "Criterion (suspicious end)"
RESULTS = {"a": "A beats B", "b": "B beats A", "level": "level", "open": "not decided"}


def measures_table(table: pd.DataFrame, run: RunReader) -> pd.DataFrame:
    """Return criteria by measures, each value with its interval, from `detection_measures`."""
    names = table["criterion"].unique()
    shown = {HEAD: [_with_direction(pick_criterion(run, name)) for name in names]}
    for measure, part in table.groupby("measure", sort=False):
        rows = part[["value", "low", "high"]].itertuples(index=False)
        shown[MEASURES[str(measure)]] = [_value(*row) for row in rows]
    return pd.DataFrame(shown)


def measures_caption(run: str, table: pd.DataFrame) -> str:
    """Return what `measures_table` shows."""
    first = table.iloc[0]
    even = "recall" not in set(table["measure"])
    how = (
        f"In brackets, 95 % percentile intervals of {first['n_resamples']:,} resamples of the "
        "samples, the same for all criteria."
        if first["n_resamples"]
        else "No resamples were drawn, so there are no intervals."
    )
    return (
        f"Run {run}, {_about(first)}; {first['left_out']:,} left out for lack of a score, "
        f"{first['unknown']:,} of all for lack of a true label. Flagged: {first['n_flagged']:,}, "
        f"{first['budget']}{'; recall is then the same as precision' if even else ''}. {how}"
    )


def pair_sentence(row: pd.Series) -> str:
    """Return in a sentence whether a beats b, from a row of `detection_pairs`."""
    one, two = row["a_title"], row["b_title"]
    lead = (
        f"{row['measure']} {row['a_value']:.3f} against {row['b_value']:.3f}, a difference of "
        f"{row['difference']:+.4f} (95 % interval of this pair alone "
        f"{row['low']:+.4f} to {row['high']:+.4f}; together with all {row['n_pairs']} pairs "
        f"{row['together_low']:+.4f} to {row['together_high']:+.4f}). {one} is ahead in "
        f"{_share(row['ahead'])} of {row['n_resamples']:,} resamples"
    )
    said = {
        "a": f"**{one} beats {two}.** {lead}.",
        "b": f"**{two} beats {one}.** {lead}.",
        "level": f"**{one} and {two} are level**: the same {_named(row['measure'])} in every "
        "resample.",
        "open": f"**Not decided between {one} and {two}.** {lead}; with all pairs counted, the "
        "interval contains 0.",
    }
    is_chance = row["measure"] == "AUROC" and max(row["a_value"], row["b_value"]) <= CHANCE
    at_chance = " Neither is above chance, 0.5, in this contest." if is_chance else ""
    return said[row["result"]] + at_chance


def best_sentence(table: pd.DataFrame) -> str:
    """Return the highest criterion of `detection_pairs`, and the criteria it beats."""
    best = table["a"].iloc[0]
    others = table[(table["a"] == best) & (table["b"] != best)]
    measure = table["measure"].iloc[0]
    said = f"Highest: **{title_of(best)}** ({measure})"
    if others.empty:
        return f"{said}, alone in the contest."
    level = others.loc[others["result"] != "a", "b_title"]
    rest = f" Not told apart from it: {', '.join(level)}." if len(level) else ""
    beaten = int(others["result"].eq("a").sum())
    return (
        f"{said}, which beats {beaten} of {len(others)} others with all pairs counted.{rest} "
        "Naming the highest takes true labels."
    )


def pairs_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a pair, the one ahead as A, largest difference first."""
    in_order = (
        table["a"]
        .map(list(dict.fromkeys(table["a"])).index)
        .lt(table["b"].map(list(dict.fromkeys([*table["a"], *table["b"]])).index))
    )
    ahead = table[in_order].sort_values("difference", ascending=False, kind="stable")
    return pd.DataFrame(
        {
            "A": ahead["a_title"],
            "B": ahead["b_title"],
            "A minus B": [f"{lead:+.4f}" for lead in ahead["difference"]],
            "95 % interval": _spans(ahead, "low", "high"),
            "All pairs together": _spans(ahead, "together_low", "together_high"),
            "A is ahead": [_share(share) for share in ahead["ahead"]],
            "Result": ahead["result"].map(RESULTS),
        }
    ).reset_index(drop=True)


def pairs_caption(run: str, table: pd.DataFrame) -> str:
    """Return what `pairs_table` shows."""
    first = table.iloc[0]
    return (
        f"Run {run}, {_about(first)}. {first['measure']} of A minus that of B, budget "
        f"{first['budget']}. Paired bootstrap, {first['n_resamples']:,} resamples of the samples; "
        "A is ahead: share of resamples, a tie counting a half, which is no probability of being "
        f"better in another training. A result counts all {first['n_pairs']} pairs together."
    )


def epochs_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return epochs by criteria, and the pair's difference, from `detection_epochs`."""
    lines = table[table["criterion"].notna()]
    value = lines.pivot(index="after_epoch", columns="criterion", values="value")
    value = value[list(dict.fromkeys(lines["criterion"]))]
    value.columns = pd.Index([title_of(name) for name in value.columns])
    lead = table[table["criterion"].isna()].set_index("after_epoch")
    for head in lead["title"].unique():
        rows = lead[["value", "low", "high"]].itertuples(index=False)
        said = [_value(row[0], row[1], row[2], "+.4f") for row in rows]
        value[head] = pd.Series(said, index=lead.index)
    return value.rename_axis("Up to epoch").reset_index()


def epochs_caption(run: str, table: pd.DataFrame) -> str:
    """Return what `epochs_table` shows."""
    first = table.iloc[0]
    return (
        f"Run {run}, {_about(first)}. {first['measure']} after each epoch, budget "
        f"{first['budget']}. In brackets, the pair's 95 % interval of {first['n_resamples']:,} "
        "resamples of the samples at each epoch, for that epoch alone."
    )


def classes_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return classes by criteria, each value with its interval, from `detection_classes`."""
    rows: dict[object, dict[str, object]] = {}
    for row in table.itertuples():
        key = "all" if pd.isna(row.given_label) else row.given_label
        line = rows.setdefault(
            key,
            {
                "Given label": row.class_title,
                "Clean": row.of_clean,
                "Mislabeled": row.of_mislabeled,
            },
        )
        line[row.title] = "too few" if row.too_few else _value(row.value, row.low, row.high)
    return pd.DataFrame(list(rows.values()))


def classes_caption(run: str, table: pd.DataFrame) -> str:
    """Return what `classes_table` shows."""
    first = table.iloc[0]
    return (
        f"Run {run}, up to epoch {first['epoch']}: {first['contest']} against mislabeled. "
        f"{first['measure']} in a ranking of each given label alone, budget {first['budget']}. In "
        f"brackets, 95 % percentile intervals of {first['n_resamples']:,} resamples of the "
        "class's samples. Too few: fewer than five samples in the smaller group. The first row "
        "ranks all classes together."
    )


def rules_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return rules for what is hard by criteria, from `detection_rules`."""
    value = table.pivot(index="definition", columns="criterion", values="value")
    value = value[list(dict.fromkeys(table["criterion"]))]
    value.columns = pd.Index([title_of(name) for name in value.columns])
    titles = table.drop_duplicates("definition").set_index("definition")["rule_title"]
    value.insert(0, "Hard chosen by", titles)
    return value.reset_index(drop=True)


def rules_caption(run: str, table: pd.DataFrame) -> str:
    """Return what `rules_table` shows."""
    first = table.iloc[0]
    return (
        f"Run {run}, all classes, up to epoch {first['epoch']}. {first['measure']} of each "
        f"criterion (columns) among the {100 * first['hard_fraction']:g} % of the clean samples "
        f"that each rule (rows) calls hard ({first['n_hard']:,}) and all mislabeled ones "
        f"({first['n_mislabeled']:,}). A criterion is at its worst on its own choice."
    )


def seeds_table(table: pd.DataFrame, run: RunReader) -> pd.DataFrame:
    """Return criteria by seeds, their mean and lead over the reference, from `detection_seeds`.

    `run` is one of the seeds; it says which end of each criterion is suspicious.
    """
    rows = table.drop_duplicates("criterion")
    shown: dict[str, list[object]] = {
        HEAD: [_with_direction(pick_criterion(run, name)) for name in rows["criterion"]]
    }
    for name, part in table.groupby("run", sort=False):
        seed = part["seed"].iloc[0]
        head = f"Seed {seed}" if f"Seed {seed}" not in shown else f"Seed {seed} ({name})"
        shown[head] = [f"{value:.4f}" for value in part["value"]]
    means = rows[["mean", "low", "high"]].itertuples(index=False)
    leads = rows[["lead", "lead_low", "lead_high"]].itertuples(index=False)
    shown["Mean"] = [_value(*row) for row in means]
    shown[f"Minus {rows['reference'].iloc[0]}"] = [
        _value(row[0], row[1], row[2], "+.4f") for row in leads
    ]
    counts = zip(rows["n_ahead"], rows["n_runs"], strict=True)
    shown["Ahead in"] = [f"{n_ahead} of {n_runs}" for n_ahead, n_runs in counts]
    return pd.DataFrame(shown)


def seeds_caption(table: pd.DataFrame, *, paired: bool) -> str:
    """Return what `seeds_table` shows; `paired` where all seeds share samples and labels."""
    first = table.iloc[0]
    data = (
        "on the same samples and given labels"
        if paired
        else "each with noise or samples of its own draw, which the spread contains"
    )
    return (
        f"{first['measure']} after epoch {first['epochs']} of {first['n_runs']} seeds of one "
        f"recipe, {data}; {first['contest']} against mislabeled, budget {first['budget']}. "
        f"Differences to {first['reference']} are paired within a seed. In brackets, Student's "
        "95 % intervals over the seeds, each for itself; none where the values do not vary."
    )


def _about(first: pd.Series) -> str:
    return (
        f"{first['class_name']}, up to epoch {first['epoch']}: {first['contest']} "
        f"({first['n_clean']:,}) against mislabeled ({first['n_mislabeled']:,})"
    )


def _named(measure: str) -> str:
    """Return a measure's title inside a sentence."""
    return measure if measure.isupper() else measure[0].lower() + measure[1:]


def _with_direction(criterion: Criterion) -> str:
    return f"{criterion.title} ({'low' if criterion.higher_means == 'clean' else 'high'})"


def _value(value: float, low: float, high: float, form: str = ".3f") -> str:
    interval = "" if math.isnan(low) else f" ({low:{form}} to {high:{form}})"
    return f"{value:{form}}{interval}"


def _share(share: float) -> str:
    """Return a share in per cent; 0 and 1 are words, so that no rounded share reads as all."""
    if share in (0.0, 1.0) or math.isnan(share):
        return {0.0: "none", 1.0: "all"}.get(share, "–")
    return f"{100 * min(max(share, 0.001), 0.999):.1f} %"


def _spans(table: pd.DataFrame, low: str, high: str) -> list[str]:
    rows = table[[low, high]].itertuples(index=False)
    return [f"{bounds[0]:+.4f} to {bounds[1]:+.4f}" for bounds in rows]
