"""A run's verdicts and the labels that follow from them; read again after every verdict."""

from dashboard.cached.kept import kept_for
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.review import corrected_labels as labels

review_log = kept_for("verdicts.jsonl", max_entries=4)(verdicts.read)
corrected_labels = kept_for(
    *("samples.parquet", "signals", "scores", "metrics", "verdicts.jsonl"),
    max_entries=8,
    show_spinner="Reading the log ...",
)(labels.corrected_labels)


@kept_for("verdicts.jsonl", max_entries=16)
def verdicts_of(run: RunReader) -> dict[int, str]:
    """Return the verdict that stands of each judged sample."""
    standing = review_log(run).current["verdict"]
    return {int(sample_id): str(said) for sample_id, said in standing.items()}
