"""How long the first opening of a run takes: from its address until map and gallery are drawn.

In a real Chromium, each time from a server started for it, so that nothing is read, ranked or
drawn before. Two ways: `straight`, the run's address as soon as the server answers, and `from
home`, after its first page was open, as a user comes. On runs of 50,000 and 1,000,000 samples with
pictures and a map; asked for: at most 2 s. Results: `docs/benchmarks.md`.

    python -m benchmarks.first_opening                     # writes both runs to a temporary folder
    python -m benchmarks.first_opening --runs DIR --ref HEAD~9   # in turns with an earlier commit
"""

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, machine, peak_gib, processor_seconds, served, spread
from benchmarks.selection import SIZES, write_run

WAYS = ("straight", "from home")
# When a reader first sees each part, in ms since the page was asked for, looked for in each frame.
# A gallery lies behind a shadow root; a cloud drawn as a picture is an image of the chart.
WATCH = """() => {
  const seen = window.seen = {};
  const everywhere = (selector, root = document) => [
    ...root.querySelectorAll(selector),
    ...[...root.querySelectorAll('[class*=gallery], [class*=gallery] *')]
      .filter((e) => e.shadowRoot).flatMap((e) => [...e.shadowRoot.querySelectorAll(selector)])];
  const look = () => {
    const note = (name, there) => { if (there && !(name in seen)) seen[name] = performance.now(); };
    note('heading', document.querySelector('[data-testid=stMain] h1'));
    const chart = document.querySelector('[data-testid=stPlotlyChart] .js-plotly-plot');
    note('map', chart && chart.querySelector('.main-svg .xy')
      && (chart.querySelector('image') || chart.querySelector('canvas')));
    const pictures = everywhere('figure[data-sample] img');
    note('gallery', pictures.length && pictures.every((img) => img.complete));
    const app = document.querySelector('[data-testid=stApp]');
    if (seen.map && seen.gallery) note('all', app?.dataset.testScriptState === 'notRunning');
    if (!seen.all) requestAnimationFrame(look);
  };
  look();
}"""


def opening(browser: Any, address: str, run: str, way: str) -> dict[str, float]:
    """Open a run in a new window; return the seconds until each part is seen."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(120_000)
    if way == "from home":
        page.goto(address)
        page.wait_for_selector("[data-testid=stMain] h1")
        page.wait_for_function(
            "() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState"
            " === 'notRunning'"
        )
    page.add_init_script(f"({WATCH})()")
    page.goto(f"{address}/samples?run={run}")
    page.wait_for_function("() => window.seen?.all")
    seen = page.evaluate("() => window.seen")
    page.close()
    return {name: value / 1000 for name, value in seen.items()}


@contextmanager
def sources(ref: str | None) -> Iterator[dict[str, Path]]:
    """Yield the folders of source code to measure: this one, and that of an earlier commit."""
    if ref is None:
        yield {"this": ROOT}
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "worktree", "add", "--detach", folder, ref], cwd=ROOT, check=True)
        try:
            yield {ref: Path(folder), "this": ROOT}
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, help="folder of the runs (default: a temporary one)")
    parser.add_argument("--run", nargs="+", default=[f"cloud-{n}" for n in SIZES])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ref", help="also measure this commit, in turns")
    parser.add_argument("--json", type=Path, help="also write every time here")
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary, sources(arguments.ref) as code:
        runs = (arguments.runs or Path(temporary)).resolve()
        for n_samples in SIZES:
            name = f"cloud-{n_samples}"
            if name in arguments.run and not (runs / name).exists():
                start = time.perf_counter()
                write_run(runs / name, n_samples)
                print(f"wrote {name} in {time.perf_counter() - start:.0f} s")
        print(machine())
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            for _ in range(arguments.repeats):
                for run in arguments.run:
                    for way in WAYS:
                        for version, root in code.items():
                            with served(runs, root) as (address, pid):
                                seen = opening(browser, address, run, way)
                                seen["processor of the server"] = processor_seconds(pid)
                                seen["GiB"] = peak_gib(pid)
                            found.setdefault(f"{run} {way} {version}", []).append(seen)
            browser.close()
        print(machine())
    for case, times in found.items():
        parts = [f"{name} {spread([t[name] for t in times], 2)}" for name in times[0]]
        print(f"{case}: {', '.join(parts)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
