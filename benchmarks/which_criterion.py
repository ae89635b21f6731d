"""Which criterion finds the wrong labels, where: trainings, measures, and the report in docs/.

    python -m benchmarks.which_criterion                                   # digits, minutes
    python -m benchmarks.which_criterion --data FOLDER_OF_CIFAR10N         # CIFAR-10N beside it

Trains the missing runs (a sweep, resumed after a stop), computes every criterion on every run, and
writes docs/which-criterion.md with its two figures. Every number of the report is made here; what
it says of a criterion follows from the numbers by the rules that stand in it.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from rich.console import Console

from dashboard.export.tables import to_markdown
from hmw_core.criteria import MAIN_CRITERIA, NAMED
from hmw_core.criteria.compute import scores_by_epoch, without_absent
from hmw_core.criteria.criterion import FAMILIES
from hmw_core.experiments.proof import t_interval
from hmw_core.laboratory.contest import contest_of
from hmw_core.laboratory.hard import MEAN_RANK, Hard
from hmw_core.log.reader import RunReader
from hmw_core.log.run_list import list_runs
from hmw_core.samples.groups import HARD_FRACTION
from hmw_core.statistics.ranking import auroc
from training.sweeps.plan import run_cells

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

RECIPES = ("CCE", "CCE+HMW-code")
SEEDS = (0, 1, 2)
DIGITS = (
    ("symmetric", 0.2),
    ("symmetric", 0.5),
    ("symmetric", 0.8),
    ("pair_flip", 0.3),  # asymmetric: digits have no map of classes that look alike
    ("instance", 0.4),
)
REPORT = Path("docs/which-criterion.md")
MEASURES = ("auroc", "average_precision", "precision")
RIVALS = ("last_loss", "mean_loss", "aum", "aum_annealed", "confidence")
CLAIMANTS = ("iam", "hm_weight")
CURVES = ("last_loss", "mean_loss", "aum", "iam", "hm_weight")
FIRST = (0.0, 0.25, 0.5, 0.75)  # windows of epochs begin after these shares of the log
N_LAST = 10  # last epochs of windows, evenly spaced
N_SPLITS = 20  # random halves of the samples


@dataclass(frozen=True, order=True)
class Setting:
    """Data, noise and recipe: what the seeds of one row share."""

    data: str
    noise: str
    rate: float
    recipe: str

    def title(self) -> str:
        """Return it as the report names it."""
        noise = self.noise.replace("_", " ")
        said = noise if self.noise == "human" else f"{noise} {self.rate:g}"
        return f"{self.data}, {said}, {self.recipe}"


def train(folder: Path, data: Path | None, processes: int | None, console: Console) -> list[Path]:
    """Train what is missing and return the folders of runs."""
    cells = [
        {"noise": noise, "noise_rate": rate, "recipe": recipe}
        for noise, rate in DIGITS
        for recipe in RECIPES
    ]
    base: dict[str, Any] = {"dataset": "digits", "epochs": 100}
    run_cells("which-criterion-digits", base, cells, SEEDS, folder, processes, console)
    folders = [folder / "which-criterion-digits"]
    if data is not None:
        base = {
            "dataset": "parquet",
            "data": str(data / "cifar10_train.parquet"),
            "test_data": str(data / "cifar10_test.parquet"),
            "train_samples": 10_000,
            "noise": "human",
            "noise_column": "worse_label",
            "epochs": 30,
        }
        cells = [{"recipe": recipe} for recipe in RECIPES]
        run_cells("which-criterion-cifar10n", base, cells, SEEDS, folder, processes, console)
        folders.append(folder / "which-criterion-cifar10n")
    return folders


def setting_of(run: RunReader) -> Setting:
    """Return a run's setting."""
    config, noise = run.info["config"], run.info["noise"]
    data = "CIFAR-10N" if config["dataset"] == "parquet" else str(config["dataset"])
    return Setting(data, noise["name"], noise["rate"], run.info["recipe"])


def finished_runs(folders: Sequence[Path]) -> Iterator[RunReader]:
    """Yield the finished runs of some folders."""
    for folder in folders:
        for run in list_runs(folder):
            if isinstance(run, RunReader) and run.status == "finished":
                yield run


