"""How long a lasso takes: from the mouse's release until gallery and table show what it holds.

In a real Chromium, on runs of 50,000 and 1,000,000 samples with pictures and a map, for lassos
that hold few, half and all of the samples. The ids of each are downloaded from the page and
compared with a crossing-number count in NumPy on the outline that the browser drew.

Predicted before the first measurement, on two quiet cores: 0.5 s at 50,000 and 0.8 s at 1,000,000
samples, the same for any size of lasso, because the browser gets one page of 48 samples and the
points inside are found in 10 ms; most of it is Streamlit running the page's script. Asked for:
under 1 s and under 2 s. Results: `docs/benchmarks.md`.

    python -m benchmarks.selection                  # writes both runs to a temporary folder first
    python -m benchmarks.selection --runs DIR       # keeps them in DIR, and uses those found there
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.common import machine, resident_gib, served, spread
from dashboard.drawing.outlines import from_text
from hmw_core import RunReader, RunWriter
from hmw_core.feature_space import embeddings
from hmw_core.feature_space.projection import project

SIZES = (50_000, 1_000_000)
ALLOWED = {50_000: 1.0, 1_000_000: 2.0}  # s
SHARES = {"small": 0.01, "half": 0.5, "all": 1.0}
N_CLASSES, N_EPOCHS = 10, 3
CHART = ".st-key-chart-samples .js-plotly-plot"
PIXEL = """(chart, corners) => corners.map(([x, y]) => {
  const frame = chart.getBoundingClientRect(), {xaxis, yaxis} = chart._fullLayout;
  return [frame.left + xaxis._offset + xaxis.d2p(x), frame.top + yaxis._offset + yaxis.d2p(y)];
})"""
# What a reader of the page sees, frame by frame, with the time since the mouse was released.
WATCH = """() => {
  const seen = [];
  let up = null, last = '';
  const released = () => { up = performance.now(); };
  document.addEventListener('mouseup', released, {capture: true, once: true});
  const key = '.st-key-samples-gallery';
  const host = () => [...document.querySelectorAll(`${key}, ${key} *`)].find((e) => e.shadowRoot);
  const look = () => {
    const grid = host()?.shadowRoot;
    const cards = grid ? [...grid.querySelectorAll('figure[data-sample]')] : [];
    const whole = cards.every((card) => card.querySelector('img')?.complete);
    const rows = [...document.querySelectorAll('[data-testid=stDataFrame] [role=row]')].slice(1, 6);
    const state = JSON.stringify({
      count: [...document.querySelectorAll('[data-testid=stMarkdown] strong')]
        .map((e) => e.parentElement.textContent).find((text) => text.includes(' samples')),
      gallery: cards.map((card) => Number(card.dataset.sample)),
      table: rows.map((row) => Number(row.querySelectorAll('[role=gridcell]')[0]?.textContent)),
      whole,
    });
    if (up !== null && state !== last) {
      last = state;
      seen.push([performance.now() - up, JSON.parse(state)]);
    }
    if (!window.watched_enough) requestAnimationFrame(look);
  };
  window.watched_enough = false;
  window.seen = seen;
  look();
}"""
SETTLED = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
  === 'notRunning'"""


