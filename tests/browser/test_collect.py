"""A network of one's own in the browser: pictures from the camera, training at once, answers live."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.serving import number_in, open_page, parameter, serve, settle
from tlcore.collecting.collection import Collection
from tlcore.datasets.dataset import Dataset
from tlcore.store import JobState, Store

PATIENCE_MS = 30_000
TRAINED_MS = 120_000
SAID = re.compile(r"^\d+ taken")
# A camera that is turned to what the test says: stripes that differ by class in colour and direction, and from press to press in place.
SCENES = """
window.scene = {upright: true, place: 0};
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 320, height: 240});
  const pen = canvas.getContext('2d');
  let number = 0;
  setInterval(() => {
    const {upright, place} = window.scene;
    pen.fillStyle = upright ? '#d86028' : '#2868d8';
    pen.fillRect(0, 0, 320, 240);
    pen.fillStyle = 'white';
    for (let at = place % 40 - 40; at < 320; at += 40) pen.fillRect(...(upright ? [at, 0, 14, 240] : [0, at, 320, 14]));
    number += 1;
    pen.fillRect(45 + (37 * number) % 211, 40 + (17 * number) % 149, 20, 20);
  }, 40);
  window.shown = canvas.captureStream(25);
  return window.shown;
};
"""


def start(page: Page, url: str) -> None:
    open_page(page, f"{url}/collect")
    page.get_by_role("button", name="Start a collection").click()
    settle(page)


def turn_on(page: Page) -> None:
    button = page.get_by_role("button", name="Turn on the camera")
    page.wait_for_timeout(500)  # Where the browser allows it, it goes on by itself.
    if button.count():
        button.click()
    expect(page.get_by_role("button", name="Hold to take pictures")).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_timeout(300)


def press(page: Page) -> None:
    """Press the button, and don't let go."""
    button = page.get_by_role("button", name="Hold to take pictures")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 15)
    page.mouse.down()


def hold(page: Page, pictures: int) -> None:
    """Keep the button pressed until so many more are taken, or a few more than that where the machine is busy."""
    before = taken(page)
    press(page)
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while taken(page) < before + pictures and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    page.mouse.up()


def taken(page: Page) -> int:
    """How many pictures the camera says that it took."""
    said = page.get_by_text(SAID)
    return number_in(said.inner_text()) if said.count() else 0


def all_kept(page: Page) -> int:
    """Wait until all that was taken is kept; how many these are."""
    expect(page.get_by_text(re.compile(r"^\d+ taken\.$"))).to_be_visible(timeout=PATIENCE_MS)
    settle(page)
    return taken(page)


def collection_of(page: Page, server) -> Collection:
    return Collection.find(server.workspace, parameter(page, "collection")[0])