def definitions(run: RunReader, runs: Sequence[RunReader]) -> dict[str, Hard | None]:
    """Return the contests: all clean samples, and three kinds of hard ones."""
    found: dict[str, Hard | None] = {
        "all": None,
        "hard by last loss": Hard("last_loss"),
        "hard by mean rank": Hard(MEAN_RANK),
    }
    mine = setting_of(run)
    for other in runs:
        theirs = setting_of(other)
        is_pair = replace(theirs, recipe="") == replace(mine, recipe="")
        if is_pair and theirs != mine and other.info["seed"] == run.info["seed"]:
            found["hard by the other recipe's last loss"] = Hard("last_loss", from_run=other.name)
    return found


def measure(runs: Sequence[RunReader], console: Console) -> pd.DataFrame:
    """Return a row per run, contest and criterion: AUROC, average precision, precision."""
    rows = []
    for run in runs:
        setting = setting_of(run)
        names = list(without_absent(NAMED, run))
        for title, hard in definitions(run, runs).items():
            beside = [other for other in runs if other.folder.parent == run.folder.parent]
            if hard is not None and hard.from_run:
                assert hard.from_run in {other.name for other in beside}
            contest = contest_of(run, names, hard=hard, n_resamples=0)
            for name in names:
                values = {m: float(contest.values.loc[name, m]) for m in MEASURES}
                rows.append(
                    {"setting": setting, "seed": run.info["seed"], "contest": title,
                     "criterion": name, "n_clean": contest.n_clean,
                     "n_mislabeled": contest.n_mislabeled, **values}
                )  # fmt: skip
        console.print(f"measured {setting.title()}, seed {run.info['seed']}", highlight=False)
    return pd.DataFrame(rows)


def per_seed(table: pd.DataFrame, contest_title: str, measured: str = "auroc") -> pd.DataFrame:
    """Return criterion x (setting, seed) of a measure, for one contest."""
    part = table[table["contest"] == contest_title]
    return part.pivot_table(
        index="criterion", columns=["setting", "seed"], values=measured, sort=False
    )


def as_table(table: pd.DataFrame) -> str:
    """Return a table as Markdown."""
    return to_markdown(table, "").strip()


def with_interval(values: Sequence[float], sign: str = "") -> str:
    """Return the mean over seeds and its 95 % t interval, as text."""
    mean, low, high = t_interval(np.asarray(values, dtype=float))
    if np.isnan(mean):
        return "–"
    form = f"{sign}.4f" if sign else ".3f"  # a difference may be small, and still be one
    if np.isnan(low):
        return f"{mean:{form}}"
    if not sign:  # a share: Student's interval knows no end
        low, high = max(low, 0.0), min(high, 1.0)
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def verdict(differences: np.ndarray) -> str:
    """Return `ahead`, `behind` or `open`: whether the t interval over seeds leaves 0 out."""
    mean, low, high = t_interval(differences)
    if np.isnan(low):  # the same in every seed: no spread to judge by
        return (
            "open" if abs(mean) < 1e-12 or np.isnan(mean) else ("ahead" if mean > 0 else "behind")
        )
    return "ahead" if low > 0 else "behind" if high < 0 else "open"


def best_table(values: pd.DataFrame, precision: pd.DataFrame) -> pd.DataFrame:
    """Return a row per setting: the criterion of largest mean AUROC beside those of the claim."""
    rows = []
    for setting in dict.fromkeys(values.columns.get_level_values(0)):
        part = values[setting]
        mean = part.mean(axis=1).sort_values(ascending=False, kind="stable")
        best = mean.index[0]
        leads = {name: (part.loc[best] - part.loc[name]).to_numpy() for name in part.index}
        row = {
            "setting": setting.title(),
            "best": NAMED[best].title,
            "its AUROC": with_interval(part.loc[best]),
            "not told from it": sum(verdict(lead) != "ahead" for lead in leads.values()) - 1,
        }
        for name in ("iam", "aum", "mean_loss", "last_loss", "hm_weight"):
            row[NAMED[name].title] = with_interval(part.loc[name])
        row["rank of IAM"] = f"{int(mean.index.get_loc('iam')) + 1} of {len(mean)}"
        row["IAM's precision"] = f"{precision[setting].loc['iam'].mean():.3f}"
        rows.append(row)
    return pd.DataFrame(rows)


