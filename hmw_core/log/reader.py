"""RunReader: questions to a run folder; it only reads, and a damaged file never stops it."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hmw_core.errors import UnreadableRun, UsageError
from hmw_core.log import integrity, layout
from hmw_core.log.files import DamagedFile, naming, open_table, read_table, shown
from hmw_core.log.integrity import SIGNAL_TYPES
from hmw_core.log.samples_file import check_numbers, limits_of, read_samples
from hmw_core.log.schema import (
    IMAGES,
    OUTPUT_COLUMNS,
    SIGNAL_NAMES,
    TEST_IMAGES,
    TOPK_OUTPUT_COLUMNS,
    MethodColumn,
    MethodMetric,
    RunWarning,
    types_of,
)
from hmw_core.log.signal_query import SignalQuery, check_columns, derive, stored_of
from hmw_core.log.tables import (
    ALWAYS_KNOWN,
    N_TOPK,
    SCORES_VERSION,
    as_matrix,
    read_rows,
    with_arrays,
)

OUTPUT_NAMES = ("logits", "cosine", "probabilities")
ID = {"sample_id": "int32"}
OUTPUT_TYPES = types_of((*OUTPUT_COLUMNS, *TOPK_OUTPUT_COLUMNS))
KILLED = "the training process ended without a word (killed, or the machine went down)"


_NO_TEST = pa.schema([("test_id", pa.int32()), ("label", pa.int32()), ("image", pa.binary())])


class Features(NamedTuple):
    """Penultimate features of an epoch: (N, D) float32 in the order of `sample_id` (N,)."""

    epoch: int
    sample_id: np.ndarray
    features: np.ndarray
    class_vectors: np.ndarray | None  # (C, D)


class RunReader:
    """A run folder, read-only; made anew it sees the epochs that have come since.

    Parameters
    ----------
    path : path
        The run folder.
    network : int
        Whose signals, outputs, features and method state are read, 1 to `n_networks`: methods
        such as Co-teaching train two networks. Samples, verdicts and pictures are the run's.

    Raises
    ------
    UnreadableRun
        If the folder is missing, foreign, of a newer format, or its `run.json` or
        `samples.parquet` is damaged. A damaged epoch only ends the epochs; see `damage`.
    UsageError
        If the run has no such network.
    """

    def __init__(self, path: str | Path, network: int = 1) -> None:
        self.folder = Path(path)
        self.name = self.folder.name
        with opening(self.name):
            self._open(network)

    def _open(self, network: int) -> None:
        if not os.path.isdir(self.folder):
            raise UnreadableRun(f"no run folder at {shown(self.folder)}")
        self.info = layout.read_info(self.folder)
        dataset = self.info["dataset"]
        self.n_samples: int = dataset["n_samples"]
        self.n_classes: int = dataset["n_classes"]
        self.class_names: list[str] = dataset["class_names"]
        self.n_epochs: int = self.info["n_epochs"]
        self.annealing_start: int = self.info["weighting"]["annealing_start"]
        self.n_networks: int = self.info.get("networks", 1)
        if not 1 <= network <= self.n_networks:
            count = "one network" if self.n_networks == 1 else f"{self.n_networks} networks"
            raise UsageError(f"run {self.name!r} has {count}, so no network {network}")
        self.network = network
        self.network_folder = layout.network_folder(self.folder, network)
        self._limits = limits_of(self.n_samples, self.n_classes)
        self._samples = read_samples(self.folder, self._limits)

    @property
    def status(self) -> str:
        """`running`, `finished`, `stopped` or `failed`; a killed run counts as stopped."""
        return "stopped" if self._was_killed else self.info["status"]

    @property
    def error(self) -> str | None:
        """Why the run did not finish, or None."""
        return KILLED if self._was_killed else self.info.get("error")

    @property
    def pass_name(self) -> str:
        """The pass whose outputs are logged: `training` (before the update) or `evaluation`."""
        return self.info.get("pass", "training")

    @property
    def method_columns(self) -> dict[str, MethodColumn]:
        """What the training method keeps of each sample, by name; empty for most methods."""
        listed = self.info.get("method_state") or []
        return {
            entry["name"]: MethodColumn(**entry | {"categories": tuple(entry["categories"])})
            for entry in listed
        }

    @property
    def method_metrics(self) -> dict[str, MethodMetric]:
        """What the training method knows of each epoch, by name: columns of `metrics`."""
        return {e["name"]: MethodMetric(**e) for e in self.info.get("method_metrics") or []}

    @property
    def method_facts(self) -> dict[str, Any]:
        """What the training method has found out, such as its transition matrix."""
        return self.info.get("method_facts") or {}

    @property
    def has_true_label(self) -> bool:
        """Whether the true label of every sample is known."""
        return bool(self._samples["true_label"].notna().all())

    @property
    def absent(self) -> dict[str, str]:
        """What the source of this log did not hold, and why: signal columns, `features`, ..."""
        return self.info.get("absent") or {}

    @property
    def outputs_setting(self) -> str | None:
        """What of the outputs the run was made to keep: `full`, `topk` or `none`; None unsaid."""
        return (self.info.get("outputs") or {}).get("keep")

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        """What a reader must know of the run's data, as its logger found it."""
        listed = self.info.get("warnings") or []
        return tuple(RunWarning(entry["text"], tuple(entry["sample_id"])) for entry in listed)

    @property
    def last_epoch(self) -> int:
        """The last whole epoch, 0 before the first."""
        return self.epochs()[-1] if self.epochs() else 0

    def samples(self) -> pd.DataFrame:
        """Return sample_id, given_label, true_label, source, is_mislabeled; row = sample_id."""
        return self._samples.copy()

    def sample_ids(self, given_label: int | None = None) -> np.ndarray:
        """Return the ids in the order of the signal files: by given label, then by id."""
        order = self._order
        if given_label is None:
            return order
        return order[slice(*self._rows_of(given_label))]

    def epochs(self) -> list[int]:
        """Return the epochs that are whole, 1 up to the last without a gap."""
        return self._scan[0]

    @property
    def damage(self) -> list[str]:
        """Sentences about epochs that cannot be used, and why; empty for a sound run."""
        return self._scan[1]

    def metrics(self) -> pd.DataFrame:
        """Return one row an epoch with the columns of `schema.METRICS`, NaN where unknown."""
        rows = [integrity.read_metrics(self.network_folder, epoch) for epoch in self.epochs()]
        table = pd.DataFrame(rows)
        for column in ("epoch", "train_loss", "train_accuracy", "test_accuracy"):
            if column not in table:
                table[column] = np.nan
        numbers = table.drop(columns="stage", errors="ignore").apply(pd.to_numeric, errors="coerce")
        if "stage" in table:
            numbers["stage"] = table["stage"]
        return numbers.astype({"epoch": int})

    def signals(
        self,
        columns: Sequence[str],
        sample_id: int | Sequence[int] | None = None,
        given_label: int | None = None,
        epochs: Sequence[int] | None = None,
    ) -> pd.DataFrame:
        """Return epoch, sample_id and `columns`, ordered by both; NaN where a sample was missed.

        Parameters
        ----------
        columns : sequence of str
            Of `schema.SIGNALS` or `schema.DERIVED`.
        sample_id : int or sequence of int, optional
            Only these samples.
        given_label : int, optional
            Only the samples of this class.
        epochs : sequence of int, optional
            Only these epochs. Default: all.
        """
        query = SignalQuery(
            columns, self._samples["given_label"].to_numpy(), sample_id, given_label
        )
        folder = self.network_folder
        kept = self._kept("signals", epochs)
        files = [str(layout.epoch_file(folder, "signals", epoch)) for epoch in kept]
        if not files:
            return pd.DataFrame(columns=["epoch", "sample_id", *columns])
        try:
            return query.run(files, self._limits)
        except ValueError as damage:
            raise UsageError(f"run {self.name!r}: a signals file is damaged: {damage}") from None

    def mean_signals(
        self, columns: Sequence[str], groups: pd.DataFrame, epochs: Sequence[int] | None = None
    ) -> pd.DataFrame:
        """Return group, epoch, n_samples and the mean of `columns` over each group's samples.

        Values that are null or not finite are left out of the mean.
        `groups` has the columns `sample_id` and `group`; a sample may be in several.
        """
        check_columns(columns)
        ids = groups["sample_id"].to_numpy()
        labels = self._samples["given_label"].to_numpy()[ids]
        label = int(labels[0]) if len(labels) and (labels == labels[0]).all() else None
        order = self.sample_ids(label)
        position = np.empty(self.n_samples, dtype=np.int64)
        position[order] = np.arange(len(order))
        members = {
            name: position[part["sample_id"].to_numpy()] for name, part in groups.groupby("group")
        }
        reads = sorted({c for name in columns for c in stored_of(name)})
        rows = []
        for epoch, stored in self.iterate(reads, epochs, label):
            values = {name: derive(name, stored) for name in columns}
            for name, rows_of in members.items():
                row = {"group": name, "epoch": epoch, "n_samples": len(rows_of)}
                for column, value in values.items():
                    part = value[rows_of]
                    part = part[np.isfinite(part)]
                    row[column] = float(part.mean(dtype=np.float64)) if len(part) else np.nan
                rows.append(row)
        return pd.DataFrame(rows, columns=["group", "epoch", "n_samples", *columns])

    def iterate(
        self,
        columns: Sequence[str],
        epochs: Sequence[int] | None = None,
        given_label: int | None = None,
    ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Yield each epoch with its stored columns, in the order of `sample_ids(given_label)`."""
        for epoch in self._chosen(epochs):
            yield epoch, self.epoch_columns(epoch, columns, given_label)

    def epoch_columns(
        self, epoch: int, columns: Sequence[str], given_label: int | None = None
    ) -> dict[str, np.ndarray]:
        """Return columns of one epoch, in the order of `sample_ids(given_label)`.

        Those of `signals/` and of the method have shape (N,); `logits` and `cosine`, where
        `output_epochs` has the epoch, (N, C) float32, `probabilities` float64. NaN where a sample
        was not seen.

        Raises
        ------
        UsageError
            If a file is damaged.
        """
        rows = None if given_label is None else self._rows_of(given_label)
        of_method = self.method_columns
        wanted: dict[str, list[str]] = {"signals": [], "method": [], "outputs": []}
        for name in columns:
            kind = "method" if name in of_method else "signals"
            wanted["outputs" if name in OUTPUT_NAMES else kind].append(name)
        found: dict[str, np.ndarray] = {}
        for kind, names in wanted.items():
            path = layout.epoch_file(self.network_folder, kind, epoch)
            if not names:
                continue
            if kind == "outputs":
                found |= self._in_order(self.read_outputs(epoch, names), names, rows)
                continue
            types = SIGNAL_TYPES if kind == "signals" else {n: of_method[n].dtype for n in names}
            wanted_types = ID | {name: types[name] for name in names}
            table = read_rows(path, wanted_types, self.n_samples, rows)
            self.check_numbers(path, table)
            if not np.array_equal(table["sample_id"].to_numpy(), self.sample_ids(given_label)):
                raise DamagedFile(path, "is damaged: its samples are not those of samples.parquet")
            found |= {
                name: table[name].cast(pa.float32()).to_numpy()
                if kind == "method"
                else table[name].to_numpy()
                for name in names
            }
        return found

    def method_state(
        self, columns: Sequence[str] | None = None, epochs: Sequence[int] | None = None
    ) -> pd.DataFrame:
        """Return epoch, sample_id and what the method kept of each sample, ordered by both.

        Columns of groups are categorical, those of flags are nullable booleans, all others are
        numbers; null where the method knew nothing. Empty for a method that keeps nothing.

        Parameters
        ----------
        columns : sequence of str, optional
            Of `method_columns`. Default: all.
        epochs : sequence of int, optional
            Default: all.

        Raises
        ------
        UsageError
            If a column is not of this run's method, or a file is damaged.
        """
        known = self.method_columns
        names = list(known) if columns is None else list(columns)
        for name in names:
            if name not in known:
                raise UsageError(
                    f"run {self.name!r} keeps no {name!r}; "
                    f"its method keeps {', '.join(known) or 'nothing'}"
                )
        types = {**ID, **{name: known[name].dtype for name in names}}
        parts = []
        for epoch in self._kept("method", epochs):
            path = layout.epoch_file(self.network_folder, "method", epoch)
            parts.append(_of_epoch(epoch, self._read_some(path, types)))
        if not parts:
            return pd.DataFrame(columns=["epoch", "sample_id", *names])
        state = pa.concat_tables(parts).to_pandas()
        for name in names:
            if known[name].categories:
                codes = state[name].fillna(-1).astype(int)
                codes = codes.where(codes.between(0, len(known[name].categories) - 1), -1)
                state[name] = pd.Categorical.from_codes(codes, known[name].categories)
            elif known[name].dtype == "bool":
                state[name] = state[name].astype("boolean")
        return state

    def output_epochs(self) -> list[int]:
        """Return the whole epochs whose logits and cosines are kept."""
        return self._kept("outputs", None)

    @cached_property
    def empty_columns(self) -> frozenset[str]:
        """Return the columns of `signals/` that are null in all of the first and last epoch."""
        epochs = self.epochs()
        found = set(SIGNAL_NAMES) if epochs else set()
        for epoch in {*epochs[:1], *epochs[-1:]}:
            path = layout.epoch_file(self.network_folder, "signals", epoch)
            try:
                with open_table(path, SIGNAL_TYPES, n_rows=self.n_samples) as file:
                    about = file.metadata  # counts the nulls, so that no row is read
            except DamagedFile:
                return frozenset()
            for group in map(about.row_group, range(about.num_row_groups)):
                for column in map(group.column, range(group.num_columns)):
                    said = column.statistics
                    if said is None or said.null_count != group.num_rows:
                        found.discard(column.path_in_schema)
        return frozenset(found)

    def output_columns(self) -> list[str]:
        """Return which of `logits`, `cosine` and `probabilities` the outputs hold."""
        return list(self._output_columns)

    @cached_property
    def _output_columns(self) -> tuple[str, ...]:
        # Asked for each criterion and epoch; like the epochs, it is what the reader first saw.
        epochs = self.output_epochs()
        if not epochs:
            return ()
        try:
            names = self._outputs_kept(layout.epoch_file(self.network_folder, "outputs", epochs[0]))
        except DamagedFile:
            return ()
        return tuple(name for name in OUTPUT_NAMES if name in names)

    def outputs(
        self,
        columns: Sequence[str] = ("logits",),
        sample_id: int | Sequence[int] | None = None,
        epochs: Sequence[int] | None = None,
    ) -> pd.DataFrame:
        """Return epoch, sample_id and `columns` (each value a float32 array) where they are kept.

        Empty where the run keeps no outputs at these epochs.
        """
        chosen = self._kept("outputs", epochs)
        if not chosen:
            return pd.DataFrame(columns=["epoch", "sample_id", *columns])
        tables = [
            _of_epoch(epoch, self.read_outputs(epoch, columns, sample_id)) for epoch in chosen
        ]
        return with_arrays(pa.concat_tables(tables), columns)

    def feature_epochs(self) -> list[int]:
        """Return the epochs whose features are logged."""
        return layout.logged_epochs(self.network_folder, "features")

    def features(
        self, epoch: int | None = None, sample_id: int | Sequence[int] | None = None
    ) -> Features:
        """Return the features of an epoch (default: the last logged), of all or some samples.

        Raises
        ------
        UsageError
            If there are none, or they cannot be read.
        """
        known = self.feature_epochs()
        if not known or (epoch is not None and epoch not in known):
            when = "any epoch" if epoch is None else f"epoch {epoch}"
            raise UsageError(f"run {self.name!r} has no features of {when}; logged: {known}")
        number = known[-1] if epoch is None else epoch
        path = layout.epoch_file(self.network_folder, "features", number)
        vectors_file = layout.class_vectors_file(self.network_folder, number)
        table = self._read_some(path, {**ID, "features": "float16[D]"}, sample_id)
        features = as_matrix(table["features"]).astype(np.float32)
        vectors = None
        if vectors_file.exists():
            found = read_table(
                vectors_file,
                {"class_vector": f"float32[{features.shape[1]}]"},
                n_rows=self.n_classes,
            )
            vectors = as_matrix(found["class_vector"]).astype(np.float32)
        return Features(number, table["sample_id"].to_numpy(), features, vectors)

    def scores(
        self, epoch: int, version: int, names: Collection[str] | None = None
    ) -> pd.DataFrame | None:
        """Return the scores kept when the run ended, by `sample_id`, a column a criterion.

        Parameters
        ----------
        epoch : int
        version : int
            Of the criteria.
        names : collection of str, optional
            Only those of these criteria that are kept. Default: all.

        Returns
        -------
        DataFrame or None
            None where none are kept for this epoch, or another version of the criteria made them.
        """
        path = layout.epoch_file(self.network_folder, "scores", epoch)
        try:
            with open_table(path, None, n_rows=self.n_samples) as file:
                kept = [n for n in file.schema_arrow.names if names is None or n in names]
                table = file.read(columns=list(dict.fromkeys(["sample_id", *kept])))
        except DamagedFile:
            return None
        made_by = (table.schema.metadata or {}).get(SCORES_VERSION)
        numbers = all(pa.types.is_floating(f.type) for f in table.schema if f.name != "sample_id")
        if made_by != str(version).encode() or not numbers or "sample_id" not in table.schema.names:
            return None
        scores = table.to_pandas().set_index("sample_id").sort_index()
        return scores if np.array_equal(scores.index, np.arange(self.n_samples)) else None

    @property
    def has_images(self) -> bool:
        """Whether pictures are kept for this run's data set."""
        return self._images_file.is_file()

    def images(self, sample_ids: Iterable[int]) -> dict[int, bytes]:
        """Return the encoded pictures of these samples; those without one are left out."""
        wanted = sorted({int(i) for i in sample_ids})
        if not wanted or not self.has_images:
            return {}
        try:
            table = read_table(self._images_file, types_of(IMAGES), filters=_has_id(wanted))
        except DamagedFile:
            return {}
        found = zip(table["sample_id"].to_pylist(), table["image"].to_pylist(), strict=True)
        return {sample_id: image for sample_id, image in found if image is not None}

    def test_images(self, test_ids: Iterable[int] | None = None) -> pd.DataFrame:
        """Return pictures of the test split, `label` and `image` (encoded) by `test_id`.

        Empty where none are kept: by an older program, by an import, or without a test split.
        """
        kept = _NO_TEST.empty_table()
        name = self.info["dataset"].get("test_fingerprint")
        if name is not None:
            fingerprint = self.info["dataset"]["fingerprint"]
            path = layout.test_images_file(self.folder, fingerprint, name)
            with suppress(DamagedFile):
                kept = read_table(path, types_of(TEST_IMAGES))
        table = kept.to_pandas().set_index("test_id")
        sound = table["label"].between(0, self.n_classes - 1) & table.index.notna()
        table = table[sound & ~table.index.duplicated()]
        return table if test_ids is None else table.reindex(list(test_ids))

    # -- below: how the files are found and read

    @cached_property
    def _was_killed(self) -> bool:
        return self.info["status"] == "running" and not layout.has_writer(self.folder)

    @property
    def _images_file(self) -> Path:
        return layout.images_file(self.folder, self.info["dataset"]["fingerprint"])

    @cached_property
    def _order(self) -> np.ndarray:
        return np.argsort(self._samples["given_label"].to_numpy(), kind="stable")

    def _rows_of(self, given_label: int) -> tuple[int, int]:
        labels = self._samples["given_label"].to_numpy()[self._order]
        return tuple(np.searchsorted(labels, [given_label, given_label + 1]))

    def _in_order(
        self, table: pa.Table, columns: Sequence[str], rows: tuple[int, int] | None
    ) -> dict[str, np.ndarray]:
        """Return columns of `outputs/`, which leaves unseen samples out, as those of `signals/`."""
        ids = table["sample_id"].to_numpy()
        start, stop = rows or (0, self.n_samples)
        if len(ids) == self.n_samples:  # all were seen: the orders are one
            return {c: _wide(c, as_matrix(table[c])[start:stop]) for c in columns}
        position = np.empty(self.n_samples, dtype=np.int64)
        position[self._order] = np.arange(self.n_samples)
        found = {}
        for name in columns:
            values = _wide(name, as_matrix(table[name]))
            whole = np.full((self.n_samples, values.shape[1]), np.nan, dtype=values.dtype)
            whole[position[ids]] = values
            found[name] = whole[start:stop]
        return found

    def read_outputs(
        self, epoch: int, columns: Sequence[str], sample_id: int | Sequence[int] | None = None
    ) -> pa.Table:
        """Return sample_id and columns of `outputs/`, in the order that they have there.

        Raises
        ------
        UsageError
            If the file is missing or damaged, or holds no such column.
        """
        path = layout.epoch_file(self.network_folder, "outputs", epoch)
        kept = self._outputs_kept(path)
        unknown = [name for name in columns if name not in kept]
        if unknown:
            raise UsageError(f"run {self.name!r} keeps no {', '.join(unknown)} in its outputs")
        sizes = {"C": self.n_classes, "10": min(N_TOPK, self.n_classes)}
        types = {
            name: re.sub(r"\[(\w+)\]", lambda m: f"[{sizes[m[1]]}]", OUTPUT_TYPES[name])
            for name in columns
        }
        return self._read_some(path, {**ID, **types}, sample_id)

    def _outputs_kept(self, path: Path) -> list[str]:
        with open_table(path, ID, most_rows=self.n_samples) as file:
            return [name for name in OUTPUT_TYPES if name in file.schema_arrow.names]

    def _read_some(
        self,
        path: Path,
        types: Mapping[str, str],
        sample_id: int | Sequence[int] | None = None,
    ) -> pa.Table:
        """Return columns of a file with a row for some of the samples, each at most once."""
        table = read_table(path, types, most_rows=self.n_samples, filters=_has_id(sample_id))
        self.check_numbers(path, table)
        with naming(path):
            if len(table["sample_id"].unique()) < len(table):
                raise ValueError("it has a sample twice")
            empty = [name for name in types if "[" in types[name] and table[name].null_count]
            if empty:
                raise ValueError(f"its {empty[0]} is null for a sample")
        return table

    def check_numbers(
        self, path: Path, table: pa.Table, known: Collection[str] = ALWAYS_KNOWN
    ) -> None:
        """Refuse numbers of samples and classes that this run has not; see `samples_file`."""
        check_numbers(path, table, self._limits, known)

    @cached_property
    def _scan(self) -> tuple[list[int], list[str]]:
        whole, damage = integrity.scan(self.folder, self.n_samples, self.n_epochs)
        if self.network == 1:
            return whole, damage
        own, own_damage = integrity.scan(self.network_folder, self.n_samples, self.n_epochs)
        # The first network's metrics come last of an epoch's files and make it count.
        return own[: len(whole)], [*damage, *(f"network {self.network}, {d}" for d in own_damage)]

    def _chosen(self, epochs: Sequence[int] | None) -> list[int]:
        whole = self.epochs()
        if epochs is None:
            return whole
        wanted = {int(epoch) for epoch in epochs}
        return [epoch for epoch in whole if epoch in wanted]

    def _kept(self, kind: str, epochs: Sequence[int] | None) -> list[int]:
        """Return the chosen epochs that have a file of this kind."""
        present = set(layout.logged_epochs(self.network_folder, kind))
        return [epoch for epoch in self._chosen(epochs) if epoch in present]


@contextmanager
def opening(name: str) -> Iterator[None]:
    """Turn whatever opening a run folder raises into its reason; the one place that does so."""
    if shown(name) != name:
        raise UnreadableRun(f"{shown(name)}: the folder's name is no UTF-8; rename it")
    try:
        yield
    except DamagedFile as error:
        raise UnreadableRun(f"{shown(name)}: {error.path.name} {error.reason}") from None
    except UsageError:
        raise
    except Exception as error:  # a folder costs its own row at most, whatever is in it
        raise UnreadableRun(
            f"{shown(name)} cannot be read ({type(error).__name__}: {error})"
        ) from error


def _of_epoch(epoch: int, table: pa.Table) -> pa.Table:
    """Return the table by sample, with the epoch that its file is called after."""
    epochs = pa.repeat(pa.scalar(epoch, pa.int32()), len(table))
    return table.sort_by("sample_id").add_column(0, "epoch", epochs)


def _has_id(sample_id: int | Sequence[int] | None) -> Any:
    """Return the Arrow filter that keeps these samples, None to keep all."""
    if sample_id is None:
        return None
    wanted = pa.array(np.atleast_1d(np.asarray(sample_id, dtype=np.int32)))
    return pc.field("sample_id").isin(wanted)


def _wide(name: str, outputs: np.ndarray) -> np.ndarray:
    """Return outputs in float32; imported probabilities as they are, for a tie must stay one."""
    return outputs if name == "probabilities" else outputs.astype(np.float32)