def write_run(folder: Path, n_samples: int) -> None:
    """Write a run of few epochs, with features, pictures, and a map that is kept with it."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, N_CLASSES, n_samples)
    given = np.where(rng.random(n_samples) < 0.3, rng.integers(0, N_CLASSES, n_samples), true)
    side = 8 if n_samples <= 100_000 else 4  # enlarged four times; a million of 32 px fill memory
    pictures = rng.integers(0, 256, (n_samples, side, side, 3), dtype=np.uint8)
    pictures = pictures.repeat(4, axis=1).repeat(4, axis=2)
    vectors = np.eye(N_CLASSES, dtype=np.float32)
    with RunWriter.create(
        folder,
        given_label=given,
        true_label=true,
        n_classes=N_CLASSES,
        n_epochs=N_EPOCHS,
        images=pictures,
        recipe="CCE",
        dataset_name="simulated",
        outputs="none",
    ) as writer:
        for epoch in range(1, N_EPOCHS + 1):
            cosine = rng.normal(0, 0.1, (n_samples, N_CLASSES)).astype(np.float32)
            cosine[np.arange(n_samples), true] += 0.2 * epoch
            np.clip(cosine, -1, 1, out=cosine)
            for batch in np.array_split(np.arange(n_samples), max(n_samples // 50_000, 1)):
                writer.record(batch, logits=8 * cosine[batch], cosine=cosine[batch])
            writer.end_epoch(epoch, test_accuracy=0.5)
        writer.flush()
        writer.log_features(N_EPOCHS, cosine, vectors)
    turn = 2 * np.pi * np.concatenate([true, np.arange(N_CLASSES)]) / N_CLASSES
    plane = 6 * np.column_stack([np.cos(turn), np.sin(turn)])
    plane += rng.normal(0, 1.5, plane.shape)
    # UMAP on a million samples takes minutes and is not what is measured here.
    real = embeddings.EMBEDDINGS["umap"]
    embeddings.EMBEDDINGS["umap"] = lambda *_, **__: plane.astype(np.float32)
    try:
        project(RunReader(folder), "umap", skip_undefined=True)
    finally:
        embeddings.EMBEDDINGS["umap"] = real


def places_of(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of the samples and where the kept map has them, (N, 2) float64."""
    table = project(RunReader(folder), skip_undefined=True)
    table = table[table["kind"] == "sample"]
    return table["sample_id"].to_numpy(np.int64), table[["x", "y"]].to_numpy(np.float64)


