"""Judging by keyboard: every key is one verdict on the picture that was on screen, however fast."""

import json
import random
import re
import time

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from hmw_core import RunWriter
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from tests.browser.steps import open_page, settle

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHOWN = "() => document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot"
CHOICES = {
    "k": ("keep", None),
    "u": ("unsure", None),
    "n": ("skip", None),
    "0": ("relabel", 0),
    "1": ("relabel", 1),
    "2": ("relabel", 2),
    "3": ("relabel", 3),
}


@pytest.fixture
def run(runs_folder, request) -> RunReader:
    """A run of its own for each test, since a review log only grows."""
    return write_big(runs_folder / re.sub(r"\W+", "-", request.node.name))


def write_big(
    folder, n_samples: int = 300, n_classes: int = 4, class_names: list[str] | None = None
) -> RunReader:
    """Write a run of pictures that all differ, half of whose labels are wrong."""
    rng = np.random.default_rng(0)
    true = np.arange(n_samples) % n_classes
    given = np.where(np.arange(n_samples) % 2 == 0, (true + 2) % n_classes, true)
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=true,
        n_classes=n_classes,
        n_epochs=2,
        class_names=class_names or [f"kind {label}" for label in range(n_classes)],
        images=rng.integers(0, 256, (n_samples, 8, 8, 3), dtype=np.uint8),
    )
    for epoch in (1, 2):
        logits = 3 * np.eye(n_classes)[true] + rng.normal(0, 0.5, (n_samples, n_classes))
        writer.record(np.arange(n_samples), logits=logits.astype(np.float32))
        writer.end_epoch(epoch)
    writer.finish()
    return RunReader(folder)


def start(page: Page, run: RunReader, more: str = "") -> None:
    """Open the page, and give a name."""
    open_page(page, f"/review?run={run.name}{more}")
    give_name(page, "Ann")


def give_name(page: Page, name: str) -> None:
    """Give the name that is asked for before the first picture."""
    field = page.locator(".review-panel .reviewer")
    field.fill(name)
    field.press("Enter")
    expect(page.locator(".review-panel .left .picture img")).to_be_visible()


def on_screen(page: Page) -> int:
    """Return the sample on screen at this moment."""
    return page.evaluate(f"Number(({SHOWN})().querySelector('.table').dataset.sample)")


def saved(page: Page) -> None:
    """Wait until the server has everything."""
    expect(page.locator(".review-panel .saved")).to_contain_text("all saved", timeout=30_000)