def claim_table(values: pd.DataFrame, claimant: str) -> pd.DataFrame:
    """Return a row per setting: the claimant's AUROC minus each rival's, with intervals."""
    rows = []
    for setting in dict.fromkeys(values.columns.get_level_values(0)):
        part = values[setting]
        row = {
            "setting": setting.title(),
            NAMED[claimant].title: f"{part.loc[claimant].mean():.3f}",
        }
        for rival in RIVALS:
            lead = (part.loc[claimant] - part.loc[rival]).to_numpy()
            row[f"minus {NAMED[rival].title}"] = (
                f"{with_interval(lead.tolist(), '+')} {verdict(lead)}"
            )
        rows.append(row)
    return pd.DataFrame(rows)


def count_sentence(values: pd.DataFrame, claimant: str, rival: str) -> str:
    """Return in how many settings the claimant is ahead, behind, or neither."""
    settings = list(dict.fromkeys(values.columns.get_level_values(0)))
    said = [verdict((values[s].loc[claimant] - values[s].loc[rival]).to_numpy()) for s in settings]
    return (
        f"- {NAMED[claimant].title} against {NAMED[rival].title}: ahead in "
        f"{said.count('ahead')}, behind in {said.count('behind')}, open in {said.count('open')} "
        f"of {len(settings)} settings."
    )


def short_sentence(values: pd.DataFrame) -> str:
    """Return who ranks best over all settings, and where the claimants stand."""
    table = overall_table(values)
    titles = table["criterion"].to_list()
    named = ", ".join(f"{row.criterion} ({row[3]})" for row in table.head(3).itertuples())
    stand = ", ".join(
        f"{NAMED[n].title} {titles.index(NAMED[n].title) + 1}"
        for n in ("iam", "hm_weight", "mean_loss", "aum", "last_loss")
    )
    return (
        f"Smallest mean rank over the settings: {named}. Of {len(titles)} criteria stand by mean "
        f"rank: {stand}. Ranks weigh every setting alike, and families with many members crowd "
        "the others' ranks."
    )


def overall_table(values: pd.DataFrame) -> pd.DataFrame:
    """Return each criterion's mean rank over the settings, mean AUROC and worst setting."""
    by_setting = values.T.groupby(level=0, sort=False).mean().T  # criterion x setting
    ranks = by_setting.rank(ascending=False)
    table = pd.DataFrame(
        {
            "criterion": [NAMED[n].title for n in values.index],
            "family": [FAMILIES[NAMED[n].family] for n in values.index],
            "mean rank": ranks.mean(axis=1).to_numpy(),
            "mean AUROC": by_setting.mean(axis=1).map("{:.3f}".format).to_numpy(),
            "lowest AUROC": by_setting.min(axis=1).map("{:.3f}".format).to_numpy(),
            "in": [s.title() for s in by_setting.idxmin(axis=1)],
        }
    )
    table = table.sort_values("mean rank", kind="stable").reset_index(drop=True)
    return table.assign(**{"mean rank": table["mean rank"].map("{:.1f}".format)})


def curves_table(runs: Sequence[RunReader]) -> pd.DataFrame:
    """Return a row per setting and epoch: AUROC as logged during training, mean over the seeds."""
    rows = []
    for run in runs:
        metrics = run.metrics().set_index("epoch")
        for share in (0.1, 0.3, 0.6, 1.0):
            epoch = max(1, round(share * run.n_epochs))
            aurocs = {name: metrics.loc[epoch, f"auroc_{name}"] for name in CURVES}
            rows.append({"setting": setting_of(run), "epoch": epoch, **aurocs})
    table = pd.DataFrame(rows)
    mean = table.groupby(["setting", "epoch"], sort=False)[list(CURVES)].mean()
    return pd.DataFrame(
        [
            {"setting": setting.title(), "epoch": epoch}
            | {NAMED[n].title: f"{row[n]:.3f}" for n in CURVES}
            for (setting, epoch), row in mean.iterrows()
        ]
    )


