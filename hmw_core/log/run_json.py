"""What `run.json` must hold, checked before anything uses it."""

from dataclasses import fields
from typing import Any

from hmw_core.errors import UsageError
from hmw_core.log import checks
from hmw_core.log.schema import OUTPUTS, OVER_EPOCHS, PASSES, STATUSES, MethodColumn
from hmw_core.margins import check_k

MOST_SAMPLES = 20_000_000  # reading their labels takes 1 GB; ImageNet-21k has 14 million
MOST_CLASSES = 1_000_000
MOST_EPOCHS = 10_000  # each is a few files to look at, 0.4 ms
# These become part of a path: of the pictures, and of what is kept of a method's criterion.
FINGERPRINT = checks.matching(r"[0-9a-f]{16}", "16 hexadecimal digits")
WORD = checks.matching(r"[A-Za-z_][A-Za-z0-9_]{0,99}", "a word of letters, digits and _")

WEIGHTING = {
    "alpha": checks.number(0, 1e300),
    "beta": checks.number(0, 1e300),
    "k": checks.whole(1, MOST_CLASSES),
    "annealing_start": checks.whole(0, 1),
}
FIELDS: dict[str, Any] = {
    "name": checks.TEXT,
    "created?": checks.TEXT,
    "status": checks.one_of(STATUSES),
    "error?": checks.TEXT,
    "config?": checks.OBJECT,
    "recipe?": checks.TEXT,
    "dataset": {
        "name?": checks.TEXT,
        "fingerprint": FINGERPRINT,
        "test_fingerprint?": FINGERPRINT,
        "n_samples": checks.whole(1, MOST_SAMPLES),
        "n_classes": checks.whole(2, MOST_CLASSES),
        "class_names": [checks.TEXT],
    },
    "noise?": {
        "name?": checks.TEXT,
        "rate?": checks.SHARE,
        "mislabeled_fraction?": checks.SHARE,
        "transition_matrix?": [[checks.SHARE]],
    },
    "n_epochs": checks.whole(1, MOST_EPOCHS),
    "last_epoch?": checks.whole(0, MOST_EPOCHS),
    "seed?": checks.whole(-(2**63), 2**64),
    "weighting": WEIGHTING,
    "outputs?": {"keep": checks.one_of(OUTPUTS), "every": checks.whole(1, MOST_EPOCHS)},
    "networks?": checks.whole(1, 100),
    "pass?": checks.one_of(PASSES),
    "absent?": {"*": checks.TEXT},
    "threshold_samples?": checks.OBJECT,
    "method_state?": [
        {
            "name": WORD,
            "unit": checks.TEXT,
            "range": checks.TEXT,
            "meaning": checks.TEXT,
            "dtype": checks.one_of(("float32", "int32", "bool")),
            "higher_means?": checks.one_of(("clean", "mislabeled")),
            "over": checks.one_of(OVER_EPOCHS),
            "categories": [checks.TEXT],
        }
    ],
    "method_metrics?": [{"name": WORD, "unit": checks.TEXT, "meaning": checks.TEXT}],
    "method_arguments?": checks.OBJECT,
    "method_facts?": {
        "transition_matrix?": [[checks.SHARE]],
        "transition_from?": checks.TEXT,
        "condition_number?": checks.number(1, 1e300),
        "noise_rate?": checks.SHARE,
        "turning_epoch?": checks.whole(1, MOST_EPOCHS),
    },
    "validation?": {
        "n": checks.whole(0, MOST_SAMPLES),
        "share": checks.SHARE,
        "labels": checks.TEXT,
    },
    "warnings?": [{"text": checks.TEXT, "sample_id": [checks.whole(0, MOST_SAMPLES)]}],
    "versions?": checks.OBJECT,
    "commit?": checks.TEXT,
    "device?": checks.TEXT,
}


def check(info: dict[str, Any]) -> None:
    """Raise ValueError unless every field of a `run.json` is what `FIELDS` says.

    The message is a sentence that names the field, what it holds and what it may.
    """
    checks.check(info, FIELDS)
    dataset = info["dataset"]
    n_names = len(dataset["class_names"])
    if n_names != dataset["n_classes"]:
        raise ValueError(f"it has {dataset['n_classes']:,} classes but {n_names:,} class names")
    try:
        check_k(info["weighting"]["k"], dataset["n_classes"])
    except UsageError as error:
        raise ValueError(f"weighting.{error}") from None
    for warning in info.get("warnings") or []:
        of_this_run = checks.whole(0, dataset["n_samples"] - 1)
        checks.check(warning["sample_id"], [of_this_run], "warnings.sample_id")
    known = {field.name for field in fields(MethodColumn)}
    for column in info.get("method_state") or []:
        if column.keys() - known:
            raise ValueError(f"method_state has the unknown {sorted(column.keys() - known)[0]!r}")
