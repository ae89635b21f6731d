"""What the Timeline page reads of a run."""

from collections.abc import Sequence

from dashboard.cached.kept import kept_for
from hmw_core.laboratory import timeline
from hmw_core.laboratory.timeline import Positions
from hmw_core.log.reader import RunReader

LOG = ("samples.parquet", "signals", "outputs", "features", "method")

rank_table = kept_for(*LOG, max_entries=8, show_spinner="Ranking epoch by epoch ...")(
    timeline.rank_table
)
moment = kept_for("samples.parquet", "signals", max_entries=256)(timeline.moment)
_positions = kept_for(*LOG, max_entries=4, show_spinner="Reading the epochs ...")(
    timeline.positions
)


def positions(run: RunReader, given_label: int | None, chosen: Sequence[int] = ()) -> Positions:
    """Return where a run's samples lie at each shown epoch; the chosen are drawn in any case.

    Raises
    ------
    UsageError
        If the log of an epoch is damaged.
    """
    # Chosen samples that are drawn anyway stay out of the key: choosing one reads nothing again.
    also = sorted(set(chosen) - set(timeline.drawn_samples(run, given_label).tolist()))
    return _positions(run, given_label, also=also)
