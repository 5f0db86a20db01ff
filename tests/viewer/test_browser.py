"""The page in a real browser: Debian's Chromium, headless, driven by playwright. Skipped with a message where either is missing."""

import shutil
import time

import mishaps
import pytest
from hostile import HOSTILE, hostile_trace, long_trace
from msgspec import structs
from recorded_runs import recorded

from treadle.checker.viewer import page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")


SHOWN = (mishaps.deadlock, mishaps.lost_update, mishaps.livelock, mishaps.starvation, mishaps.half_deadlock, mishaps.only_callbacks)


@pytest.fixture(scope="module")
def traces():
    """The traces that are shown, made before the browser starts: its driver has an event loop of its own in this thread."""
    made = {each.__name__: recorded(each) for each in SHOWN}
    return {"lost_permit": recorded("semaphore", tasks=2, cancel=1), **made}


@pytest.fixture(scope="module")
def chromium(traces):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(chromium, tmp_path):
    """Open the page of a trace; nothing on it may go wrong unseen, and nothing may be fetched."""
    troubles = []
    contexts = []

    def open_page(trace, fragment="", width=1400, height=900, **options):
        file = tmp_path / "trace.html"
        file.write_text(page(trace), encoding="utf-8")
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        opened = context.new_page()
        opened.set_default_timeout(10_000)
        opened.on("pageerror", lambda error: troubles.append(str(error)))
        opened.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
        opened.on("request", lambda request: troubles.append(request.url) if not request.url.startswith(file.as_uri()) else None)
        opened.goto(file.as_uri() + fragment)
        return opened

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="module")
def lost_permit(traces):
    return traces["lost_permit"]


def position(opened):
    return opened.locator("#position").inner_text()


def current(opened):
    return opened.locator(".row.current .number").inner_text()


class TestStepping:
    def test_it_begins_where_the_nearest_passing_run_parts(self, show, lost_permit):
        opened = show(lost_permit)
        assert position(opened) == "10 of 11"
        assert opened.locator("#step-title").inner_text() == "Step 10: B"
        assert "although woken already" in opened.locator(".row.current").inner_text().replace("\n", " ")

    @pytest.mark.parametrize(("forward", "back"), [("ArrowRight", "ArrowLeft"), ("ArrowDown", "ArrowUp"), ("j", "k")])
    def test_keys(self, show, lost_permit, forward, back):
        opened = show(lost_permit, "#step=9")
        opened.keyboard.press(forward)
        assert current(opened) == "10"
        opened.keyboard.press(back)
        opened.keyboard.press(back)
        assert current(opened) == "7"  # 8 only carries news
        opened.keyboard.press("Home")
        assert current(opened) == "1"
        assert opened.locator("#back").is_disabled()
        opened.keyboard.press("End")
        assert opened.locator("#forward").is_disabled()

    def test_buttons_and_slider(self, show, lost_permit):
        opened = show(lost_permit, "#step=2")
        opened.locator("#forward").click()
        assert current(opened) == "3"
        opened.locator("#back").click()
        assert current(opened) == "2"
        opened.locator("#slider").fill("9")
        assert current(opened) == "9"
        opened.locator("#parting").click()
        assert current(opened) == "10"

    def test_the_loops_own_steps_can_be_shown(self, show, lost_permit):
        opened = show(lost_permit, "#step=9")
        assert opened.locator(".row .number", has_text="8").count() == 0
        opened.keyboard.press("l")
        opened.keyboard.press("ArrowLeft")
        assert current(opened) == "8"
        assert opened.locator("#news").get_attribute("aria-pressed") == "true"

    def test_the_same_tasks_steps(self, show, lost_permit):
        opened = show(lost_permit, "#step=9")
        opened.keyboard.press(",")
        assert current(opened) == "5"
        opened.keyboard.press(".")
        assert current(opened) == "9"

    def test_a_click_on_a_row(self, show, lost_permit):
        opened = show(lost_permit)
        opened.locator("#row-5").click()
        assert position(opened) == "5 of 11"


