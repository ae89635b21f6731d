"""Two recipes on the same noisy labels: test accuracy, and which criterion finds the wrong labels.

Writes data/runs/ and comparison.csv below the current folder.
"""

import pandas as pd

from hmw_core import RunReader
from hmw_core.laboratory.detection import detect
from training.__main__ import main as training

CRITERIA = ["last_loss", "mean_loss", "aum", "iam", "hm_weight"]

tables = []
for recipe in ("CCE", "CCE+HMW-code"):
    name = recipe.replace("+", "-")
    options = "--dataset digits --noise symmetric --noise-rate 0.5 --epochs 12"
    if training(["train", *options.split(), "--recipe", recipe, "--run", name]) != 0:
        raise SystemExit(f"the training of {recipe} did not finish")
    run = RunReader(f"data/runs/{name}")
    table = detect(run, CRITERIA).query("contest == 'all'")  # hard samples apart: another contest
    table.insert(0, "recipe", recipe)
    table.insert(1, "test_accuracy", run.metrics()["test_accuracy"].iloc[-1])
    tables.append(table)

# `auroc_low` and `auroc_high`: 95 % bootstrap interval over the samples of this one training.
columns = ["recipe", "test_accuracy", "criterion", "auroc", "auroc_low", "auroc_high"]
table = pd.concat(tables)[columns].round(3)
table.to_csv("comparison.csv", index=False)
print(table.to_string(index=False))