def window_leads(run: RunReader) -> pd.DataFrame:
    """Return what an oracle gains in AUROC by choosing the epochs that a criterion uses.

    The oracle picks the window of the largest AUROC on one random half of the samples, and both it
    and all epochs (for a criterion of one epoch: the last) are measured on the other half: the mean
    over both halves of `N_SPLITS` splits. The rule of the test set takes the epochs up to that of
    the best test accuracy.

    Source: Varma and Simon (2006), Bias in error estimation when using cross-validation.
    """
    wrong = run.samples()["is_mislabeled"].to_numpy(dtype=bool)
    rng = np.random.default_rng(0)
    halves = []
    for _ in range(N_SPLITS):
        half = np.zeros(len(wrong), dtype=bool)
        for group in (np.flatnonzero(wrong), np.flatnonzero(~wrong)):
            half[rng.permutation(group)[: len(group) // 2]] = True
        halves += [half, ~half]
    n, accuracy = run.last_epoch, run.metrics().set_index("epoch")["test_accuracy"]
    best = (1, int(accuracy.idxmax()))
    lasts = sorted({-(-n * step // N_LAST) for step in range(1, N_LAST + 1)})
    criteria = {name: NAMED[name] for name in CURVES}
    found: dict[str, dict[tuple[int, int], list[float]]] = {name: {} for name in CURVES}
    for first in sorted({1 + round(share * n) for share in FIRST}):
        at = sorted(
            {last for last in lasts if last >= first} | ({best[1]} if first == 1 else set())
        )
        for last, scores in scores_by_epoch(run, criteria, at, first):
            for name in CURVES:
                score, high = scores[name].to_numpy(), criteria[name].higher_means
                found[name][first, last] = [auroc(score[h], wrong[h], high) for h in halves]
    rows = []
    for name, by_window in found.items():
        values = np.array(list(by_window.values()))  # (windows, 2 N_SPLITS)
        whole, tested = (list(by_window).index(window) for window in ((1, n), best))
        unseen = values.reshape(len(values), -1, 2)[:, :, ::-1].reshape(values.shape)
        oracle = unseen[values.argmax(axis=0), np.arange(values.shape[1])].mean()
        rows.append(
            {"criterion": name, "whole": values[whole].mean(),
             "oracle": oracle - values[whole].mean(), "tested": oracle - values[tested].mean()}
        )  # fmt: skip
    return pd.DataFrame(rows)


def windows_table(runs: Sequence[RunReader]) -> pd.DataFrame:
    """Return a row per setting and criterion: what an oracle's choice of epochs gains."""
    table = pd.concat([window_leads(run).assign(setting=setting_of(run)) for run in runs])
    return pd.DataFrame(
        [
            {
                "setting": setting.title(),
                "criterion": NAMED[name].title,
                "AUROC, all epochs": with_interval(part["whole"].tolist()),
                "oracle's lead": with_interval(part["oracle"].tolist(), "+"),
                "its lead over the epochs up to the best test accuracy": with_interval(
                    part["tested"].tolist(), "+"
                ),
            }
            for (setting, name), part in table.groupby(["setting", "criterion"], sort=False)
        ]
    )


def runs_table(runs: Sequence[RunReader]) -> pd.DataFrame:
    """Return a row per setting: what was trained, and what came of it."""
    rows = []
    for run in runs:
        metrics = run.metrics()
        rows.append(
            {
                "setting": setting_of(run),
                "samples": run.n_samples,
                "epochs": run.last_epoch,
                "mislabeled": run.info["noise"]["mislabeled_fraction"],
                "train": metrics["train_accuracy"].iloc[-1],
                "last": metrics["test_accuracy"].iloc[-1],
                "best": metrics["test_accuracy"].max(),
            }
        )
    table = pd.DataFrame(rows)
    return pd.DataFrame(
        [
            {
                "setting": setting.title(),
                "seeds": len(part),
                "samples": f"{part['samples'].iloc[0]:,}",
                "epochs": part["epochs"].iloc[0],
                "mislabeled": f"{part['mislabeled'].mean():.3f}",
                "train accuracy on given labels": f"{part['train'].mean():.3f}",
                "last test accuracy": with_interval(part["last"].tolist()),
                "best (an oracle's)": f"{part['best'].mean():.3f}",
            }
            for setting, part in table.groupby("setting", sort=False)
        ]
    )


def draw_map(values: pd.DataFrame, path: Path) -> None:
    """Draw the mean AUROC of every criterion in every setting."""
    by_setting = values.T.groupby(level=0, sort=False).mean().T
    order = by_setting.mean(axis=1).sort_values(ascending=False, kind="stable").index
    by_setting = by_setting.loc[order]
    figure, axes = plt.subplots(figsize=(10, 0.25 * len(order) + 3.2), layout="constrained")
    image = axes.imshow(by_setting, cmap="RdBu", vmin=0, vmax=1, aspect="auto")
    for y, name in enumerate(by_setting.index):
        for x, setting in enumerate(by_setting.columns):
            value = by_setting.loc[name, setting]
            white = abs(value - 0.5) > 0.35
            axes.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=7,
                      color="white" if white else "black")  # fmt: skip
    axes.set_yticks(range(len(order)), [NAMED[n].title for n in order], fontsize=8)
    titles = [s.title().replace(", ", "\n", 1) for s in by_setting.columns]
    axes.set_xticks(range(len(titles)), titles, rotation=45, ha="right", fontsize=8)
    axes.set_title("AUROC, mean over seeds (0.5 is chance); best mean at the top")
    figure.colorbar(image, ax=axes, shrink=0.6, label="AUROC")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_claim(values: dict[str, pd.DataFrame], path: Path) -> None:
    """Draw IAM's lead over each rival, every setting with its t interval, each contest a panel."""
    settings = list(dict.fromkeys(next(iter(values.values())).columns.get_level_values(0)))
    height = 0.42 * len(settings) + 1.6
    figure, all_axes = plt.subplots(
        1, len(values), figsize=(4.6 * len(values), height), sharey=True, layout="constrained"
    )
    colours = dict(
        zip(RIVALS, ("#d55e00", "#e69f00", "#56b4e9", "#0072b2", "#009e73"), strict=True)
    )
    for axes, (title, table) in zip(np.atleast_1d(all_axes), values.items(), strict=True):
        for place, rival in enumerate(RIVALS):
            y, x, low, high = [], [], [], []
            for row, setting in enumerate(settings):
                if setting not in table.columns.get_level_values(0):
                    continue
                part = table[setting]
                found = t_interval((part.loc["iam"] - part.loc[rival]).to_numpy())
                y.append(row + 0.15 * (place - 2))
                x.append(found[0])
                low.append(found[0] if np.isnan(found[1]) else found[1])
                high.append(found[0] if np.isnan(found[2]) else found[2])
            errors = [np.subtract(x, low), np.subtract(high, x)]
            axes.errorbar(x, y, xerr=errors, fmt="o", markersize=4, linewidth=1,
                          color=colours[rival], label=NAMED[rival].title)  # fmt: skip
        axes.axvline(0, color="0.6", linewidth=0.8)
        axes.set_xlabel("AUROC of IAM minus rival's")
        axes.set_title(title, fontsize=10)
    first = np.atleast_1d(all_axes)[0]
    first.set_yticks(range(len(settings)), [s.title() for s in settings], fontsize=8)
    first.invert_yaxis()
    first.legend(fontsize=8, title="IAM minus")
    figure.savefig(path, dpi=110)
    plt.close(figure)


WINDOWS_TEXT = (
    "## Which epochs a criterion should use",
    "",
    "A window is a first and a last epoch: first epochs after "
    f"{', '.join(f'{share:.0%}' for share in FIRST)} of the log, up to each of {N_LAST} evenly "
    "spaced last epochs. An oracle that sees true labels takes the best window by one random half "
    f"of the samples and is measured on the other, {N_SPLITS} splits. A criterion of one epoch "
    "(last loss, HM weight) is read at the window's last epoch.",
    "",
)


def write_report(runs: Sequence[RunReader], table: pd.DataFrame, command: str, path: Path) -> None:
    """Write the report and its figures."""
    values = {title: per_seed(table, title) for title in dict.fromkeys(table["contest"])}
    every = values["all"]
    pictures = {
        "map": path.with_name(f"{path.stem}-map.png"),
        "claim": path.with_name(f"{path.stem}-iam.png"),
    }
    draw_map(every, pictures["map"])
    draw_claim(values, pictures["claim"])
    share = f"{100 * HARD_FRACTION:g} %"
    counts = [count_sentence(every, c, r) for c in CLAIMANTS for r in RIVALS]
    hard_parts: list[str] = []
    for title in list(values)[1:]:
        hard_parts += [
            f"### {title[0].upper()}{title[1:]}",
            "",
            *[count_sentence(values[title], "iam", r) for r in RIVALS],
            "",
            as_table(claim_table(values[title], "iam")),
            "",
        ]
    n_criteria = len(every.index)
    lines = [
        "# Which criterion finds the wrong labels",
        "",
        f"Made by `{command}`, which trains what is missing, computes every criterion on every run "
        "and writes this file; every number here is its own.",
        "",
        f"{len(runs)} runs, {every.columns.get_level_values(0).nunique()} settings, "
        f"{n_criteria} criteria, computed from each run's log up to its last epoch. AUROC: the "
        "chance that a mislabeled sample looks more suspicious than a clean one, 0.5 is chance. "
        "Brackets are 95 % intervals of Student's t over the seeds (split, noise and start all "
        f"differ between them), which with {len(SEEDS)} seeds are wide and lean on the seeds "
        "being alike. **ahead** and **behind** mean that such an interval leaves 0 out; nothing is "
        "corrected for the number of comparisons, so that of forty open ones about two would say "
        "so by chance. All are settings small enough for two cores: a small network on digits and "
        "on 10,000 CIFAR-10 pictures; none says what a PreAct ResNet-18 on all of CIFAR would do.",
        "",
        "## In short",
        "",
        short_sentence(every),
        "",
        "## IAM against its rivals, all clean samples",
        "",
        "The second column is IAM's own AUROC: being ahead below 0.5 is no use. AUM under the same "
        "annealing as IAM is the rival that shows what the TKUM term is worth.",
        "",
        *counts,
        "",
        as_table(claim_table(every, "iam")),
        "",
        f"![IAM's lead over each rival]({pictures['claim'].name})",
        "",
        "## The paper's claim: hard clean samples against mislabeled ones",
        "",
        f"Only the {share} of the clean samples that are hardest to learn stand against all "
        "mislabeled ones, by three definitions. Whatever criterion says what is hard is loaded "
        "against: by the last loss, the contest is hardest for the last loss itself and its kin. "
        "The mean rank loads it against all main criteria alike; the other recipe's last loss (a "
        "run of the same seed, so of the same samples and labels, trained otherwise) against none "
        "of this run's directly.",
        "",
        *hard_parts,
        "",
        "## Best in each setting",
        "",
        "The criterion of the largest mean AUROC was chosen after the fact, among "
        f"{n_criteria}: its own number is an oracle's, a little too high. “Not told from it” "
        "counts the others whose interval of the difference to it does not leave 0 out. “IAM's "
        "precision” is the share of mislabeled samples among as many most suspicious ones as are "
        "mislabeled.",
        "",
        as_table(best_table(every, per_seed(table, "all", "precision"))),
        "",
        f"![AUROC of every criterion in every setting]({pictures['map'].name})",
        "",
        "## Every criterion over all settings",
        "",
        as_table(overall_table(every)),
        "",
        "## What memorisation does",
        "",
        "AUROC as logged during training, mean over the seeds.",
        "",
        as_table(curves_table(runs)),
        "",
        *WINDOWS_TEXT,
        as_table(windows_table(runs)),
        "",
        "## The trainings",
        "",
        as_table(runs_table(runs)),
        "",
        f"Of these criteria {len(MAIN_CRITERIA)} are computed during training; all definitions "
        "with their sources are in `hmw_core/criteria/`.",
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of cifar10_{train,test}.parquet")
    parser.add_argument("--sweeps", type=Path, default=Path("data/sweeps"))
    parser.add_argument("--processes", type=int)
    parser.add_argument("--report", type=Path, default=REPORT)
    arguments = parser.parse_args()
    console = Console()
    folders = train(arguments.sweeps, arguments.data, arguments.processes, console)
    runs = list(finished_runs(folders))
    runs.sort(key=lambda run: (setting_of(run), run.info["seed"]))
    table = measure(runs, console)
    said = ["python -m benchmarks.which_criterion"]
    if arguments.data is not None:
        said.append("--data FOLDER")
    write_report(runs, table, " ".join(said), arguments.report)
    console.print(f"wrote {arguments.report}")


if __name__ == "__main__":
    sys.exit(main())