class TestWhatIsShown:
    def test_state_source_and_choices_go_with_the_step(self, show, lost_permit):
        opened = show(lost_permit, "#step=7")
        state = opened.locator("#state")
        assert "waits for semaphore" in state.inner_text()
        assert opened.locator(".code .here").count() == 1
        assert "swallowing.py" in opened.locator("#source .file").inner_text()
        opened.keyboard.press("End")
        opened.locator("#parting").click()
        assert "the nearest passing run" in opened.locator("#choices").inner_text()
        assert opened.locator("#choices .chosen").inner_text().startswith("cancel B")

    def test_the_window_is_drawn_in_the_column_of_the_task(self, show, lost_permit):
        opened = show(lost_permit)
        windows = opened.locator(".row .window:not(.line)")
        steps = {row.split("\n")[0] for row in opened.locator(".row:has(.cell.window)").all_inner_texts()}
        assert windows.count() == 2
        assert steps == {"9", "10"}

    def test_a_deadlock_ends_with_its_graph(self, show, traces):
        opened = show(traces["deadlock"])
        assert opened.locator("#end table").is_visible()
        assert opened.locator(".wait-graph .task").all_text_contents() == ["alice", "bob"]
        assert opened.locator(".wait-graph .thing").all_text_contents() == ["blue", "red"]

    def test_a_small_program_has_a_map_and_the_run_its_way_on_it(self, show, lost_permit):
        opened = show(lost_permit, "#step=1")
        graph = lost_permit.graph
        assert opened.locator("#graph circle").count() == len(graph.nodes)
        assert opened.locator("#graph .violated").first.is_visible()
        before = opened.locator("#graph circle.current").get_attribute("cx")
        opened.keyboard.press("End")
        assert opened.locator("#graph circle.current").get_attribute("cx") != before
        opened.locator("#graph circle.on-way").nth(2).click()
        assert position(opened) == f"{graph.path[2][0]} of 11"

    def test_a_program_without_a_map_shows_none(self, show, traces):
        assert traces["deadlock"].graph is None
        assert not show(traces["deadlock"]).locator("#graph-section").is_visible()

    def test_changes_are_marked_with_what_was_before(self, show, traces):
        opened = show(traces["lost_update"], "#step=8")
        row = opened.locator("#state tr.changed", has_text="account.balance")
        assert row.locator("del").inner_text() == "1"
        assert "2" in row.inner_text()

    def test_frames_of_the_stack_can_be_looked_at(self, show, traces):
        opened = show(traces["deadlock"], "#step=5")
        outer = opened.locator("#source .file").inner_text()
        opened.locator("#stack button").last.click()
        assert opened.locator("#source .file").inner_text() != outer

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_light_and_dark_follow_the_system_and_a_button(self, show, lost_permit, scheme):
        opened = show(lost_permit, color_scheme=scheme)
        background = "getComputedStyle(document.body).backgroundColor"
        before = opened.evaluate(background)
        opened.keyboard.press("t")
        assert opened.evaluate(background) != before
        opened.keyboard.press("t")
        assert opened.evaluate(background) == before

    def test_without_scripts_it_is_text(self, show, lost_permit):
        opened = show(lost_permit, java_script_enabled=False)
        assert "nearest passing run" in opened.locator("noscript pre").inner_text()
        assert not opened.locator("main").is_visible()

    @pytest.mark.parametrize("width", [400, 800, 1400])
    @pytest.mark.parametrize("name", ["lost_permit", "half_deadlock"])
    def test_the_page_itself_never_scrolls_sideways(self, show, traces, name, width):
        opened = show(traces[name], width=width)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width


