"""Per-sample scores that rank training samples by suspicion, one file each.

Contract, so that no file repeats it: a criterion is a `Criterion` that names the signal columns
it reads, gives one value a sample and epoch, and says how the epochs are drawn together and what
a high score means. Order here is order in menus.
"""

from hmw_core.criteria.aum import AUM
from hmw_core.criteria.base import Criterion
from hmw_core.criteria.confidence import CONFIDENCE
from hmw_core.criteria.hm_weight import HM_WEIGHT
from hmw_core.criteria.hyperspherical_aum import HYPERSPHERICAL_AUM
from hmw_core.criteria.hyperspherical_tkum import HYPERSPHERICAL_TKUM
from hmw_core.criteria.iam import IAM
from hmw_core.criteria.iam_no_annealing import IAM_NO_ANNEALING
from hmw_core.criteria.last_loss import LAST_LOSS
from hmw_core.criteria.mean_loss import MEAN_LOSS
from hmw_core.criteria.tkum import TKUM

# Counts up whenever a criterion's numbers change: scores kept by an older version are not used.
CRITERIA_VERSION = 1

CRITERIA: dict[str, Criterion] = {
    "last_loss": LAST_LOSS,
    "mean_loss": MEAN_LOSS,
    "aum": AUM,
    "tkum": TKUM,
    "iam": IAM,
    "iam_no_annealing": IAM_NO_ANNEALING,
    "hyperspherical_aum": HYPERSPHERICAL_AUM,
    "hyperspherical_tkum": HYPERSPHERICAL_TKUM,
    "hm_weight": HM_WEIGHT,
    "confidence": CONFIDENCE,
}
