"""How long a user waits: each figure's `prepare`, and each page's first paint, on a large run.

Predicted before the first measurement: every `prepare` under 0.5 s and every page under 2 s on two
cores at 50,000 samples x 10 classes x 250 epochs, with the server below 1.5 GiB; the mean margin of
all samples at least 5 times faster than with pandas over the same files. What was seen stands in
`docs/benchmarks.md`.

    python -m benchmarks.queries                      # writes the run to a temporary folder first
    python -m benchmarks.queries --runs DIR           # uses DIR/bigrun, written there if missing
"""

import argparse
import json
import shutil
import tempfile
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.common import machine, resident_gib, seconds, served, size_of, spread
from benchmarks.make_run import write_run
from dashboard.figures import FIGURES
from dashboard.figures.base import CannotShow
from hmw_core import RunReader
from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import score_of
from hmw_core.feature_space.projection import project

PAGES = (
    *("overview", "criteria", "logits", "sphere", "clusters", "class", "accuracy", "export"),
    *("samples", "sample", "review", "labels", "compare"),
    *("detection", "agreement", "duel", "threshold", "timeline", "learning", "weights"),
    "transition",
)


def measure_figures(folder: Path, repeats: int) -> dict[str, list[float]]:
    """Time each figure's `prepare`, a fresh reader each time as a page has."""
    found = {}
    for name, figure in FIGURES.items():

        def work(figure=figure) -> None:
            run = RunReader(folder)
            figure.prepare([run] if figure.many else run)

        try:
            work()
        except CannotShow as error:
            print(f"  {name:18} cannot be shown: {error}")
            continue
        found[name] = [seconds(work) for _ in range(repeats)]
        print(f"  {name:18} {spread(found[name])} s")
    return found


def measure_aum(folder: Path, repeats: int) -> dict[str, list[float]]:
    """Time AUM of every sample: ours, and pandas over the same files."""
    files = sorted((folder / "signals").glob("*.parquet"))
    columns = ["sample_id", "given_logit", "other_logit"]

    def with_pandas() -> None:
        table = pd.concat([pd.read_parquet(file, columns=columns) for file in files])
        margin = table["given_logit"] - table["other_logit"]
        margin.groupby(table["sample_id"]).mean()

    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(repeats):  # interleaved, so that both see the same machine
        ours.append(seconds(lambda: score_of(CRITERIA["aum"], RunReader(folder))))
        theirs.append(seconds(with_pandas))
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    print(f"  ours   {spread(ours)} s\n  pandas {spread(theirs)} s")
    print(f"  pandas / ours: {spread(ratios, 1)}")
    return {"ours": ours, "pandas": theirs, "ratio": ratios}


def measure_pages(runs: Path, name: str, repeats: int) -> dict[str, object]:
    """Time from asking for a page to its last chart or table drawn, in Chromium, warm."""
    from playwright.sync_api import sync_playwright

    found: dict[str, object] = {}
    with sync_playwright() as playwright, served(runs) as (address, pid):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        memory = 0.0
        for path in PAGES:
            load = partial(open_page, page, f"{address}/{path}?run={name}")
            load()  # warm
            times = [seconds(load) for _ in range(repeats)]
            memory = max(memory, resident_gib(pid))
            found[path] = times
            print(f"  {path:18} {spread(times)} s")
        found["server_gib"] = memory
        print(f"  server at most {memory:.2f} GiB")
        browser.close()
    return found


def open_page(page, address: str) -> None:
    """Load a page and wait until Streamlit has run it and every chart on it is drawn."""
    page.goto(address)
    page.wait_for_selector("[data-testid=stMain] h1")
    page.wait_for_function(
        """() => document.querySelector('[data-testid=stApp]').dataset.testScriptState
             === 'notRunning'
           && document.querySelectorAll('[data-testid=stSkeleton]').length === 0
           && [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
                .every(e => e.querySelector('.main-svg'))"""
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, help="folder of the run (default: a temporary one)")
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--pages-only", action="store_true", help="leave out the figures' prepare")
    parser.add_argument("--json", type=Path, help="also write every time here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        runs = arguments.runs or Path(temporary)
        folder = runs / "bigrun"
        if not folder.exists():
            write_run(folder, arguments.samples, arguments.classes, arguments.epochs)
        run = RunReader(folder)
        print(f"{size_of(run)}, {machine()}")
        took = seconds(lambda: project(run))
        print(f"projection, once: {took:.0f} s (0 where it was cached)")
        results: dict[str, object] = {"size": size_of(run)}
        if not arguments.pages_only:
            print("prepare:")
            results["prepare"] = measure_figures(folder, arguments.repeats)
            print("AUM of every sample:")
            results["aum"] = measure_aum(folder, arguments.repeats)
        if not arguments.no_browser:
            print("first paint, warm:")
            results["pages"] = measure_pages(runs, folder.name, arguments.repeats)
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
