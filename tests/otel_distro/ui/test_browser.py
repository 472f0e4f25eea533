"""The page in a real browser: its content, and attacks on it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.query.queries import costs
from otel_distro.base import formatting as figures
from support.hostile import ATTACKS, write_hostile
from support.process import BIN, clean_environment
from support.ui_ledger import month_of_calls, write_month

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip(
    "playwright", reason="browser tests need `pip install -e '.[test]'`, which brings playwright"
)
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    # Its thread closes its loop and pipes, some of them late.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str | None:
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip(f"no headless Chromium here: none of {', '.join(_NAMES)} is on the PATH")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path,
            # Names are resolved to this machine, as a rebinding attacker's name server would.
            args=["--no-sandbox", "--host-resolver-rules=MAP *.example 127.0.0.1"],
        )
        yield opened
        opened.close()


@contextmanager
def served(folder: Path, *arguments: str, **variables: str) -> Iterator[str]:
    """Run `otel-distro ui` and yield its address."""
    environ = clean_environment(folder, OTEL_DISTRO_STATE_DIR=str(folder), **variables)
    process = subprocess.Popen(
        [str(BIN / "otel-distro"), "ui", "--no-browser", "--port", "0", *arguments],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.match(r"(http://\S+)", line)
    assert found, line + process.stdout.read()
    try:
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=15)
        assert process.returncode == 0, output
        assert "Traceback" not in output, output


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ledger of a month up to now."""
    folder = tmp_path_factory.mktemp("shop")
    write_month(folder, a_day=60)
    return folder


@pytest.fixture(scope="module")
def address(shop: Path) -> Iterator[str]:
    with served(shop, OTEL_DISTRO_BUDGET_USD_PER_DAY="3") as url:
        yield url


@dataclass
class Seen:
    """Requests and errors of a browser."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Seen]]:
    """Open pages, each in a fresh browser context; at the end no page may have an error."""
    opened: list[Seen] = []

    def open_one(url: str, *, ticking: bool = False, **how: Any) -> Seen:
        context = browser.new_context(**how)
        page = context.new_page()
        if ticking:
            page.clock.install()
        seen = Seen(page)
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("console", lambda message: seen.complaints.append(message.text))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("dialog", lambda dialog: seen.dialogs.append(dialog.message))
        opened.append(seen)
        page.goto(url)
        return seen

    yield open_one
    for seen in opened:
        seen.page.context.close()
        assert not seen.dialogs
        assert not seen.complaints


def total(shop: Path) -> Any:
    with open_ledger(shop / "ledger.db") as ledger:
        return costs(ledger, by=("model",))


def tile(page: Page, name: str) -> str:
    return page.locator(f".tile:has(dt:text-is('{name}')) .value").inner_text()


def bar_values(page: Page, panel: str) -> list[float]:
    bars = page.locator(f"#panel-{panel} rect.bar")
    return [float(v) for v in bars.evaluate_all("bars => bars.map(b => b.dataset.value)")]


def test_the_bars_are_drawn_with_the_right_numbers(
    address: str, shop: Path, open_page: Callable[..., Seen]
) -> None:
    """Their values add up to the ledger's sum, and pixels follow values."""
    page = open_page(address + "?window=all").page
    bars = page.locator("#panel-spend rect.bar.s0")
    measured = bars.evaluate_all(
        "bars => bars.map(b => [Number(b.dataset.value), b.getBoundingClientRect().height])"
    )

    assert sum(bar_values(page, "spend")) == total(shop).total.cost_nano_usd
    tall = [(value, height) for value, height in measured if height > 20]
    assert len(tall) >= 8
    rates = [height / value for value, height in tall]
    assert max(rates) / min(rates) < 1.06


def test_the_figures_on_top_are_the_ledgers(
    address: str, shop: Path, open_page: Callable[..., Seen]
) -> None:
    """As in `otel-distro costs`."""
    page = open_page(address + "?window=all").page
    sums = total(shop).total

    assert tile(page, "Calls") == f"{sums.calls:,}"
    assert tile(page, "Spend") == f"> {figures.usd_short(sums.cost_nano_usd)}"
    assert tile(page, "Error rate") == figures.percent(sums.failed_calls / sums.calls)
    assert tile(page, "Latency p95") == figures.duration(sums.p95_ms)