def test_collect_train_and_try_it_live(page, server):
    page.add_init_script(SCENES)
    start(page, server.url)
    page.get_by_label("Name of this class").fill("orange")
    page.get_by_label("Name of this class").press("Enter")
    turn_on(page)
    for upright, name in ((True, "orange"), (False, "Class 2")):
        page.get_by_text(f"{name} · 0").click()
        settle(page)
        for press, pictures in enumerate((4, 3, 3)):
            page.evaluate(f"window.scene = {{upright: {str(upright).lower()}, place: {13 * press}}}")
            page.wait_for_timeout(100 if press == 0 else 2_300)
            hold(page, pictures)
    all_kept(page)
    expect(page.get_by_text(re.compile(r"\d+ pictures in 3 bursts"))).to_be_visible(timeout=PATIENCE_MS)
    collection = collection_of(page, server)
    counts = {name: len(collection.pictures(label)) for label, name in collection.about().classes.items()}
    assert all(number >= 10 for number in counts.values())
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("button", name="Try it live").click(timeout=TRAINED_MS)
    expect(page.locator("h3", has_text="Class 2, ")).to_be_visible(timeout=PATIENCE_MS)
    page.evaluate("window.scene = {upright: true, place: 5}")
    expect(page.locator("h3", has_text="orange, ")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Pause").click()
    store = Store.open(server.workspace)
    (run,) = store.jobs(kind="train")
    assert run.state is JobState.done and run.result["test_accuracy"] == 1.0
    dataset = Dataset.open(server.workspace.dataset(run.payload["dataset_id"]))
    assert dataset.report.counts == counts and dataset.report.bursts == 6


def test_what_is_taken_survives_a_refresh_and_bad_ones_go(page, server):
    start(page, server.url)
    turn_on(page)
    hold(page, 4)
    number = all_kept(page)
    expect(page.get_by_text(f"{number} pictures in 1 burst")).to_be_visible(timeout=PATIENCE_MS)
    collection = collection_of(page, server)
    page.reload()
    settle(page)
    expect(page.get_by_text(f"{number} pictures in 1 burst")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Remove", exact=True).first.click()
    expect(page.get_by_text(f"{number - 1} pictures in 1 burst")).to_be_visible(timeout=PATIENCE_MS)
    assert len(collection.pictures()) == number - 1
    expect(page.get_by_text("Take 2 more bursts of 'Class 1'. Take pictures of 'Class 2'.")).to_be_visible()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()


def test_a_refresh_in_the_middle_of_a_hold_loses_no_frame(page, server):
    page.add_init_script(SCENES)
    start(page, server.url)
    turn_on(page)
    press(page)
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while (number := taken(page)) < 4 and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    page.reload()
    collection = collection_of(page, server)
    while len(collection.pictures(1)) < number and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert len(collection.pictures(1)) >= number >= 4


def test_frames_on_their_way_go_to_the_class_that_was_shown(page, server):
    page.add_init_script(SCENES)
    start(page, server.url)
    turn_on(page)
    hold(page, 12)
    page.get_by_text("Class 2 · ").click()  # While most of them still wait.
    number, collection = all_kept(page), collection_of(page, server)
    assert (len(collection.pictures(1)), len(collection.pictures(2))) == (number, 0)


def test_a_camera_that_is_unplugged_says_so_until_it_is_back(page, server):
    page.add_init_script(SCENES)
    start(page, server.url)
    turn_on(page)
    page.evaluate("window.shown.getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.get_by_text("The camera was disconnected")).to_be_visible()
    page.get_by_text("Class 2 · ").click()
    settle(page)
    expect(page.get_by_text("The camera was disconnected")).to_be_visible()
    turn_on(page)
    hold(page, 2)
    all_kept(page)


@pytest.mark.slow
def test_a_restart_of_the_server_loses_no_frame(page, tmp_path):
    page.add_init_script(SCENES)
    with serve(tmp_path) as before:
        start(page, before.url)
        turn_on(page)
        hold(page, 3)
        all_kept(page)
        collection = collection_of(page, before)
    hold(page, 4)
    number = taken(page)
    with serve(tmp_path, port=int(before.url.rsplit(":", 1)[1])) as after:
        expect(page.get_by_text(f"{number} taken.", exact=True)).to_be_visible(timeout=60_000)
        assert len(collection.pictures(1)) == number and not after.tracebacks()


def test_a_class_chosen_just_before_the_press_gets_the_frames_though_the_page_is_slow(page, server):
    slow = {"s": 0.0}

    def relay(socket):
        upstream = socket.connect_to_server()
        upstream.on_message(lambda message: (page.wait_for_timeout(1000 * slow["s"]), socket.send(message)))

    page.route_web_socket(re.compile("stream"), relay)
    page.add_init_script(SCENES)
    start(page, server.url)
    turn_on(page)
    slow["s"] = 0.15  # For each message of the server.
    page.get_by_text("Class 2 · ").click()
    press(page)
    expect(page.get_by_role("button", name="Hold to take pictures of Class 2")).to_be_visible(timeout=PATIENCE_MS)
    slow["s"] = 0.0
    page.wait_for_timeout(500)
    page.mouse.up()
    all_kept(page)
    collection = collection_of(page, server)
    assert len(collection.pictures(2)) > 2 and not collection.pictures(1)


def test_the_hold_ends_where_its_class_is_removed_elsewhere(page, server):
    page.add_init_script(SCENES)
    start(page, server.url)
    turn_on(page)
    page.get_by_text("Class 2 · ").click()
    expect(page.get_by_role("button", name="Hold to take pictures of Class 2")).to_be_visible(timeout=PATIENCE_MS)
    press(page)
    page.wait_for_timeout(500)
    collection = collection_of(page, server)
    collection.drop_class(2)
    expect(page.get_by_role("button", name="Hold to take pictures of Class 1")).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_timeout(2_500)
    page.mouse.up()
    settle(page)
    expect(page.get_by_text("The class of these pictures was removed.")).to_be_visible()
    assert collection.pictures() == []


def test_the_button_works_by_keyboard(page, server):
    start(page, server.url)
    turn_on(page)
    page.get_by_role("button", name="Hold to take pictures").focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("1 picture in 1 burst")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize(("refusal", "said"), [("NotAllowedError", "doesn't let this page use the camera"), ("NotFoundError", "No camera was found"), ("NotReadableError", "in use by another program")])
def test_a_camera_that_can_not_be_had_is_one_sentence(refusal, said, page, server):
    page.add_init_script(f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{refusal}'); }};")
    start(page, server.url)
    page.get_by_role("button", name="Turn on the camera").click()
    expect(page.get_by_text(said)).to_be_visible()


def test_predict_answers_live_with_two_models(page, trained):
    server, runs = trained
    open_page(page, f"{server.url}/predict?runs={','.join(map(str, runs))}&from=live+camera")
    expect(page.get_by_role("button", name="Pause")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("h3")).to_have_text([re.compile(r"^\d, \d+\.\d%$")] * 2, timeout=PATIENCE_MS)
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(2)