class TestLoop:
    """`starvation` goes round from step 17 to step 26; 17, 20, 21 and 25 only carry news."""

    @pytest.mark.parametrize("forward", ["ArrowRight", "j", "button"])
    def test_a_step_forward_from_the_last_goes_round(self, show, traces, forward):
        opened = show(traces["starvation"], "#step=24")
        found = []
        for _ in range(8):
            opened.locator("#forward").click() if forward == "button" else opened.keyboard.press(forward)
            found.append(position(opened))
        assert found == [
            "26 of 26", "18 of 26, round 2", "19 of 26, round 2", "22 of 26, round 2", "23 of 26, round 2", "24 of 26, round 2",
            "26 of 26, round 2", "18 of 26, round 3",
        ]  # fmt: skip
        for wanted in ("26 of 26, round 2", "24 of 26, round 2"):
            opened.keyboard.press("ArrowLeft")
            assert position(opened) == wanted

    def test_back_from_the_first_round_leads_out_of_the_loop(self, show, traces):
        opened = show(traces["starvation"], "#step=18")
        opened.keyboard.press("ArrowLeft")
        assert position(opened) == "16 of 26"

    @pytest.mark.parametrize(
        ("key", "wanted"), [("Home", "1 of 26"), ("r", "18 of 26"), ("End", "26 of 26, round 2"), ("PageUp", "1 of 26")]
    )
    def test_who_leaves_the_loop_begins_it_anew(self, show, traces, key, wanted):
        opened = show(traces["starvation"], "#step=26")
        opened.keyboard.press("j")
        opened.keyboard.press(key)
        assert position(opened) == wanted

    def test_ten_steps_forward_do_not_go_round_by_surprise(self, show, traces):
        opened = show(traces["starvation"], "#step=24")
        opened.keyboard.press("PageDown")
        opened.keyboard.press("PageDown")
        assert position(opened) == "26 of 26"

    def test_the_same_tasks_next_step_may_be_in_the_next_round(self, show, traces):
        opened = show(traces["starvation"], "#step=19")
        found = []
        for _ in range(3):
            opened.keyboard.press(".")
            found.append(position(opened))
        assert found == ["24 of 26", "19 of 26, round 2", "24 of 26, round 2"]

    def test_where_it_goes_on_can_be_clicked(self, show, traces):
        opened = show(traces["starvation"], "#step=26")
        back = opened.locator(".loop-back")
        assert back.inner_text() == "↻ goes on with step 17, for ever"
        back.click()
        assert position(opened) == "18 of 26, round 2"
        opened.keyboard.press("Home")
        opened.locator("#round").click()
        assert position(opened) == "18 of 26"

    @pytest.mark.parametrize(
        ("name", "first", "last"), [("starvation", "18", "26"), ("livelock", "10", "10"), ("only_callbacks", "2", "2")]
    )
    def test_its_rows_are_in_a_bracket(self, show, traces, name, first, last):
        opened = show(traces[name], height=3_000)
        begin = traces[name].loop
        numbers = [int(number) for number in opened.locator(".row .number").all_inner_texts()]
        assert opened.locator(".row.in-loop .number").all_inner_texts() == [str(number) for number in numbers if number >= begin]
        assert opened.locator(".row.loop-first .number").all_inner_texts() == [first]
        assert opened.locator(".row.loop-last .number").all_inner_texts() == [last]

    def test_with_the_event_loops_own_steps_it_begins_where_it_does(self, show, traces):
        opened = show(traces["starvation"], "#step=26", height=3_000)
        opened.keyboard.press("l")
        assert opened.locator(".row.loop-first .number").inner_text() == "17"
        opened.keyboard.press("j")
        assert position(opened) == "17 of 26, round 2"

    def test_who_goes_round_and_who_waits_is_told(self, show, traces):
        opened = show(traces["half_deadlock"])
        rows = opened.locator("#end tbody tr").all_inner_texts()
        assert [row.split("\t")[:2] for row in rows] == [
            ["ticker", "waits for a timer again and again (step 10)"], ["main", "waits for the end of alice, bob"],
            ["alice", "waits for blue"], ["bob", "waits for red"],
        ]  # fmt: skip
        assert opened.locator(".wait-graph .task").all_text_contents() == ["alice", "bob"]
        assert "after step 10 all is as it was before step 9" in opened.locator("#loop-note").inner_text().lower()

    def test_a_screen_reader_hears_where_it_is(self, show, traces):
        opened = show(traces["starvation"], "#step=16")
        heard = []
        for _ in range(2):
            opened.keyboard.press("j")
            heard.append(opened.locator("#live").inner_text().partition(". ")[0])
        opened.keyboard.press("End")
        opened.keyboard.press("j")
        heard.append(opened.locator("#live").inner_text().partition(". ")[0])
        assert heard == ["Step 18 of 26, where the loop begins", "Step 19 of 26, in the loop", "Step 18 of 26, round 2 of the loop"]
        assert opened.get_by_role("link", name="Step 18, in the loop").count() == 1

    def test_the_map_shows_the_way_round(self, show, traces):
        opened = show(traces["starvation"], "#step=1")
        path = traces["starvation"].graph.path
        assert opened.locator("#graph .round").count() == len([after for after, _ in path if after >= traces["starvation"].loop])
        assert opened.locator("#graph .round.gone").count() == 0
        opened.keyboard.press("End")
        opened.keyboard.press("j")
        assert opened.locator("#graph .round.gone").count() == opened.locator("#graph .round").count()
        assert opened.locator("#path path.round").count() == 1

    @pytest.mark.parametrize("loop", [0, -1, 99])
    def test_a_run_that_ends_has_none_of_it(self, show, traces, loop):
        opened = show(structs.replace(traces["deadlock"], loop=loop), "#step=7")
        assert opened.locator(".in-loop, .loop-back, .loop-note").count() == 0
        assert not opened.locator("#round").is_visible()
        assert opened.locator("#forward").is_disabled()
        opened.keyboard.press("j")
        opened.keyboard.press("r")
        assert position(opened) == "7 of 7"