def test_lines_are_drawn_at_the_height_of_their_values(
    address: str, open_page: Callable[..., Seen]
) -> None:
    """The dots of p99 are above those of p50, in the ratio of their values."""
    page = open_page(address + "?window=30d").page
    plot = page.locator("#panel-latency .chart")
    ground = plot.locator("line.base").bounding_box()
    assert ground is not None
    dots = plot.locator("circle.p95").evaluate_all(
        "ds => ds.map(d => {const b = d.getBoundingClientRect();"
        " return [Number(d.dataset.value), b.top + b.height / 2]})"
    )

    rates = [(ground["y"] - y) / value for value, y in dots if ground["y"] - y > 20]
    assert len(rates) >= 20
    assert max(rates) / min(rates) < 1.06


def test_the_page_has_all_panels(address: str, open_page: Callable[..., Seen]) -> None:
    """Twelve panels, one heading each."""
    page = open_page(address).page

    assert page.locator("h1").count() == 1
    assert page.locator("section.panel h2").all_inner_texts() == [
        "Spend",
        "Budgets",
        "Models",
        "Latency",
        "Time to first token",
        "Tokens",
        "Errors",
        "Unpriced exposure",
        "Latency budgets",
        "Redactions",
        "Most expensive calls",
        "Evidence",
    ]


def test_a_filter_goes_into_the_address_when_it_is_chosen(
    address: str, open_page: Callable[..., Seen]
) -> None:
    """And is read back from it: the address can be shared."""
    page = open_page(address + "?window=30d").page
    page.select_option("select[name=tenant]", "globex")
    page.wait_for_url("**tenant=globex**")
    calls = tile(page, "Calls")
    reopened = open_page(page.url).page

    assert "window=30d" in page.url
    assert "model=" not in page.url
    assert tile(reopened, "Calls") == calls
    assert reopened.locator("select[name=tenant]").input_value() == "globex"


def test_a_filter_is_taken_away_by_its_chip(address: str, open_page: Callable[..., Seen]) -> None:
    """The others stay."""
    page = open_page(address + "?window=30d&tenant=globex&service=search").page
    page.get_by_label("Remove filter tenant globex").click()

    page.wait_for_url(lambda url: "tenant" not in url)
    assert "service=search" in page.url


def test_a_name_in_a_legend_filters_by_it(address: str, open_page: Callable[..., Seen]) -> None:
    """One click from the dearest model to its calls."""
    page = open_page(address + "?window=30d").page
    name = page.locator("#panel-spend .legend a").first.inner_text()
    page.locator("#panel-spend .legend a").first.click()

    assert page.locator(".chips li").first.inner_text().startswith(f"model {name}")
    assert page.locator("#panel-models tbody tr").count() == 1


def test_the_breakdown_is_a_link(address: str, open_page: Callable[..., Seen]) -> None:
    """By tenant there are three colours."""
    page = open_page(address + "?window=30d").page
    page.locator("#panel-spend .tabs a", has_text="tenant").click()

    page.wait_for_url("**by=tenant**")
    assert page.locator("#panel-spend .legend li").count() == 3
    assert page.locator("#panel-spend .tabs a[aria-current]").inner_text() == "tenant"


def test_windows_can_be_chosen(address: str, open_page: Callable[..., Seen]) -> None:
    """Seven bars' worth of days."""
    page = open_page(address).page
    page.get_by_label("Last 7 days").click()

    page.wait_for_url("**window=7d**")
    assert page.locator("#panel-spend .hit").count() == 7


def test_the_pointer_shows_the_values_of_a_bar(
    address: str, open_page: Callable[..., Seen]
) -> None:
    """Total first, then its parts."""
    page = open_page(address + "?window=7d").page
    page.locator("#panel-spend .hit").nth(2).hover()

    tip = page.locator(".tip")
    assert tip.is_visible()
    assert re.match(r"\d+ \w+ \d{4}: \$", tip.inner_text())


def test_charts_are_read_by_arrow_keys(address: str, open_page: Callable[..., Seen]) -> None:
    """A screen reader announces each value."""
    page = open_page(address + "?window=7d").page
    page.locator("#panel-spend .plot").focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#told").inner_text()
    page.keyboard.press("End")
    last = page.locator("#told").inner_text()

    assert ": $" in first
    assert first != last
    page.keyboard.press("Escape")
    assert not page.locator(".tip").is_visible()


