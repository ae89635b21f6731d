"""Criteria combined: the mean of the ranks that they give a sample.

Source: the mean rank of Borda's count; no weights, so nothing is tuned.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.criterion import Criterion
from hmw_core.log.reader import RunReader


def ensemble_of(members: Mapping[str, Criterion], source: str = "") -> Criterion:
    """Return the criterion that averages the ranks of others, whatever each weighs.

    Each member ranks the samples it scores, 1 for the most suspicious, equal scores sharing the
    mean of their ranks; where it scores fewer than all, its ranks are stretched to all. A sample
    without a score in one has the mean over the others, and NaN where no member scores it. Members
    that the run does not have are left out.

    Parameters
    ----------
    members : mapping of name to Criterion
    source : str
        Says which the members are.
    """

    def combine(scores: pd.DataFrame) -> np.ndarray:
        suspicious_first = scores.mul(
            [1.0 if members[name].higher_means == "clean" else -1.0 for name in scores]
        )
        return suspicious_first.rank(pct=True).mean(axis=1).to_numpy() * len(scores)

    def lacks(run: RunReader) -> str | None:
        return None if without_absent(members, run) else "it has none of the ensemble's criteria"

    return Criterion(
        title="Ensemble, mean rank",
        reads=(),
        members=members,
        combine=combine,
        unit="mean rank",
        family="ensemble",
        higher_means="clean",
        source=source or "mean rank of " + ", ".join(c.title for c in members.values()),
        over="mean",  # it uses the epochs of the window that its members use
        lacks=lacks,
    )
