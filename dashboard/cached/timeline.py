"""What the Timeline page reads of a run."""

from collections.abc import Sequence

from dashboard.cached.kept import kept_for
from hmw_core.feature_space import alignment
from hmw_core.laboratory import timeline
from hmw_core.laboratory.timeline import Film
from hmw_core.log.reader import RunReader

LOG = ("samples.parquet", "signals", "outputs", "features", "method")

kept_joint = kept_for("features", "cache", max_entries=2)(alignment.kept_joint)
rank_table = kept_for(*LOG, max_entries=8, show_spinner="Ranking epoch by epoch ...")(
    timeline.rank_table
)
moment = kept_for("samples.parquet", "signals", max_entries=256)(timeline.moment)
_film = kept_for(*LOG, max_entries=4, show_spinner="Reading the epochs ...")(timeline.film)
_film_on_kept_map = kept_for(*LOG, "cache", max_entries=4, show_spinner="Reading the epochs ...")(
    timeline.film
)


def film(run: RunReader, kind: str, given_label: int | None, chosen: Sequence[int] = ()) -> Film:
    """Return where a run's samples lie at each stop; the chosen are among those drawn.

    Raises
    ------
    UsageError
        If the run cannot have this map, or it is not computed yet.
    """
    # Those drawn anyway decide nothing, so that choosing one of them reads nothing anew.
    also = sorted(set(chosen) - set(timeline.drawn_samples(run, given_label).tolist()))
    keeper = _film_on_kept_map if kind == "joint" else _film
    return keeper(run, kind, given_label, also=also)
