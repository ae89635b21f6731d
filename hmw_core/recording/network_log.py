"""The log of one network: from a recorded epoch to its files and metrics."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hmw_core.criteria import CRITERIA_VERSION, MAIN_CRITERIA
from hmw_core.criteria.compute import new_scores, without_absent
from hmw_core.criteria.of_run import main_criteria_of
from hmw_core.criteria.over_epochs import AnnealedMean
from hmw_core.log import layout
from hmw_core.log.layout import Content
from hmw_core.log.reader import RunReader
from hmw_core.log.schema import MethodColumn
from hmw_core.log.tables import (
    OUTPUT_ENCODING,
    SCORES_VERSION,
    SIGNAL_ENCODING,
    method_table,
    output_table,
    signal_table,
)
from hmw_core.margins import HMSettings
from hmw_core.recording.collector import EpochCollector, RecordedEpoch
from hmw_core.statistics.ranking import auroc_of_groups

OUTPUT_COLUMNS = ("logits", "cosine", "probabilities", "top_label", "top_logit", "logsumexp")


class NetworkLog:
    """Collects the epochs of one network and keeps its running scores.

    All state is in the order of the rows in signals/, so that nothing is sorted again.
    """

    def __init__(self, reader: RunReader) -> None:
        self.folder = reader.network_folder
        self.method_columns: list[MethodColumn] = list(reader.method_columns.values())
        self.sample_id = reader.sample_ids()
        self.row_of_sample = np.argsort(self.sample_id)
        samples = reader.samples()
        given_label = samples["given_label"].to_numpy(np.int64)
        self.given_label = given_label[self.sample_id]
        self.groups: tuple[np.ndarray, np.ndarray] | None = None
        if reader.has_true_label:
            is_mislabeled = samples["is_mislabeled"].to_numpy(bool)[self.sample_id]
            self.groups = np.flatnonzero(~is_mislabeled), np.flatnonzero(is_mislabeled)
        settings = HMSettings(**reader.info["weighting"])
        self.collector = EpochCollector(given_label, reader.n_classes, settings)
        sizes = reader.n_samples, reader.n_epochs, settings.annealing_start
        self.weight = AnnealedMean(*sizes)
        self.non_finite_id = np.empty(0, dtype=np.int64)  # of the last epoch written
        # A resumed run has logged something already, and yet must not differ from an unbroken one.
        criteria = without_absent(main_criteria_of(reader), reader, in_log=False)
        self.scores = new_scores(criteria, *sizes)

    def files_of_epoch(
        self, epoch: int, rows: RecordedEpoch, metrics: dict[str, Any]
    ) -> dict[Path, Content]:
        """Return what each of the epoch's files will hold, in the order they must appear.

        The metrics come last: an epoch counts once they are there.
        """
        columns = rows.columns(self.row_of_sample)
        seen = columns.pop("seen")
        outputs = {name: columns.pop(name) for name in OUTPUT_COLUMNS if name in columns}
        slices = columns.get("hm_slice", np.full(len(seen), np.nan, dtype=np.float32))
        self.weight.update(epoch, slices)
        weight = np.where(np.isnan(slices), np.nan, self.weight.value())
        columns["hm_weight"] = weight.astype(np.float32)
        files: dict[Path, Content] = {}

        def add(kind: str, table: pa.Table, **encoding: Any) -> None:
            path = layout.epoch_file(self.folder, kind, epoch)
            files[path] = layout.encode_table(table, **encoding)

        if outputs:
            rows_seen = slice(None) if seen.all() else seen  # a mask would copy them all
            there = {name: values[rows_seen] for name, values in outputs.items()}
            table = output_table(epoch, self.sample_id[rows_seen], there)
            add("outputs", table, **OUTPUT_ENCODING)
        state = rows.state_columns(self.row_of_sample)
        if self.method_columns:
            add("method", method_table(epoch, self.sample_id, self.method_columns, state))
        signals = signal_table(epoch, self.sample_id, self.given_label, columns, ~seen)
        add("signals", signals, **SIGNAL_ENCODING)
        self.non_finite_id = self.sample_id[non_finite(columns, seen)]
        own = {"n_non_finite": len(self.non_finite_id)}
        own |= self._metrics(epoch, columns | _as_read(state), seen)
        plain = {n: _plain(value) for n, value in {"epoch": epoch, **own, **metrics}.items()}
        files[layout.epoch_file(self.folder, "metrics", epoch)] = layout.encode_json(plain)
        return files

    def scores_file(self, epoch: int) -> dict[Path, Content]:
        """Return the scores that the running sums hold: a page need not read every epoch again."""
        values = {"sample_id": pa.array(np.arange(len(self.sample_id), dtype=np.int32))}
        nothing = np.full(len(self.sample_id), np.nan)
        for name in dict.fromkeys((*MAIN_CRITERIA, *self.scores)):
            score = self.scores.get(name)
            in_rows = nothing if score is None else score.value()
            values[name] = pa.array(in_rows[self.row_of_sample])
        table = pa.table(values, metadata={SCORES_VERSION: str(CRITERIA_VERSION)})
        return {layout.epoch_file(self.folder, "scores", epoch): layout.encode_table(table)}

    def replay(self, reader: RunReader, epochs: Iterable[int]) -> None:
        """Rebuild the running sums from the log, so that a resumed run equals an unbroken one."""
        reads = {column for score in self.scores.values() for column in score.criterion.reads}
        for epoch, columns in reader.iterate(sorted(reads | {"hm_slice"}), list(epochs)):
            self.weight.update(epoch, columns["hm_slice"])
            for score in self.scores.values():
                score.update(epoch, columns)

    def _metrics(self, epoch: int, columns: dict[str, np.ndarray], seen: np.ndarray) -> dict:
        metrics = {}
        if "loss" in columns:
            known = columns["loss"][seen & np.isfinite(columns["loss"])]
            metrics["train_loss"] = float(known.mean(dtype=np.float64)) if len(known) else np.nan
        if "predicted_label" in columns:
            right = columns["predicted_label"][seen] == self.given_label[seen]
            metrics["train_accuracy"] = float(right.mean())
        for name, score in self.scores.items():
            criterion = score.criterion
            if not all(column in columns for column in criterion.reads):
                continue  # recorded without logits, and without this
            score.update(epoch, columns)
            if self.groups is not None:
                value = score.value()
                clean, mislabeled = (value[rows] for rows in self.groups)
                metrics[f"auroc_{name}"] = auroc_of_groups(
                    clean, mislabeled, criterion.higher_means
                )
        return metrics


def non_finite(columns: dict[str, np.ndarray], seen: np.ndarray) -> np.ndarray:
    """Return which samples seen have a loss or a margin that is no finite number, (N,) bool.

    Of a log without logits NaN means that the source did not say: there the infinite ones count.
    """
    is_bad = np.isinf if "hm_slice" not in columns else lambda values: ~np.isfinite(values)
    found = np.zeros(len(seen), dtype=bool)
    with np.errstate(invalid="ignore", over="ignore"):
        if "loss" in columns:
            found |= is_bad(columns["loss"])
        if "given_logit" in columns and "other_logit" in columns:
            found |= is_bad(columns["given_logit"] - columns["other_logit"])
    return found & seen


def _as_read(state: dict[str, np.ma.MaskedArray]) -> dict[str, np.ndarray]:
    """Return columns of the method as a reader gives them: float32, NaN where unknown."""
    return {name: np.ma.filled(v.astype(np.float32), np.nan) for name, v in state.items()}


def _plain(value: Any) -> Any:
    """Return a JSON value: numbers of numpy and torch as Python's, NaN and infinity as null."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