def written(run: RunReader) -> list[dict]:
    text = (run.folder / "verdicts.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def verdict_of(run: RunReader, sample_id: int, key: str) -> tuple[int, str, int | None]:
    """Return what a key must write; the given label chosen anew is keep."""
    verdict, label = CHOICES[key]
    if label == run.samples()["given_label"][sample_id]:
        verdict, label = "keep", None
    return sample_id, verdict, label


def judged(lines: list[dict]) -> list[tuple[int, str, int | None]]:
    return [(line["sample_id"], line["verdict"], line["new_label"]) for line in lines]


# Pauses in ms: three keys a second, ten a second, and bursts with none at all.
@pytest.mark.parametrize("pause", [300, 100, 0])
def test_no_key_is_lost_doubled_or_moved(page: Page, run, pause):
    start(page, run)
    chance = random.Random(pause)
    expected = []
    for _ in range(45):
        key = chance.choice(list(CHOICES))
        expected.append(verdict_of(run, on_screen(page), key))
        page.keyboard.press(key)
        page.wait_for_timeout(pause)
    saved(page)
    lines = written(run)
    assert judged(lines) == expected
    assert len({line["id"] for line in lines}) == len({line["sample_id"] for line in lines}) == 45
    assert {line["reviewer"] for line in lines} == {"Ann"}
    assert verdicts.read(run).damage == []


def test_keys_typed_in_one_burst_are_each_a_verdict(page: Page, run):
    """Typed by the browser itself, a key each millisecond, so that no test's delay spares it."""
    start(page, run)
    shown = page.evaluate(
        f"""async () => {{
          const table = ({SHOWN})().querySelector('.table'), shown = [];
          for (let i = 0; i < 40; i++) {{
            shown.push(Number(table.dataset.sample));
            document.body.dispatchEvent(new KeyboardEvent(
              'keydown', {{key: 'ku'[i % 2], bubbles: true, composed: true}}));
            await new Promise((done) => setTimeout(done, 1));
          }}
          return shown;
        }}"""
    )
    saved(page)
    assert len(set(shown)) == 40
    assert judged(written(run)) == [
        (sample_id, ("keep", "unsure")[i % 2], None) for i, sample_id in enumerate(shown)
    ]


def test_thirty_a_minute_is_reached_by_far(page: Page, run):
    """A hundred verdicts with more than the pictures held ahead: the next ones come in time."""
    start(page, run)
    begin = time.monotonic()
    for _ in range(100):
        expect(page.locator(".review-panel .over")).to_be_hidden()
        page.keyboard.press("k")
        page.wait_for_timeout(50)
    saved(page)
    seconds = time.monotonic() - begin
    assert len(written(run)) == 100
    print(f"100 verdicts in {seconds:.1f} s")  # a time is not asserted, but told with -s


def test_key_held_down_is_one_verdict(page: Page, run):
    start(page, run)
    for _ in range(5):
        page.keyboard.down("k")
    page.keyboard.up("k")
    saved(page)
    assert len(written(run)) == 1


def test_undo_brings_the_picture_back_to_be_judged_anew(page: Page, run):
    start(page, run)
    first = on_screen(page)
    page.keyboard.press("k")
    second = on_screen(page)
    page.keyboard.press("u")
    page.keyboard.press("z")
    assert on_screen(page) == second
    page.keyboard.press("z")
    assert on_screen(page) == first
    page.keyboard.press("n")
    assert on_screen(page) == second
    saved(page)
    assert judged(written(run)[:2]) == [(first, "keep", None), (second, "unsure", None)]
    current = verdicts.read(run).current
    assert current["verdict"].to_dict() == {first: "skip"}
    page.reload()
    settle(page)
    assert on_screen(page) == second
    page.keyboard.press("z")  # also what was judged before the page was opened anew
    expect(page.locator(f".review-panel .table[data-sample='{first}']")).to_be_visible()
    expect(page.locator(".review-panel .count")).to_contain_text("0 of 300 judged")
    assert verdicts.read(run).current.empty


def test_suggestion_digit_search_and_note(page: Page, run):
    start(page, run)
    samples = run.samples()
    first = on_screen(page)
    page.keyboard.press("s")  # the queue begins with a mislabeled one
    second = on_screen(page)
    wanted = (int(samples["given_label"][second]) + 2) % 4
    page.keyboard.press("l")
    page.keyboard.type(f"kind {wanted}")
    page.keyboard.press("Enter")
    third = on_screen(page)
    page.keyboard.press("m")
    page.keyboard.type("kunzs 0123")  # text, not keys
    page.keyboard.press("Enter")
    assert on_screen(page) == third
    page.keyboard.press("u")
    saved(page)
    lines = written(run)
    assert judged(lines) == [
        (first, "relabel", int(samples["true_label"][first])),
        (second, "relabel", wanted),
        (third, "unsure", None),
    ]
    assert [line["note"] for line in lines] == ["", "", "kunzs 0123"]


def test_class_of_a_hundred_is_found_by_number_or_name(page: Page, runs_folder):
    run = write_big(runs_folder / "hundred", 200, 100)
    start(page, run)
    given = run.samples()["given_label"]
    first = on_screen(page)
    label = 42 if given[first] != 42 else 41
    page.keyboard.type(str(label))  # a digit opens the list: it is not a verdict by itself
    page.keyboard.press("Enter")
    second = on_screen(page)
    page.keyboard.press("l")
    page.keyboard.type("kind 7")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    saved(page)
    found = judged(written(run))
    assert found[0] == (first, "relabel", label)
    assert found[1][0] == second
    assert found[1][2] in {70, None}  # below 7 itself comes 70


def test_keys_typed_elsewhere_are_no_verdicts(page: Page, run):
    start(page, run)
    page.get_by_role("combobox", name="Rank by").click()
    page.keyboard.type("kun")
    expect(page.locator(".review-panel .keys-elsewhere")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator(".review-panel .keys-elsewhere")).to_be_hidden()
    page.keyboard.press("k")
    saved(page)
    assert len(written(run)) == 1


def test_the_name_is_asked_before_the_first_picture_and_no_key_types_it(page: Page, run):
    open_page(page, f"/review?run={run.name}")
    expect(page.locator(".review-panel .ask")).to_contain_text("Who judges?")
    expect(page.locator(".review-panel .left .picture img")).to_be_hidden()
    for key in "sksuz01":
        page.keyboard.press(key)
    expect(page.locator(".review-panel .reviewer")).to_have_value("")
    settle(page)
    assert not (run.folder / "verdicts.jsonl").exists()
    page.locator(".review-panel .reviewer").click()
    page.keyboard.type("ku 1")  # text, not keys, while the field has the focus
    page.locator(".review-panel .start").click()
    expect(page.locator(".review-panel .named")).to_have_text("ku 1")
    first = on_screen(page)
    page.keyboard.press("k")
    saved(page)
    assert [(line["sample_id"], line["reviewer"]) for line in written(run)] == [(first, "ku 1")]
    page.reload()
    settle(page)
    expect(page.locator(".review-panel .named")).to_have_text("ku 1")
    expect(page.locator(".review-panel .ask")).to_be_hidden()
    page.locator(".review-panel .rename").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Bo")
    page.keyboard.press("Enter")
    page.keyboard.press("k")
    saved(page)
    assert [line["reviewer"] for line in written(run)] == ["ku 1", "Bo"]


def test_page_left_at_once_loses_nothing(page: Page, run):
    """The server is told again by the next page what it had no time to hear."""
    start(page, run)
    expected = []
    for _ in range(10):
        expected.append(on_screen(page))
        page.keyboard.press("k")
    page.get_by_role("link", name="Paper").click()
    expect(page.get_by_role("heading", name="Paper", exact=True)).to_be_visible()
    settle(page)
    open_page(page, f"/review?run={run.name}")
    expect(page.locator(".review-panel .count")).to_contain_text("10 of 300 judged")
    saved(page)
    table = verdicts.read(run).table
    assert table["sample_id"].tolist() == expected
    assert on_screen(page) not in expected


def test_messages_lost_on_their_way_are_sent_again(page: Page, run):
    lost = []
    cut = False

    def connect(browser_side):
        server_side = browser_side.connect_to_server()

        def forward(message):
            (lost.append if cut else server_side.send)(message)

        browser_side.on_message(forward)

    page.route_web_socket(re.compile("_stcore/stream"), connect)
    start(page, run)
    expect(page.locator(".review-panel .saved")).to_contain_text("no verdict yet")
    settle(page)
    cut = True
    expected = []
    for _ in range(5):
        expected.append(on_screen(page))
        page.keyboard.press("k")
    expect(page.locator(".review-panel .saved")).to_contain_text("5 not yet saved")
    assert lost
    cut = False
    saved(page)
    assert verdicts.read(run).table["sample_id"].tolist() == expected


def test_two_reviewers_do_not_lose_each_others_lines(page: Page, run):
    start(page, run)
    other = page.context.new_page()
    open_page(other, f"/review?run={run.name}&class=1")
    other.locator(".review-panel .rename").click()  # the browser knows the first one's
    give_name(other, "Bo")
    mine, theirs = [], []
    for _ in range(12):
        mine.append(on_screen(page))
        page.keyboard.press("k")
        theirs.append(on_screen(other))
        other.keyboard.press("u")
    saved(page)
    saved(other)
    table = verdicts.read(run).table
    assert table.loc[table["reviewer"] == "Ann", "sample_id"].tolist() == mine
    assert table.loc[table["reviewer"] == "Bo", "sample_id"].tolist() == theirs
    page.keyboard.press("k")  # the other's lines are seen at the next key
    saved(page)
    expect(page.locator(".review-panel .count")).to_contain_text("Bo")
    other.close()


def test_random_checks_come_unmarked_and_are_written_as_such(page: Page, run):
    start(page, run)
    said = set()
    for _ in range(40):
        said.add(re.sub(r"\d+", "N", page.locator(".review-panel .where").inner_text()))
        page.keyboard.press("k")
    saved(page)
    assert said == {"sample N"}
    streams = verdicts.read(run).table["stream"]
    assert [(streams[i : i + 10] == "audit").sum() for i in (0, 10, 20, 30)] == [1, 1, 1, 1]
    settle(page)
    # How many errors are left is the headline.
    said_left = re.compile(r"\d+ to \d+ errors are left .*only \d+ random checks")
    expect(page.get_by_text(said_left)).to_be_visible()


PARTS = (".left .picture img", ".given", ".classes", ".buttons.second", ".count", ".who")


def assert_in_view(page: Page) -> None:
    for part in PARTS:
        box = page.locator(f".review-panel {part}").bounding_box()
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= 720, part
        assert box["x"] + box["width"] <= 1280, part


def test_picture_labels_and_keys_fit_a_laptops_screen(page: Page, run):
    page.set_viewport_size({"width": 1280, "height": 720})
    start(page, run)
    assert_in_view(page)
    # Also with what the page says of a damaged log, an address, and a selection.
    with (run.folder / "verdicts.jsonl").open("a") as file:
        file.write('{"torn')
    state = "&epoch=99&criterion=nope"
    open_page(page, f"/review?run={run.name}{state}")
    expect(page.get_by_text("line 1 was left out")).to_be_visible()
    expect(page.get_by_text("there is no “nope” here")).to_be_visible()
    expect(page.locator(".review-panel .left .picture img")).to_be_visible()
    assert_in_view(page)


def test_small_pictures_can_be_smoothed(page: Page, run):
    start(page, run)
    image = page.locator(".review-panel .left .picture img")
    assert image.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"
    page.locator(".review-panel .soften input").check()
    assert image.evaluate("i => getComputedStyle(i).imageRendering") == "auto"
    page.keyboard.press("k")  # the box keeps no keys
    saved(page)
    assert len(written(run)) == 1
    page.reload()
    settle(page)
    expect(page.locator(".review-panel .soften input")).to_be_checked()


def test_keys_of_long_names_that_differ_in_the_middle_show_different_texts(page: Page, runs_folder):
    names = [f"Great spotted {'x' * 25}{i}{'y' * 25} pinetorum" for i in range(4)]
    run = write_big(runs_folder / "long", class_names=names)
    start(page, run)
    keys = page.locator(".review-panel .suggestions button")
    assert keys.count() >= 1
    shown = keys.all_inner_texts()
    assert len({re.sub(r"\s+", "", text)[1:3] for text in shown}) == len(shown)  # "2:", "0:"
    for key in keys.all():
        tail, whole = key.locator(".tail").bounding_box(), key.bounding_box()
        assert key.locator(".tail").inner_text().endswith("netorum")
        assert tail["x"] + tail["width"] <= whole["x"] + whole["width"]  # the end is not cut


def test_a_verdict_of_long_ago_is_picked_in_the_history_and_taken_back(page: Page, run):
    start(page, run)
    first = on_screen(page)
    for key in "kuk":
        page.keyboard.press(key)
    saved(page)
    page.get_by_role("radio", name="History").click()
    settle(page)
    table = page.locator("[data-testid=stDataFrame] canvas").first
    box = table.bounding_box()
    page.mouse.click(box["x"] + 16, box["y"] + 36 * 3 + 12)  # the third row: the oldest
    page.get_by_role("button", name="Take back 1 picked").click()
    settle(page)
    assert first not in verdicts.read(run).current.index
    assert len(verdicts.read(run).table) == 2
    page.get_by_role("radio", name="Judge").click()
    settle(page)
    assert on_screen(page) == first  # it is judged anew


def test_names_with_html_are_text(page: Page):
    open_page(page, "/review?run=plain&class=2")
    expect(page.locator(".review-panel .given")).to_have_text("<b>emu</b>")


def test_bulk_verdict_on_a_selection_after_a_confirmation(page: Page, run):
    start(page, run)
    skipped = on_screen(page)
    page.keyboard.press("n")
    saved(page)
    open_page(page, f"/samples?run={run.name}")
    page.get_by_role("button", name="Review the 300 shown").click()
    expect(page.get_by_text("Selection of 300 samples:")).to_be_visible(timeout=30_000)
    settle(page)
    page.keyboard.press("k")
    saved(page)
    assert written(run)[-1]["stream"] == "selection"
    page.get_by_role("button", name="These 300 are all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This writes 0 verdicts")
    page.keyboard.press("k")  # not for the panel while the question is open
    dialog.get_by_label("Verdict", exact=True).click()
    page.get_by_role("option", name="most epochs predicted").click()
    expect(dialog).to_contain_text(re.compile(r"298 verdicts: .*relabel to kind"))
    dialog.get_by_label("Your name").fill("Ann")
    dialog.get_by_label("Your name").press("Enter")
    assert len(written(run)) == 2
    dialog.get_by_role("button", name="Write 298 verdicts").dblclick()
    expect(dialog).to_be_hidden()
    expect(page.locator(".review-panel .count")).to_contain_text("300 of 300 judged")
    expect(page.get_by_text("298 verdicts by Ann")).to_be_visible()
    log = verdicts.read(run)
    assert len(log.table) == 300
    assert log.table["sample_id"].is_unique
    assert log.damage == []
    bulk = log.table[2:]
    relabelled = bulk[bulk["verdict"] == "relabel"]
    true_label = run.samples()["true_label"][relabelled["sample_id"]]
    assert relabelled["new_label"].tolist() == true_label.tolist()
    assert skipped not in set(bulk["sample_id"])
    expect(page.locator(".review-panel .over")).to_contain_text(
        "All 300 samples of this queue are judged"
    )
    page.get_by_role("button", name="Take them all back").click()
    expect(page.locator(".review-panel .count")).to_contain_text("2 of 300 judged")
    assert len(verdicts.read(run).table) == 2