def test_everything_is_reached_by_the_tab_key_and_focus_is_seen(
    address: str, open_page: Callable[..., Seen]
) -> None:
    """The first stop is the skip link; every stop has an outline."""
    page = open_page(address + "?window=7d").page
    stops, outlines = [], []
    for _ in range(45):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate(
                "(document.activeElement.id || document.activeElement.className"
                " || document.activeElement.name || document.activeElement.innerText)"
            )
        )
        outlines.append(
            page.evaluate(
                "(() => {const s = getComputedStyle(document.activeElement);"
                " return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1})()"
            )
        )

    assert stops[0] == "skip"
    assert {"live", "theme", "model", "service", "tenant", "apply", "plot"} <= set(stops)
    assert all(outlines)


def test_the_table_beside_a_chart_opens_by_keyboard(
    address: str, open_page: Callable[..., Seen]
) -> None:
    """Enter on its summary; the rows have the values of the bars."""
    page = open_page(address + "?window=30d").page
    page.locator("#table-spend summary").focus()
    page.keyboard.press("Enter")

    rows = page.locator("#table-spend tbody tr")
    assert rows.count() == 6
    assert rows.first.locator("th[scope=row]").count() == 1
    assert page.locator("#table-spend").get_attribute("open") is not None


def test_the_skip_link_leads_to_the_content(address: str, open_page: Callable[..., Seen]) -> None:
    """Past the header, for users of screen readers."""
    page = open_page(address).page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "content"


def test_everything_to_use_has_a_name(address: str, open_page: Callable[..., Seen]) -> None:
    """Links, fields, charts: by text, label or title."""
    page = open_page(address).page
    nameless = page.evaluate(
        """[...document.querySelectorAll('a, button, select, input:not([type=hidden]), summary')]
           .filter(e => !e.textContent.trim() && !e.getAttribute('aria-label')
                        && !(e.labels && e.labels.length)).map(e => e.outerHTML)"""
    )
    charts = page.locator("svg.chart, svg.burn")

    assert nameless == []
    assert charts.evaluate_all("cs => cs.every(c => c.getAttribute('aria-label'))")
    assert page.evaluate("document.documentElement.lang") == "en"