class TestSearchAndLinks:
    def test_search_counts_marks_and_goes_round(self, show, lost_permit):
        opened = show(lost_permit, "#step=1")
        opened.keyboard.press("/")
        opened.keyboard.type("acquire()")
        found = int(opened.locator("#matches").inner_text().split()[0])
        assert found >= 3
        opened.keyboard.press("Enter")
        first = current(opened)
        assert opened.locator("#matches").inner_text() == f"1 of {found}"
        for _ in range(found):
            opened.keyboard.press("Enter")
        assert current(opened) == first
        opened.keyboard.press("Shift+Enter")
        assert opened.locator("#matches").inner_text() == f"{found} of {found}"
        opened.keyboard.press("Escape")
        assert opened.locator(".row.match").count() == 0

    def test_what_is_nowhere_is_not_found(self, show, lost_permit):
        opened = show(lost_permit)
        opened.locator("#search").fill("unobtainium")
        assert opened.locator("#matches").inner_text() == "no match"

    def test_keys_in_the_search_field_do_not_step(self, show, lost_permit):
        opened = show(lost_permit, "#step=5")
        opened.locator("#search").focus()
        opened.keyboard.type("jjk")
        assert position(opened) == "5 of 11"

    def test_a_link_opens_its_step_and_the_address_follows(self, show, lost_permit):
        opened = show(lost_permit, "#step=7")
        assert current(opened) == "7"
        opened.keyboard.press("ArrowRight")
        assert opened.url.endswith("#step=9")
        opened.evaluate("location.hash = '#step=2'")
        sync_api.expect(opened.locator("#position")).to_have_text("2 of 11")

    def test_a_link_to_a_step_that_only_carries_news_shows_it(self, show, lost_permit):
        assert current(show(lost_permit, "#step=8")) == "8"

    @pytest.mark.parametrize("fragment", ["#step=0", "#step=999", "#step=-1", "#step=x", "#other"])
    def test_a_link_to_nowhere_opens_some_step(self, show, lost_permit, fragment):
        assert current(show(lost_permit, fragment)).isdigit()


