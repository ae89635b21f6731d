"""RunConfig: everything that decides a run, as one flat table."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

from hmw_core.errors import UsageError
from hmw_core.file_names import check_folder_name, file_name, is_folder_name
from hmw_core.margins import HMSettings
from training.recipes import recipe_fields

SCHEDULES = ("step", "cosine", "restarts", "linear", "exponential", "constant")
OPTIMIZERS = ("sgd", "adam")
AUGMENTATIONS = ("auto", "crop_flip", "crop", "none")
OUTPUTS = ("auto", "full", "topk", "none")
HUMAN_BY_DEFAULT = {"cifar10n": "worse_label", "cifar100n": "noisy_label"}
HUMAN = ("parquet", "cifar10", "cifar100", *HUMAN_BY_DEFAULT)  # may have labels people gave
DEVICES = ("auto", "cuda", "mps", "cpu")
ALL_ITEMS = CollectionCheckStrategy.ALL_ITEMS
LARGEST_SHARE = 0.5  # of the samples that may be threshold samples; two runs then cover all


def _of_method(**options: Any) -> Any:
    """Return a field that belongs to the method: what a recipe decides when a proof is trained."""
    return field(**options, metadata={"part": "method"})


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Train a network on noisy labels and log every sample of every epoch."""

    recipe: str | None = _of_method(default=None)
    """A row of the paper's tables, as `list` names them, or one followed by `+HMW`: with the HM
    weight as a factor. It sets method, loss, weighting and, on data that its source trained,
    network and schedule; what is given besides it wins."""

    dataset: str = "digits"
    """Name of a data set, as `list` names them."""
    data: str | None = None
    """Folder that holds the data set, or the Parquet file to train on. Default: data/datasets,
    where CIFAR is downloaded to."""
    test_data: str | None = None
    """Parquet file with the test split; default: hold out `test-fraction`. Of `webvision`, the
    folder of ILSVRC12, which is tested, too; default: ILSVRC12 or imagenet in --data."""
    image_column: str = "image"
    """Parquet column of encoded pictures (PNG, JPEG, ...)."""
    label_column: str = "label"
    """Parquet column of the labels to train on."""
    true_label_column: str | None = None
    """Parquet column of the true labels, where they are known."""
    noise_column: str | None = None
    """Human labels, which `--noise human` trains on: a column of the Parquet file, or of the
    published file of CIFAR-10N or CIFAR-100N in the folder --data."""
    test_fraction: float = 0.2
    """Share of the data held out for testing where the data set brings no test split, in [0, 1);
    0 trains without a test."""
    train_samples: int | None = None
    """Train on so many samples only, drawn with the seed. Default: all."""
    image_size: int | None = None
    """Side of the pictures in pixels. Default: as they are up to 96 pixels, otherwise 224."""
    skip_broken: bool = False
    """Train without the pictures that cannot be read, and note them in the run. Default: they are
    named, and nothing is trained."""

    noise: str = "none"
    """Noise put on the true labels, as `list` names them."""
    noise_rate: float = 0.0
    """Its rate in [0, 1], as the noise defines it. The share of labels that really changed is
    measured and kept with the run."""
    noise_args: dict[str, float | str] = field(default_factory=dict)
    """Arguments of the noise, as `list` names them: `--noise-args type II teacher_epochs 10`."""
    noise_file: str | None = None
    """File of noisy labels (CSV, Parquet or JSON), as `python -m training noise` writes it, in
    place of a draw. `--noise` and `--noise-rate` are those that it says, where it does."""
    labels: str | None = None
    """File of corrected labels (CSV, Parquet or JSON) to train on in place of the given ones. No
    noise is then drawn: `--noise` only says, as in the first training, that the data set's own
    labels are the true ones."""

    threshold_samples: float | Literal["auto"] | None = None
    """Share of the training samples that are put into a class of their own, in (0, 0.5], or
    `auto` = 1/(n_classes + 1): what any sample of a wrong label looks like. They have no score in
    this run, and the 99th percentile of their margins is AUM's threshold. Default: none."""
    threshold_seed: int | None = None
    """Which samples these are: neighbouring numbers share none, as long as what decides the data
    (`--data-seed`, else `--seed`) is the same. Default: the seed."""

    method: str = _of_method(default="standard")
    """How a network is trained, as `list` names them."""
    method_args: dict[str, float | str] = _of_method(default_factory=dict)
    """Arguments of the method, as `list` names them: `--method-args noise_rate 0.4`."""
    loss: str = _of_method(default="ce")
    """Per-sample loss, as `list` names them."""
    loss_args: dict[str, float] = _of_method(default_factory=dict)
    """Parameters of the loss: `--loss-args q 0.7`."""
    normalize_logits: bool = _of_method(default=False)
    """Divide each sample's logits by their length before the loss, as the authors' code does."""
    weighting: str = _of_method(default="uniform")
    """Per-sample weight on the loss, as `list` names them."""
    weighting_args: dict[str, str] = _of_method(default_factory=dict)
    """Further choices of the weighting: `--weighting-args terms aum history current`."""
    alpha: float = _of_method(default=100.0)
    """Scale of the AUM term of the HM weight, >= 0 (Eq. 12)."""
    beta: float = _of_method(default=100.0)
    """Scale of its TKUM term, >= 0 (Eq. 12)."""
    k: int = _of_method(default=1)
    """Classes averaged by TKUM, 1 to n_classes - 2 (Eq. 6)."""
    annealing_start: int = _of_method(default=1)
    """Number of the first epoch in Eq. 9: 1 in the paper, 0 in the authors' code."""
    warmup_epochs: int = _of_method(default=0)
    """Epochs before the HM weight is used; 0 in the paper, 10 in the authors' code (30 on
    CIFAR-100), both of 250 epochs."""
    confidence_penalty: float = _of_method(default=0.0)
    """Factor of the mean of sum p log p added to the loss, >= 0; 1 in the authors' code under
    asymmetric noise."""

    network: str = "small_cnn"
    """`small_cnn`, `preact_resnet18`, or any name that timm knows."""
    class_bias: bool = _of_method(default=True)
    """Whether the last layer has a bias. The authors' code has none; cosines never see it."""
    epochs: int = 100
    """Passes over the training set, >= 1."""
    batch_size: int = 128
    """Samples a step, >= 1."""
    optimizer: str = "sgd"
    """`sgd` or `adam`."""
    learning_rate: float = 0.02
    """At the start, > 0."""
    momentum: float = 0.9
    """Of SGD, or Adam's first beta, in [0, 1)."""
    nesterov: bool = False
    """Whether SGD looks ahead by its momentum."""
    weight_decay: float = 5e-4
    """Of the optimizer, >= 0."""
    schedule: str = "step"
    """`step` (falls at each share of `schedule-at`), `cosine` (falls to 0), `restarts` (a cosine
    that begins anew after each such share), `linear` (constant up to the share, then falls to 0),
    `exponential` (falls evenly by `schedule-factor`), or `constant`. A method that trains in
    stages begins anew with each."""
    schedule_at: tuple[float, ...] = ()
    """Shares of the training, in (0, 1), at which `step` falls, `linear` begins to fall or
    `restarts` begins anew. Default: 0.5 and 0.8 for `step`, 0.4 for `linear`, 1/15."""
    schedule_factor: float = 0.1
    """What `step` multiplies the learning rate by, or `restarts` and `exponential` fall to, in
    (0, 1]."""
    augment: str = "auto"
    """`crop_flip`, `crop`, `none`, or what suits the data set."""
    seed: int = 0
    """Decides noise, split, start and order: the same seed gives the same run on the CPU."""
    data_seed: int | None = None
    """Decides noise and split in place of `--seed`, so that runs of several seeds share their
    data. Default: the seed."""

    run: str | None = None
    """Name of the run. Default: made from recipe, data set, noise and seed."""
    runs: str = "data/runs"
    """Folder of the runs."""
    outputs: str = "auto"
    """What is kept of all logits and cosines: `full`, the ten largest logits (`topk`), `none`, or
    `auto`: `full` where an epoch's logits take at most 200 MB, else `topk`."""
    outputs_every: int = 1
    """Keep them every so many epochs, >= 1."""
    features_at: tuple[int, ...] = ()
    """Epochs after which the penultimate features are logged. Default: the last."""

    device: str = "auto"
    """`cuda`, `mps`, `cpu`, or the first of these there is."""
    threads: int | None = None
    """Threads that compute on the CPU, >= 1; another number changes the last digits. Default:
    OMP_NUM_THREADS, or one for each core that this process may use."""
    compile: bool = False
    """Compile the network with torch.compile: a slow start, faster epochs on a GPU."""
    workers: int = 2
    """Processes that decode pictures too large to keep on the device, >= 0."""

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises
        ------
        UsageError
            Naming the option, the value and what is accepted. Unknown names of data sets, losses
            and so on are found where they are looked up.
        """
        column = HUMAN_BY_DEFAULT.get(self.dataset)
        if column is not None and self.noise in ("none", "human") and self.noise_file is None:
            object.__setattr__(self, "noise", "human")
            object.__setattr__(self, "noise_column", self.noise_column or column)
        for name, low in AT_LEAST.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= low):
                raise UsageError(f"{_option(name)} must be {low} or more, got {value}")
        try:
            HMSettings(self.alpha, self.beta, self.k, self.annealing_start)
        except UsageError as error:
            name, rest = str(error).split(" ", 1)
            raise UsageError(f"{_option(name)} {rest}") from None
        for name in ("noise_rate", "test_fraction", "momentum"):
            value = getattr(self, name)
            closed = name == "noise_rate"
            if not (0 <= value < 1 or (closed and value == 1)):
                accepted = "[0, 1]" if closed else "[0, 1)"
                raise UsageError(f"{_option(name)} must lie in {accepted}, got {value}")
        share = self.threshold_samples
        if share is not None and share != "auto" and not 0 < share <= LARGEST_SHARE:
            raise UsageError(
                f"--threshold-samples must be auto or lie in (0, {LARGEST_SHARE}], got {share}"
            )
        if self.threshold_seed is not None and share is None:
            raise UsageError("--threshold-seed goes with --threshold-samples only")
        for share in self.schedule_at:
            if not 0 < share < 1:
                raise UsageError(f"--schedule-at must lie in (0, 1), got {share}")
        if not 0 < self.schedule_factor <= 1:
            raise UsageError(f"--schedule-factor must lie in (0, 1], got {self.schedule_factor}")
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise UsageError("--nesterov goes with --optimizer sgd and a momentum above 0")
        if not 0 < self.learning_rate < math.inf:
            raise UsageError(f"--learning-rate must be above 0, got {self.learning_rate}")
        for name, accepted_values in ONE_OF.items():
            value = getattr(self, name)
            if value not in accepted_values:
                known = ", ".join(map(str, accepted_values))
                raise UsageError(f"{_option(name)} must be one of {known}, got {value!r}")
        for epoch in self.features_at:
            if not 1 <= epoch <= self.epochs:
                raise UsageError(f"--features-at must lie in 1..{self.epochs}, got {epoch}")
        for name, datasets in BELONGS_TO.items():
            if getattr(self, name) is not None and self.dataset not in datasets:
                raise UsageError(
                    f"{_option(name)} goes with --dataset {' or '.join(datasets)} only"
                )
        if (self.noise_column is not None) != (self.noise == "human"):
            raise UsageError(
                f"--noise human and --noise-column go together, got --noise {self.noise} "
                f"and --noise-column {self.noise_column}"
            )
        if self.noise in ("none", "human") and self.noise_rate:
            raise UsageError(
                f"--noise {self.noise} has no rate, got --noise-rate {self.noise_rate}; "
                "name a synthetic noise, or leave the rate out"
            )
        if self.noise_file is not None and self.labels is not None:
            raise UsageError("--labels and --noise-file both say the labels: give one of them")
        if self.run is not None:
            check_folder_name(self.run, "--run")

    @property
    def run_name(self) -> str:
        """The name given, or one made from what distinguishes runs.

        Settings of the method that differ from the recipe's are part of it.
        """
        changed = self._departures()
        if self.recipe is None:
            for name in ("loss", "weighting", "method"):
                changed.pop(name, None)
        words = [_word(name, value) for name, value in changed.items()]
        if self.recipe is not None:
            words.insert(0, self.recipe)
        else:
            plain = RunConfig()
            own = [] if self.method == plain.method else [self.method]
            loss = [] if own and self.loss == plain.loss else [self.loss]
            weighting = [] if self.weighting == plain.weighting else [self.weighting]
            words[:0] = own + loss + weighting
        method = "-".join(words)
        noise = self.noise if self.noise in ("none", "human") else f"{self.noise}{self.noise_rate}"
        if self.noise_args:
            noise += f"-{_word('noise_args', self.noise_args)}"
        if self.noise == "none" and self.noise_file is not None:
            noise = "file"
        labels = "" if self.labels is None else "-corrected"
        name = f"{method}-{self.dataset}-{noise}{labels}-seed{self.seed}"
        if self.threshold_samples is not None:
            seed = self.seed if self.threshold_seed is None else self.threshold_seed
            name += f"-threshold{seed}"
        name = name.replace(" ", "-")
        return self.run or (name if is_folder_name(name) else file_name(name, ""))

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return Path(self.runs) / self.run_name

    def as_json(self) -> dict[str, Any]:
        """Return the fields as `run.json` keeps them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "RunConfig":
        """Return the config that `as_json` came from.

        Raises
        ------
        UsageError
            If it is not one of ours, or a setting is of another type than ours.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        needed = {"dataset", "loss", "epochs", "seed"}
        if not isinstance(values, dict) or not needed <= values.keys():
            raise UsageError(
                "the run was not made by `python -m training train`, so it cannot be resumed by it"
            )
        unknown = sorted(values.keys() - known)
        if unknown:
            raise UsageError(
                "the run was made by a later version of this program: it has the setting "
                f"{', '.join(unknown)}, which this version does not know"
            )
        types = get_type_hints(cls)
        settings: dict[str, Any] = {}
        for name, value in values.items():
            settings[name] = tuple(value) if isinstance(value, list) else value
            try:
                check_type(settings[name], types[name], collection_check_strategy=ALL_ITEMS)
            except TypeCheckError as error:
                raise UsageError(f"the run's setting {name} is {value!r}: {error}") from None
        return cls(**settings)

    def _departures(self) -> dict[str, Any]:
        """Return the settings of the method that differ from the recipe's, or from the defaults."""
        plain = RunConfig()
        own = {}
        if self.recipe is not None:
            own = recipe_fields(self.recipe, self.dataset, self.noise, self.noise_rate)
        return {
            name: getattr(self, name)
            for name in METHOD_FIELDS
            if name != "recipe" and getattr(self, name) != own.get(name, getattr(plain, name))
        }