def corners_of(points: np.ndarray, share: float, room: list[float]) -> np.ndarray:
    """Return a lasso of 40 corners around a share of the points, within the axes' `room`."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.column_stack([np.cos(turn), np.sin(turn)])
    if share == 1.0:  # a square, as a circle of this size does not fit the axes
        ring /= np.abs(ring).max(axis=1, keepdims=True)
        middle = np.array([(room[0] + room[1]) / 2, (room[2] + room[3]) / 2])
        half = np.array([room[1] - room[0], room[3] - room[2]]) / 2
        return middle + 0.995 * half.min() * ring
    middle = points[0] if share < 0.1 else points.mean(axis=0)
    return middle + np.quantile(np.linalg.norm(points - middle, axis=1), share) * ring


def inside(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Tell which points a polygon holds, by counting the edges to the right of each."""
    found = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y1 > points[:, 1]) != (y2 > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = x1 + (points[:, 1] - y1) / (y2 - y1) * (x2 - x1)
        found ^= crosses & (points[:, 0] < edge)
    return found


def measure(page: Any, points: np.ndarray, ids: np.ndarray, repeats: int) -> dict[str, Any]:
    """Draw each lasso `repeats` times, in turns; return seconds, counts, and whether ids agree."""
    chart = page.locator(CHART)
    room = chart.evaluate("(c) => [...c._fullLayout.xaxis.range, ...c._fullLayout.yaxis.range]")
    found: dict[str, Any] = {name: {"seconds": []} for name in SHARES}
    for turn in range(repeats):
        for name, share in SHARES.items():
            corners = corners_of(points, share, room)
            found[name]["seconds"].append(draw(page, chart, corners))
            if turn == 0:
                drawn = outline_in_address(page)
                expected = np.sort(ids[inside(points, drawn)])
                found[name]["selected"] = len(expected)
                found[name]["same"] = bool(np.array_equal(downloaded(page), expected))
                found[name]["as drawn"] = as_drawn_by_browser(chart, drawn)
    return found


def draw(page: Any, chart: Any, corners: np.ndarray) -> float:
    """Draw a lasso with the mouse; return the seconds until gallery and table show its samples."""
    path = chart.evaluate(PIXEL, corners.tolist())
    page.evaluate(WATCH)
    page.mouse.move(*path[0])
    page.mouse.down()
    for x, y in [*path[1:], path[0]]:
        page.mouse.move(x, y)
    page.mouse.up()
    page.wait_for_timeout(1500)
    for _ in range(3):
        page.wait_for_function(SETTLED)
        page.wait_for_timeout(500)
    seen = page.evaluate("() => { window.watched_enough = true; return window.seen; }")
    last = seen[-1][1]
    assert last["count"] != seen[0][1]["count"], "the lasso changed nothing"
    assert last["whole"], "a picture was not shown"
    assert last["table"] == last["gallery"][: len(last["table"])], "table and gallery differ"
    return seen[-1][0] / 1000


def outline_in_address(page: Any) -> np.ndarray:
    """Return the corners of the one outline that the address keeps, (K, 2)."""
    text = page.evaluate("() => new URLSearchParams(location.search).get('outline')")
    (outline,) = from_text(text)
    return np.array(outline.corners)


def as_drawn_by_browser(chart: Any, corners: np.ndarray) -> bool:
    """Tell whether plotly's own outline, in single precision, has these corners."""
    path = chart.evaluate("(c) => c._fullLayout.selections[0].path")
    numbers = path.strip("MZ").replace("L", ",").split(",")
    own = np.array(numbers, dtype=np.float64).reshape(-1, 2).astype(np.float32)
    own = own[:-1] if len(own) == len(corners) + 1 else own  # closed by hand
    return bool(np.array_equal(own, corners.astype(np.float32)))


def downloaded(page: Any) -> np.ndarray:
    """Return the ids in the page's CSV, ascending."""
    with page.expect_download(timeout=300_000) as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    table = pd.read_csv(waiting.value.path(), usecols=["sample_id"])
    return np.sort(table["sample_id"].to_numpy(np.int64))


def main() -> None:
    """Run the benchmark; exit with 1 where ids differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, help="folder of the runs (default: a temporary one)")
    parser.add_argument("--samples", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="also write every time here")
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        runs = arguments.runs or Path(temporary)
        for n_samples in arguments.samples:
            if not (runs / f"cloud-{n_samples}").exists():
                start = time.perf_counter()
                write_run(runs / f"cloud-{n_samples}", n_samples)
                print(f"wrote {n_samples:,} samples in {time.perf_counter() - start:.0f} s")
        print(machine())
        head = f"{'samples':>10} {'lasso':>6} {'selected':>10} median [range] ids"
        with sync_playwright() as playwright, served(runs.resolve()) as (address, pid):
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            for n_samples in arguments.samples:
                ids, points = places_of(runs / f"cloud-{n_samples}")
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                page.set_default_timeout(120_000)
                start = time.perf_counter()
                page.goto(f"{address}/inspect?run=cloud-{n_samples}")
                page.get_by_text("Table of these samples").click()
                page.wait_for_selector("[data-testid=stDataFrame] [role=row]", state="attached")
                page.wait_for_function(SETTLED)
                page.wait_for_timeout(1000)
                print(f"{n_samples:,}: page there after {time.perf_counter() - start - 1:.1f} s")
                found = measure(page, points, ids, arguments.repeats)
                found["server_gib"] = resident_gib(pid)
                results[str(n_samples)] = found
                page.close()
                print(head)
                for name in SHARES:
                    same = found[name]["same"] and found[name]["as drawn"]
                    print(
                        f"{n_samples:10,} {name:>6} {found[name]['selected']:10,} "
                        f"{spread(found[name]['seconds'], 2)} s  "
                        f"{'identical' if same else 'DIFFERENT'}"
                    )
                if n_samples in ALLOWED:
                    print(f"asked for: under {ALLOWED[n_samples]:.0f} s")
                print(f"server: {found['server_gib']:.2f} GiB")
            browser.close()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))
    same = [results[n][name]["same"] for n in results for name in SHARES]
    sys.exit(0 if all(same) else 1)


if __name__ == "__main__":
    main()
