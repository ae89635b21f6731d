"""Logs of other programs as runs, one file each.

Contract, so that no file repeats it: an importer is an `Importer` whose `read(source, options)`
checks what it can before it returns, and gives an `ImportedLog`. What the source does not hold is
named in its `absent`, with the reason, and stays null: nothing is made up to fill a column.
"""

from hmw_core.importers.aum import AUM
from hmw_core.importers.base import Importer
from hmw_core.importers.cartography import CARTOGRAPHY
from hmw_core.importers.logits import LOGITS
from hmw_core.importers.pred_probs import PRED_PROBS

IMPORTERS: dict[str, Importer] = {
    "aum": AUM,
    "cartography": CARTOGRAPHY,
    "cleanlab": PRED_PROBS,
    "logits": LOGITS,
}
