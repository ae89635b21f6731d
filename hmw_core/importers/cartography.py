"""Dataset cartography: `dynamics_epoch_0.jsonl`, ... with guid, logits and gold label a line.

Source: Swayamdipta et al. (EMNLP 2020); github.com/allenai/cartography, `log_training_dynamics`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.importers.base import ImportedEpoch, ImportedLog, Importer, ImportOptions, absent
from hmw_core.importers.files import keys_unless_positions, numbered

PATTERN = "dynamics_epoch_*.json*"  # its own writer says jsonl, its own reader json
FOLDER = "training_dynamics"


def read(source: Path, options: ImportOptions) -> ImportedLog:
    """Read the folder of the files, or the one that has it as `training_dynamics`."""
    folder = source / FOLDER if (source / FOLDER).is_dir() else source
    files = [file for file in folder.glob(PATTERN) if file.is_file()]
    if not files:
        raise UsageError(f"{source} has no file dynamics_epoch_0.jsonl or the like")
    if options.labels is not None:
        raise UsageError(f"{source} holds the labels itself, as gold; leave --labels out")
    files = numbered(files, folder)
    label: dict[str, int] = {}
    width = 0
    for file in files:  # twice through the files, so that one epoch at a time is in memory
        for guid, gold, logits in _lines(file):
            width = width or len(logits)
            if len(logits) != width:
                raise UsageError(
                    f"{file}: guid {guid!r} has {len(logits)} logits, those before have {width}"
                )
            if label.setdefault(guid, gold) != gold:
                raise UsageError(
                    f"{file}: guid {guid!r} has gold {gold}, in an earlier epoch {label[guid]}"
                )
    if not label:
        raise UsageError(f"{folder}: the files have no line")
    place, keys = keys_unless_positions(list(label))
    position = dict(zip(label, place.tolist(), strict=True))
    given_label = np.empty(len(label), dtype=np.int64)
    given_label[place] = list(label.values())
    if given_label.max() >= width:
        raise UsageError(
            f"{folder}: gold goes up to {given_label.max()}, but there are {width} logits a sample"
        )

    def epochs() -> Iterator[ImportedEpoch]:
        for file in files:
            guids, _, logits = zip(*_lines(file), strict=True)
            ids = np.array([position[guid] for guid in guids])
            yield ImportedEpoch(ids, {"logits": np.array(logits, dtype=np.float64)})

    return ImportedLog(
        given_label=given_label,
        n_classes=width,
        n_epochs=len(files),
        epochs=epochs(),
        absent=absent("dataset cartography keeps"),
        keys=keys,
    )


def _lines(file: Path) -> Iterator[tuple[str, int, list[float]]]:
    """Yield guid, gold and logits of each line.

    Raises
    ------
    UsageError
        If a line is not such a record, or a guid comes twice; the message has its number.
    """
    seen: set[str] = set()
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                record = _record(line, f"{file}, line {number}")
                if record[0] in seen:
                    raise UsageError(f"{file}, line {number}: guid {record[0]!r} comes twice")
                seen.add(record[0])
                yield record
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    if not seen:
        raise UsageError(f"{file} has no line")


def _record(line: str, where: str) -> tuple[str, int, list[float]]:
    accepted = 'a line is {"guid": ..., "logits_epoch_0": [...], "gold": 0}'
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"{where} is not JSON; {accepted}") from None
    fields = found if isinstance(found, dict) else {}
    logits: Any = next((v for k, v in fields.items() if k.startswith("logits_epoch_")), None)
    gold: Any = fields.get("gold")
    guid = str(fields.get("guid"))
    if guid.encode(errors="replace").decode() != guid:
        raise UsageError(f"{where}: guid {guid!r} is no text in Unicode")
    if "guid" not in fields or not _is_whole(gold) or not _are_numbers(logits):
        raise UsageError(f"{where} lacks guid, gold or logits; {accepted}")
    return guid, int(gold), [np.nan if v is None else v for v in logits]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _are_numbers(values: Any) -> bool:
    """Tell whether these are two logits or more; pandas writes NaN and infinity as null."""
    if not isinstance(values, list) or len(values) < 2:
        return False
    return all(
        v is None or isinstance(v, float) or (type(v) is int and abs(v) < 2**63) for v in values
    )


CARTOGRAPHY = Importer(
    title="Training dynamics of dataset cartography",
    reads=f"folder of dynamics_epoch_N.jsonl, or the one above its {FOLDER}",
    read=read,
)
