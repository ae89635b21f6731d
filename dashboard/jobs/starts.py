"""How to get a run: what to type for the demo, for one's own pictures, loop, or another tool."""

import sys
from pathlib import Path
from typing import NamedTuple

from dashboard.jobs.training_command import shown

IMPORTERS = (sys.executable, "-m", "hmw_core.importers")
DEMO = (
    *("train", "--dataset", "digits", "--noise", "symmetric", "--noise-rate", "0.5"),
    *("--epochs", "100", "--recipe"),
)
FOLDER = ("train", "--dataset", "image-folder", "--data", "pictures", "--recipe", "CCE+HMW-code")
TOOLS = (
    ("aum", "runs/full_aum_records.csv", "--run", "from-aum"),
    ("cartography", "model/training_dynamics", "--run", "from-cartography"),
    ("cleanlab", "arrays.npz", "--run", "from-cleanlab", "--class-names", "cat", "dog", "fox"),
    ("logits", "folder_of_npy", "--run", "from-logits", "--true-labels", "true.csv"),
)
LOOP = """\
from hmw_core import RunWriter

with RunWriter.create(  # 1: what is trained on
    {folder!r}, given_label=labels, n_classes=10, n_epochs=n_epochs, images=images
) as log:
    for epoch in range(1, n_epochs + 1):
        for sample_id, batch, label in loader:
            logits = network(batch)
            ...  # your training step
            log.record(sample_id, logits)  # 2: every batch
        log.end_epoch(epoch)  # 3: the epoch is on disk, and on the page
"""


class Start(NamedTuple):
    """A way to a run: its title, a sentence, and what to copy."""

    title: str
    sentence: str
    code: str
    language: str = "bash"


def demo(runs: Path) -> str:
    """Return the commands that train the two demo runs, the one that memorises last."""
    folder = ["--runs", str(runs.resolve())]
    return "\n".join(shown([*DEMO, recipe, *folder]) for recipe in ("CCE+HMW-code", "CCE"))


def starts(runs: Path) -> list[Start]:
    """Return the ways to a run of one's own in this folder of runs."""
    folder = ["--runs", str(runs.resolve())]
    imports = "\n".join(shown([*words, *folder], IMPORTERS) for words in TOOLS)
    return [
        Start(
            "A folder of pictures",
            "It holds one folder of pictures for each class, below `train/` and, if there is one, "
            "`test/`. Put its path in the place of `pictures`. A Parquet file works, too: the page "
            "Train has lists for its columns.",
            shown([*FOLDER, *folder]),
        ),
        Start(
            "My own loop",
            "Three numbered lines log a loop of your own, in any framework. `sample_id` is the "
            "place of a sample in the training set, whatever the order of the batches.",
            LOOP.format(folder=str(runs.resolve() / "mine")),
            "python",
        ),
        Start(
            "An export of another tool",
            "An importer turns the log of the `aum` package, of cartography, of cleanlab, or a "
            "folder of logits into a run. Take the line of your tool, with the path of your file.",
            imports,
        ),
    ]