METHOD_FIELDS = tuple(
    f.name for f in dataclasses.fields(RunConfig) if f.metadata.get("part") == "method"
)
"""Fields that say how is trained: what a recipe decides, whatever network, schedule and data."""

AT_LEAST = {
    **dict.fromkeys(("epochs", "batch_size", "outputs_every", "train_samples", "threads"), 1),
    **dict.fromkeys(("warmup_epochs", "confidence_penalty"), 0),
    **dict.fromkeys(("weight_decay", "seed", "data_seed", "threshold_seed", "workers"), 0),
    "image_size": 8,
}
BELONGS_TO = {
    "test_data": ("parquet", "webvision"),
    "true_label_column": ("parquet",),
    "noise_column": HUMAN,
}
"""Of the settings that some data sets read: which ones."""
ONE_OF = {
    "schedule": SCHEDULES,
    "optimizer": OPTIMIZERS,
    "augment": AUGMENTATIONS,
    "outputs": OUTPUTS,
    "device": DEVICES,
}


def _option(field_name: str) -> str:
    return "--" + field_name.replace("_", "-")


def _word(name: str, value: Any) -> str:
    """Return a setting as a part of a run's name, such as `alpha10` or `q0.3`."""
    if isinstance(value, dict):
        return "-".join(_word(key, value[key]) for key in sorted(value)) or f"no_{name}"
    if isinstance(value, bool):
        return name if value else f"no_{name}"
    return f"{name}{value:g}" if isinstance(value, float) else f"{name}{value}"
