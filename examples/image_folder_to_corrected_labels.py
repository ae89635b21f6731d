"""From a folder of pictures, some in a wrong folder, to a file of corrected labels.

Writes below the current folder: pictures/, data/runs/, corrected.csv. In your own project you
judge pictures on the page *Review*; here the true labels play the reviewer.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from hmw_core import RunReader
from hmw_core.log import verdicts
from hmw_core.log.verdicts import Verdict
from hmw_core.review.corrected_labels import corrected_labels
from hmw_core.review.label_file import write_labels
from hmw_core.review.queue import queue
from training.__main__ import main as training

CRITERION = "mean_loss"
N_JUDGED = 60

# 600 digits as PNG files; one in eight lies in the folder of another class.
digits = load_digits()
rng = np.random.default_rng(0)
true_label = dict(zip((f"{i:04d}" for i in range(600)), digits.target[:600].tolist(), strict=True))
for (name, label), pixels in zip(true_label.items(), digits.images[:600], strict=True):
    folder = (label + rng.integers(1, 10)) % 10 if rng.random() < 1 / 8 else label
    path = Path(f"pictures/train/{folder}/{name}.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((pixels * 15.9).astype(np.uint8)).save(path)

# The same as: python -m training train --dataset image-folder --data pictures ...
# Without a folder pictures/test, a fifth of the pictures is held out for the test accuracy.
options = "--dataset image-folder --data pictures --recipe CCE --epochs 10 --augment none"
if training(["train", *options.split(), "--run", "folder"]) != 0:
    raise SystemExit("the training did not finish")

run = RunReader("data/runs/folder")
samples = run.samples()
n_wrong = 0
for row in queue(run, CRITERION).head(N_JUDGED).itertuples():
    given = int(samples["given_label"][row.sample_id])
    true = true_label[Path(samples["source"][row.sample_id]).stem]
    n_wrong += true != given
    new = {"verdict": "keep"} if true == given else {"verdict": "relabel", "new_label": true}
    verdict = Verdict(row.sample_id, given_label=given, rank=int(row.rank), **new)
    verdicts.append(run, [verdict])

labels = corrected_labels(run, CRITERION)
write_labels("corrected.csv", labels)
print(f"{n_wrong} of the {N_JUDGED} most suspicious pictures lay in a wrong folder;")
print(f"corrected.csv changes {int(labels['changed'].sum())} labels of {len(labels)}.")
