"""Where the numbers of an export come from: run, log, criteria, epochs and commit."""

from typing import Any

from hmw_core.criteria import CRITERIA_VERSION
from hmw_core.log.provenance import commit
from hmw_core.log.reader import RunReader


def origin_of(run: RunReader, epoch: int | None = None) -> dict[str, Any]:
    """Return what an export of all criteria says of where it came from, as JSON values.

    `epoch` is the last one used. Default: the last one logged.
    """
    last = run.last_epoch if epoch is None else epoch
    network = {"network": run.network} if run.n_networks > 1 else {}
    return {
        "run": run.name,
        **network,
        "run_format": run.info["format"],
        "fingerprint": run.info["dataset"]["fingerprint"],
        "criteria_version": CRITERIA_VERSION,
        "first_epoch": 1 if last else None,
        "last_epoch": last or None,
        "commit": commit(),
    }