class TestAccess:
    def test_a_screen_reader_hears_the_step(self, show, lost_permit):
        opened = show(lost_permit, "#step=9")
        opened.keyboard.press("ArrowRight")
        live = opened.locator("#live")
        assert live.get_attribute("aria-live") == "polite"
        assert live.inner_text().startswith("Step 10 of 11. B: cancelled from outside")

    def test_the_table_is_a_grid_with_an_active_row(self, show, lost_permit):
        opened = show(lost_permit, "#step=9")
        grid = opened.get_by_role("grid")
        active = grid.get_attribute("aria-activedescendant")
        assert opened.locator(f"#{active}").get_attribute("aria-selected") == "true"
        assert [cell.inner_text() for cell in opened.get_by_role("columnheader").all()[:3]] == ["step", "A", "B"]

    def test_everything_can_be_reached_and_has_a_name(self, show, lost_permit):
        opened = show(lost_permit)
        nameless = "[...document.querySelectorAll('button, input')].filter((each) => !each.ariaLabel && !each.textContent).length"
        assert opened.evaluate(nameless) == 0
        reached = set()
        for _ in range(30):
            opened.keyboard.press("Tab")
            reached.add(opened.evaluate("document.activeElement.id"))
        assert {"forward", "slider", "search", "theme", "help", "steps", "source"} <= reached

    def test_the_keys_are_told(self, show, lost_permit):
        opened = show(lost_permit)
        opened.keyboard.press("?")
        assert opened.get_by_role("dialog").is_visible()
        opened.keyboard.press("Escape")
        assert not opened.get_by_role("dialog").is_visible()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_texts_stand_out_from_their_ground(self, show, lost_permit, scheme):
        opened = show(lost_permit, color_scheme=scheme)
        ratios = opened.evaluate(CONTRASTS)
        assert ratios
        assert min(ratios.values()) >= 4.5, ratios


CONTRASTS = """() => {
  const style = getComputedStyle(document.documentElement);
  const light = (colour) => {
    const parts = colour.trim().slice(1).match(/../g).map((part) => parseInt(part, 16) / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ratios = {};
  for (const ink of ["--ink", "--quiet", "--accent", "--amber", "--red", "--green", "--cyan", "--loop"]) {
    for (const ground of ["--paper", "--faint", "--here"]) {
      const [a, b] = [light(style.getPropertyValue(ink)), light(style.getPropertyValue(ground))];
      ratios[ink + " on " + ground] = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }
  }
  return ratios;
}"""


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_program_only_gets_text_onto_the_page(show, text):
    opened = show(hostile_trace(text))
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("End")
    opened.wait_for_timeout(50)
    assert opened.evaluate("window.hacked") is None
    assert opened.locator("img, iframe, body script ~ script ~ script").count() == 0
    if text.isascii():
        assert text in opened.locator("#step").inner_text()


@pytest.fixture(scope="module")
def long():
    return long_trace(5_000)


class TestManySteps:
    def test_only_what_is_on_the_screen_exists(self, show, long):
        opened = show(long, "#step=2500")
        assert current(opened) == "2500"
        assert opened.locator(".row").count() < 100
        opened.keyboard.press("End")
        assert current(opened) == "5000"
        assert opened.locator("#row-5000").is_visible()
        assert opened.locator(".row").count() < 100

    def test_the_state_of_any_step_is_right(self, show, long):
        opened = show(long, "#step=1")
        for step in (4_321, 63, 64, 65, 4_999, 1):
            opened.evaluate(f"location.hash = '#step={step}'")
            sync_api.expect(opened.locator("#position")).to_have_text(f"{step} of 5000")
            row = opened.locator("#state tr", has_text="laps")
            assert row.locator("td").inner_text().endswith(str(step))

    def test_it_is_quick(self, show, long):
        opened = show(long)
        begun = time.perf_counter()
        took = opened.evaluate(
            "() => { const begun = performance.now(); for (let i = 0; i < 50; i++) "
            "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' })); return performance.now() - begun; }"
        )
        assert position(opened) == "4950 of 5000"
        assert took / 50 < 100, "milliseconds a step"
        assert time.perf_counter() - begun < 30

    def test_a_long_loop_is_as_quick(self, show):
        opened = show(long_trace(5_000, loop=2_000), "#step=5000")
        opened.keyboard.press("j")
        assert position(opened) == "2000 of 5000, round 2"
        assert opened.locator(".row").count() < 100

    def test_search_finds_what_is_far_away(self, show, long):
        opened = show(long, "#step=1")
        opened.locator("#search").fill("pass_on(4777)")
        opened.keyboard.press("Enter")
        assert current(opened) == "4777"