def contrast(page: Page, selector: str) -> float:
    """The contrast of text and its background, as WCAG computes it."""
    return float(
        page.locator(selector).first.evaluate(
            """e => {
              const rgb = s => s.match(/[\\d.]+/g).map(Number);
              const light = s => { const [r, g, b] = rgb(s).map(v => { v /= 255;
                return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
                return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
              let at = e, ground = 'rgba(0, 0, 0, 0)';
              while (at && (rgb(ground)[3] === 0)) {
                ground = getComputedStyle(at).backgroundColor; at = at.parentElement; }
              const style = getComputedStyle(e);
              const ink = e instanceof SVGElement ? style.fill : style.color;
              const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
              return (a + 0.05) / (b + 0.05);
            }"""
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(
    address: str, open_page: Callable[..., Seen], scheme: str
) -> None:
    """4.5 to 1 and more, labels of axes included."""
    page = open_page(address, color_scheme=scheme).page

    for selector in (
        "h1", ".headline .lead", ".tile dt", ".tile .value", ".tile .detail", ".legend a",
        ".legend .amount", ".tick", ".label", "td", "thead th", "td.muted", ".windows a",
        ".windows a[aria-current]", ".note", ".tool", "tbody th a",
    ):  # fmt: skip
        assert contrast(page, selector) >= 4.5, selector


def test_dark_is_dark_and_follows_the_system(address: str, open_page: Callable[..., Seen]) -> None:
    """Background and cards."""
    light = open_page(address, color_scheme="light").page
    dark = open_page(address, color_scheme="dark").page
    ground = "getComputedStyle(document.body).backgroundColor"

    assert light.evaluate(ground) == "rgb(245, 246, 248)"
    assert dark.evaluate(ground) == "rgb(14, 18, 23)"


def test_a_chosen_theme_stays(address: str, open_page: Callable[..., Seen]) -> None:
    """It overrides the system's, on the next page too."""
    page = open_page(address, color_scheme="light").page
    page.locator("#theme").click()
    page.locator("#theme").click()
    page.goto(address + "calls")

    assert page.locator("#theme").inner_text() == "Theme: dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 18, 23)"


@pytest.mark.parametrize("path", ["", "calls"])
@pytest.mark.parametrize("width", [320, 390])
def test_it_works_at_phone_width(
    address: str, open_page: Callable[..., Seen], path: str, width: int
) -> None:
    """Nothing is wider than the screen; wide tables scroll."""
    page = open_page(address + path, viewport={"width": width, "height": 800}).page

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_browser_requests_no_other_host(address: str, open_page: Callable[..., Seen]) -> None:
    """Every request of every page has the origin of the page."""
    seen = open_page(address)
    trace = seen.page.locator("#panel-dearest a").first.get_attribute("href")
    for path in ("calls", str(trace).lstrip("/"), "?by=session", "nowhere"):
        seen.page.goto(address + path)
    seen.page.wait_for_timeout(200)
    seen.complaints[:] = [c for c in seen.complaints if "404" not in c]

    assert len(seen.requests) > 8
    assert all(url.startswith(address) for url in seen.requests)


def test_a_trace_is_a_waterfall_that_leads_to_jaeger(
    address: str, open_page: Callable[..., Seen]
) -> None:
    """With all data of the call in the ledger."""
    page = open_page(address + "?window=30d").page
    page.locator("#panel-dearest a").first.click()
    page.wait_for_url("**/trace/**")
    trace_id = re.findall(r"/trace/([0-9a-f]{32})", page.url)[0]

    link = page.get_by_role("link", name="Open in Jaeger")
    assert link.get_attribute("href") == f"http://localhost:16686/trace/{trace_id}"
    assert "noopener" in str(link.get_attribute("rel"))
    assert page.locator(".waterfall > li").count() == 1
    bar = page.locator(".lane rect").nth(1).bounding_box()
    assert bar is not None
    assert bar["width"] > 100
    assert "cost status" in page.locator(".facts").inner_text()


def test_tables_are_sorted_by_a_heading(address: str, open_page: Callable[..., Seen]) -> None:
    """By the pointer and by keyboard; the largest number first."""
    page = open_page(address + "?window=30d").page
    heading = page.locator("#panel-models thead th", has_text="calls")
    cells = page.locator("#panel-models tbody td:nth-child(3)")
    counts = sorted((int(text.replace(",", "")) for text in cells.all_inner_texts()), reverse=True)
    heading.click()
    down = [int(text.replace(",", "")) for text in cells.all_inner_texts()]
    heading.press("Enter")
    up = [int(text.replace(",", "")) for text in cells.all_inner_texts()]

    assert (down, up) == (counts, counts[::-1])
    assert heading.get_attribute("aria-sort") == "ascending"


def test_calls_fit_a_phone(address: str, open_page: Callable[..., Seen]) -> None:
    """Time, model, cost and outcome are in sight without scrolling sideways."""
    page = open_page(address + "calls?window=30d", viewport={"width": 390, "height": 844}).page
    box = page.locator("thead th", has_text="outcome").bounding_box()

    assert box is not None
    assert box["x"] + box["width"] <= 390


def test_calls_can_be_paged(address: str, open_page: Callable[..., Seen]) -> None:
    """The next page begins where this one ends."""
    page = open_page(address + "calls?window=30d").page
    last = page.locator("tbody th").last.inner_text()
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**until_ns=**")

    assert page.locator("tbody th").first.inner_text() <= last
    assert page.get_by_role("link", name="Latest").count() == 1


def test_a_new_call_appears_automatically(tmp_path: Path, open_page: Callable[..., Seen]) -> None:
    """And an open table stays open, with the focus where it was."""
    now = datetime.now(UTC)
    made = month_of_calls(now, days=20, a_day=10)
    writer = LedgerWriter(tmp_path / "ledger.db")
    writer.write(made[:50])
    with served(tmp_path) as url:
        page = open_page(url + "?window=all", ticking=True).page
        page.locator("#table-spend summary").focus()
        page.keyboard.press("Enter")
        writer.write(made[50:90])
        page.clock.fast_forward(6000)
        # Not `wait_for_function`: it evaluates strings in the page, which its policy forbids.
        page.locator(".tile", has_text="90").first.wait_for(timeout=15_000)

        assert page.locator("#table-spend").get_attribute("open") is not None
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    writer.shutdown()


def test_live_refresh_can_be_stopped(address: str, open_page: Callable[..., Seen]) -> None:
    """By a link, which is part of the address."""
    page = open_page(address).page
    page.locator("#live").click()
    page.wait_for_url("**live=0**")

    assert page.locator("#live").inner_text().startswith("Paused")
    assert page.locator("#live[data-live]").count() == 0


def test_an_empty_ledger_shows_the_next_step_and_fills_automatically(
    tmp_path: Path, open_page: Callable[..., Seen]
) -> None:
    """Without a reload."""
    with served(tmp_path) as url:
        page = open_page(url, ticking=True).page
        assert "otel-distro run -- python your_app.py" in page.locator("main").inner_text()
        write_month(tmp_path, a_day=20)
        page.clock.fast_forward(6000)
        page.wait_for_selector("#panel-spend", timeout=15_000)


def test_without_scripts_everything_is_there(address: str, open_page: Callable[..., Seen]) -> None:
    """Charts, filters by their button, refresh by the browser."""
    page = open_page(address + "?window=30d", java_script_enabled=False).page
    page.select_option("select[name=tenant]", "acme")
    page.get_by_role("button", name="Apply").click()

    assert "tenant=acme" in page.url
    assert page.locator("#panel-spend rect.bar").count() > 20


def test_inline_scripts_and_styles_do_not_run(address: str, open_page: Callable[..., Seen]) -> None:
    """Foreign markup in a page would be inert."""
    seen = open_page(address)
    seen.page.evaluate(
        """(() => {
          const script = document.createElement('script');
          try { script.textContent = 'window.pwned = 1'; } catch (error) { window.refused = 1; }
          document.body.append(script);
          const text = document.createElement('b');
          text.setAttribute('style', 'display: none');
          text.id = 'styled';
          document.body.append(text);
        })()"""
    )

    assert seen.page.evaluate("window.pwned") is None
    assert (
        seen.page.evaluate("getComputedStyle(document.getElementById('styled')).display") != "none"
    )
    assert seen.complaints
    seen.complaints.clear()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hostile")
    write_hostile(folder, datetime.now(UTC))
    with served(folder) as url:
        yield url


@pytest.mark.slow
def test_stored_attacks_are_inert(hostile: str, open_page: Callable[..., Seen]) -> None:
    """Every field of every span is an attack: no script, no request, only text."""
    seen = open_page(hostile)
    page = seen.page
    shown = [f"?window=24h&by={by}" for by in ("model", "provider", "service", "tenant", "agent")]
    for path in (*shown, "calls?window=24h"):
        page.goto(hostile + path)
        for target in page.locator(".hit").all()[22:24]:
            target.hover()

        assert page.evaluate("window.pwned") is None
        assert page.evaluate("[...document.images].map(i => i.getAttribute('src'))") == [
            "/static/icon.svg"
        ]
        assert page.locator("iframe").count() == 0
        assert "<script>window.pwned=1</script>" in page.locator("main").inner_text()
    assert all(url.startswith(hostile) for url in seen.requests)


def test_the_trace_of_each_attack_is_inert(hostile: str, open_page: Callable[..., Seen]) -> None:
    """Every fact of every call, as text."""
    page = open_page(hostile).page
    for number, attack in enumerate(ATTACKS, 1):
        page.goto(f"{hostile}trace/{number:032x}")

        assert page.evaluate("window.pwned") is None
        assert page.locator(".facts *:not(div, dt, dd)").count() == 0
        assert figures.printable(attack)[:20] in page.locator(".facts").inner_text()


def test_an_attack_in_the_address_is_inert(hostile: str, open_page: Callable[..., Seen]) -> None:
    """Reflected, as a filter and as a window."""
    page = open_page(hostile).page
    for name in ("model", "window", "by", "since", "session"):
        page.goto(hostile + f"?{name}=%22%3E%3Cscript%3Ewindow.pwned%3D1%3C/script%3E")
        assert page.evaluate("window.pwned") is None


def test_the_report_of_attacks_is_inert_in_a_browser(
    tmp_path: Path, open_page: Callable[..., Seen]
) -> None:
    """Opened from the disk."""
    ledger = write_hostile(tmp_path, datetime.now(UTC))
    target = tmp_path / "report.html"
    subprocess.run(
        [
            str(BIN / "otel-distro"),
            "reports",
            "report",
            "--html",
            str(target),
            "--ledger",
            str(ledger),
        ],
        env=clean_environment(tmp_path),
        check=True,
        capture_output=True,
    )
    seen = open_page(target.as_uri())

    assert seen.page.evaluate("window.pwned") is None
    assert seen.requests == [target.as_uri()]
    assert seen.page.locator("rect.bar").count() > 0
    assert (
        seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        == "rgb(245, 246, 248)"
    )


def test_a_rebound_name_is_refused(address: str, browser: Browser) -> None:
    """After the attacker's page is loaded, its name resolves to this machine."""
    port = address.rstrip("/").rpartition(":")[2]
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"http://rebind.example:{port}/")

    assert answer is not None
    assert answer.status == 421
    assert "Model calls" not in page.content()
    context.close()


class Attacker(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>another site</h1>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_another_site_can_neither_read_nor_frame_the_page(address: str, browser: Browser) -> None:
    """Nor load its files as scripts or images."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Attacker) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://attacker.example:{server.server_address[1]}/")
        found = page.evaluate(
            """async (address) => {
              const read = await fetch(address).then(r => r.text()).catch(e => 'refused');
              const tag = (name, at) => new Promise(done => {
                const e = document.createElement(name);
                e.onload = () => done('loaded'); e.onerror = () => done('refused');
                e.src = at; document.body.append(e); });
              return [read, await tag('script', address + 'static/ui.js'),
                      await tag('img', address + 'static/icon.svg')];
            }""",
            address,
        )
        page.evaluate(
            "a => {const f = document.createElement('iframe'); f.src = a; document.body.append(f)}",
            address,
        )
        page.wait_for_timeout(300)
        framed = [frame.url for frame in page.frames[1:]]
        context.close()
        server.shutdown()

    assert found == ["refused", "refused", "refused"]
    # No frame, an empty one, or one with the browser's error.
    assert set(framed) <= {"", "chrome-error://chromewebdata/"}


def test_with_a_token_the_printed_address_opens_the_page(shop: Path, browser: Browser) -> None:
    """The token is removed from the address; without it nothing is shown."""
    with served(shop, OTEL_DISTRO_UI_TOKEN="a token of some length") as url:
        context = browser.new_context()
        page = context.new_page()
        plain = url.partition("?")[0]
        refused = page.goto(plain)
        assert refused is not None
        assert refused.status == 401
        page.goto(url)
        shown, heading = page.url, page.locator("h1").inner_text()
        page.goto(plain + "calls")
        later = page.locator("h1").inner_text()
        context.close()

    assert (shown, heading, later) == (plain, "Model calls", "Calls")


def test_the_page_loads_within_a_second(address: str, open_page: Callable[..., Seen]) -> None:
    """From the request to drawn charts, with a month of calls."""
    page = open_page(address).page
    began = time.monotonic()
    page.goto(address + "?window=30d")
    page.wait_for_selector("#panel-dearest")

    assert time.monotonic() - began < (5 if os.environ.get("CI") else 2)


class Forger(BaseHTTPRequestHandler):
    """A page of another port of this machine, which is the same site for cookies."""

    def do_GET(self) -> None:
        target = self.path.partition("?to=")[2]
        form = (
            f"<form method=post action='{target}settings/consent'>"
            "<input name=answer value=granted><input name=form_token value=x>"
            "<button>win</button></form>"
        )
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(form.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.slow
def test_consent_is_decided_by_keyboard_on_a_phone_and_by_no_other_page(
    tmp_path: Path, open_page: Callable[..., Seen]
) -> None:
    """In the dark theme, under the policy; a form of another port is refused despite the cookie."""
    secret = {"OTEL_DISTRO_UI_TOKEN": "a token of some length", "OTEL_DISTRO_CONSENT": "required"}
    with served(tmp_path, **secret) as url, ThreadingHTTPServer(("127.0.0.1", 0), Forger) as other:
        threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True).start()
        plain = url.partition("?")[0]
        narrow = {"width": 360, "height": 780}
        seen = open_page(url, viewport=narrow, color_scheme="dark")
        page = seen.page

        page.goto(f"http://127.0.0.1:{other.server_address[1]}/?to={plain}")
        page.get_by_role("button", name="win").click()
        assert "was not sent by this page" in page.locator("main").inner_text()
        assert any("403" in output for output in seen.complaints)
        seen.complaints.clear()
        other.shutdown()

        page.goto(plain + "settings")
        assert "not decided" in page.locator("#panel-consent").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= narrow["width"]
        button = page.get_by_role("button", name="Agree", exact=True)
        for _ in range(40):
            page.keyboard.press("Tab")
            if button.evaluate("one => one === document.activeElement"):
                break
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Revoke consent")
        assert "granted" in page.locator("#panel-consent").inner_text()
