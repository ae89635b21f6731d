"""Every file and column of the run folder: name, type, unit, meaning.

The README's table of the log format is generated from this module. Shape letters: N samples,
C classes, D feature dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FORMAT_VERSION = 1
STATUSES = ("running", "finished", "stopped", "failed")
OUTPUTS = ("auto", "full", "topk", "none")
PASSES = ("training", "evaluation")
OVER_EPOCHS = (
    "last", "mean", "mean_rows", "annealed", "ema", "deviation", "changes", "drops", "first",
)  # fmt: skip

PASS = "of the pass that `pass` in run.json names"


@dataclass(frozen=True)
class Column:
    """A column: its name, Arrow type, unit, and what it was measured on."""

    name: str
    dtype: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class MethodColumn:
    """A column in which a training method keeps what it knows of each sample.

    `run.json` lists the columns of a run, so a reader needs no code of the method.
    """

    name: str
    """As in `method/`; not a column of `SIGNALS`."""
    unit: str
    range: str
    """In words or as an interval, such as "[0, 1]"."""
    meaning: str
    dtype: str = "float32"
    """float32, int32 or bool."""
    higher_means: str | None = None
    """"clean" or "mislabeled" where the column is a criterion of the run; else None."""
    over: str = "last"
    """How the criterion draws the epochs together, see `criteria.over_epochs`."""
    categories: tuple[str, ...] = ()
    """Names of the values 0, 1, ... of an int32 column of groups."""


@dataclass(frozen=True)
class MethodMetric:
    """A number that a training method knows of each epoch, in the metrics of the first network.

    `run.json` lists those of a run, so that a page needs no code of the method.
    """

    name: str
    """As in `metrics/`; not a column of `METRICS`."""
    unit: str
    meaning: str


@dataclass(frozen=True)
class RunWarning:
    """Something that whoever reads a run must know of its data; `run.json` lists them."""

    text: str
    """One sentence."""
    sample_id: tuple[int, ...] = ()
    """A few samples that show it; pages draw their pictures."""


SAMPLES = (
    Column("sample_id", "int32", "id", "row of the unshuffled training set, 0..N-1"),
    Column("given_label", "int32", "class", "label trained on"),
    Column("true_label", "int32", "class", "label before noise; null where unknown"),
    Column("source", "string", "", "path or key in the data set; null where there is none"),
)

SIGNALS = (
    Column("sample_id", "int32", "id", "as in samples.parquet"),
    Column("epoch", "int32", "epoch", "1-based, constant in a file"),
    Column("given_label", "int32", "class", "as in samples.parquet; the files are sorted by it"),
    Column("loss", "float32", "nat", f"unweighted loss against given_label; {PASS}"),
    Column("given_logit", "float32", "logit", f"logit of given_label; {PASS}"),
    Column("other_logit", "float32", "logit", "largest of the other logits, Eq. 5"),
    Column(
        "topk_logit", "float32", "logit", "mean of the k largest after it, Eq. 6; null for C = 2"
    ),
    Column(
        "given_distance", "float32", "1", "(1 - cosine) / 2 to the given class, Eq. 11, in [0, 1]"
    ),
    Column("other_distance", "float32", "1", "smallest distance to another class"),
    Column("topk_distance", "float32", "1", "mean of the k smallest after it; null for C = 2"),
    Column("hm_slice", "float32", "1", "hyperspherical IAM slice, Eq. 12, in (0, 1]"),
    Column(
        "hm_weight", "float32", "1", "HM weight gamma up to this epoch, Eqs. 7 and 13, in (0, 1]"
    ),
    Column("weight", "float32", "1", "factor really used on the loss; null where none was given"),
    Column("predicted_label", "int32", "class", "argmax of the logits; null where one is NaN"),
    Column("other_label", "int32", "class", "class of other_logit"),
    Column("confidence", "float32", "probability", "softmax probability of given_label, in [0, 1]"),
)

OUTPUT_COLUMNS = (
    Column("sample_id", "int32", "id", "as in samples.parquet"),
    Column("epoch", "int32", "epoch", "1-based, constant in a file"),
    Column("logits", "float16[C]", "logit", PASS),
    Column("cosine", "float16[C]", "1", "cosine between features and each class vector, Eq. 10"),
    Column("probabilities", "float64[C]", "probability", "of an import that has no logits"),
)

TOPK_OUTPUT_COLUMNS = (
    *OUTPUT_COLUMNS[:2],
    Column("top_label", "int32[10]", "class", "classes of the ten largest logits, largest first"),
    Column("top_logit", "float16[10]", "logit", PASS),
    Column("logsumexp", "float32", "logit", "of all logits: softmax = exp(logit - logsumexp)"),
)

FEATURES = (
    Column("sample_id", "int32", "id", "as in samples.parquet"),
    Column("features", "float16[D]", "", "penultimate features; evaluation pass after the epoch"),
)

CLASS_VECTORS = (
    Column("class_label", "int32", "class", "row of the last layer's weight"),
    Column("class_vector", "float32[D]", "", "W_q of Eq. 10, in the space of the features"),
)

IMAGES = (
    Column("sample_id", "int32", "id", "as in samples.parquet"),
    Column("image", "binary", "", "PNG or JPEG bytes"),
)

TEST_IMAGES = (
    Column("test_id", "int32", "id", "row of the test split"),
    Column("label", "int32", "class", "true label where the data set knows it, else the given one"),
    Column("image", "binary", "", "PNG or JPEG bytes"),
)

METRICS = (
    Column("epoch", "int", "epoch", "1-based"),
    Column("stage", "string", "", "stage of a method that trains in stages; absent otherwise"),
    Column("train_loss", "float", "nat", "mean of `loss` over the samples seen, where finite"),
    Column("train_accuracy", "float", "fraction", "share of given labels predicted"),
    Column(
        "n_non_finite",
        "int",
        "samples",
        "whose loss or margin is not finite and left out of means and scores",
    ),
    Column(
        "test_accuracy", "float", "fraction", "of true labels of the test split; null without one"
    ),
    Column("test_top5", "float", "fraction", "label among the five largest; over 10 classes only"),
    Column("test_<measure>_<split>", "float", "fraction", "the same of further test splits"),
    Column("learning_rate", "float", "", "of the epoch's last step"),
    Column("seconds", "float", "s", "wall time of the epoch, evaluation included"),
    Column("samples_per_second", "float", "1/s", "training samples a second, all passes in"),
    Column("<metric>", "float", "", "of the method, as `method_metrics` in run.json says"),
    Column(
        "auroc_<criterion>", "float", "AUROC", "of every criterion so far; null without true labels"
    ),
)

SCORES = (
    Column("sample_id", "int32", "id", "as in samples.parquet"),
    Column("<criterion>", "float64", "", "every criterion at this epoch; derived from signals/"),
)

METHOD = (
    Column("sample_id", "int32", "id", "as in samples.parquet"),
    Column("epoch", "int32", "epoch", "1-based, constant in a file"),
    Column("<column>", "", "", "as `method_state` in run.json says; null where unknown"),
)

THRESHOLD = (
    Column("sample_id", "int32", "id", "as in samples.parquet"),
    Column("is_threshold", "bool", "", "trained on in the extra class, and null in signals/"),
    Column(
        "margin",
        "float32",
        "logit",
        "logit of the class trained on minus the largest of the C others; training pass",
    ),
)

FILES = (
    ("samples.parquet", "sample", SAMPLES),
    ("signals/epoch-00001.parquet", "sample", SIGNALS),
    ("outputs/epoch-00001.parquet", "sample", OUTPUT_COLUMNS),
    ("method/epoch-00001.parquet", "sample", METHOD),
    ("features/epoch-00100.parquet", "sample", FEATURES),
    ("features/class-vectors-00100.parquet", "class", CLASS_VECTORS),
    ("metrics/epoch-00001.json", "epoch", METRICS),
    ("scores/epoch-00100.parquet", "sample", SCORES),
    ("threshold/epoch-00001.parquet", "sample", THRESHOLD),
    ("../.datasets/<fingerprint>/images.parquet", "sample", IMAGES),
    ("../.datasets/<fingerprint>/test-<test_fingerprint>.parquet", "test picture", TEST_IMAGES),
)

# What can be asked of the signals besides the stored columns: the first column less the second.
DERIVED = {
    "margin": ("given_logit", "other_logit"),  # Eq. 5
    "tkum": ("other_logit", "topk_logit"),  # Eq. 6
    "hyperspherical_margin": ("given_distance", "other_distance"),  # Eq. 5 on distances
    "hyperspherical_tkum": ("other_distance", "topk_distance"),  # Eq. 6 on distances
}

DISTANCES = ("given_distance", "other_distance", "topk_distance")  # Eq. 11; from cosines alone
SIGNAL_NAMES = tuple(column.name for column in SIGNALS)


def types_of(columns: Sequence[Column]) -> dict[str, str]:
    """Return the type of each column by its name."""
    return {column.name: column.dtype for column in columns}


def format_table() -> str:
    """Return the log format as Markdown, for the README."""
    lines = []
    for file, one_row, columns in FILES:
        lines += [f"**`{file}`**, one row per {one_row}", ""]
        lines += ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        lines += [f"| `{c.name}` | {c.dtype} | {c.unit} | {c.meaning} |" for c in columns]
        lines.append("")
    return "\n".join(lines).strip()
