"""The pages over the trace store in a real browser: their content, and attacks on them."""

# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_distro.ui.security import POLICY
from support.demo_telemetry import WHOLE, chat, fill
from support.hostile import ATTACKS
from support.otlp_messages import A, Server, counter, eventually, logs, span_id, spans, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("playwright", reason="browser tests need playwright")
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = [
    pytest.mark.browser,
    pytest.mark.process,
    # Its thread closes its loop and pipes, some of them late.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
LARGE = trace_id(77).hex()
TRACE = WHOLE.hex()
CHAT = f"{40 * 100 + 5:016x}"
PAGES = (
    "/traces",
    f"/trace/{TRACE}?span={CHAT}",
    f"/trace/{LARGE}",
    "/logs",
    "/metrics",
    "/metrics?metric=shop.orders",
    "/sessions",
    "/services",
    f"/compare?a={TRACE}&b={trace_id(10**6 + 10).hex()}",
    "/compare",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no headless Chromium here")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has received forty requests of a shop and one trace of 10,000 spans."""
    server = Server(tmp_path_factory.mktemp("shop"))
    fill(server, large=10_000)
    yield server
    server.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test when a script fails or the policy is violated."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda entry: wrong.append(entry.text) if entry.type == "error" else None)
    yield opened
    context.close()
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path[:14])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_fit_their_window(
    browser: Browser, shop: Server, path: str, width: int, scheme: Any
) -> None:
    """At the width of a phone too, in the dark too, without an error of a script or a policy."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda entry: wrong.append(entry.text) if entry.type == "error" else None)
    answer = opened.goto(shop.page + path)
    assert answer is not None
    assert answer.headers["content-security-policy"] == POLICY
    wide = opened.evaluate("document.documentElement.scrollWidth")
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()

    assert answer.status == 200
    assert wide <= width
    assert (ground == "rgb(14, 18, 23)") is (scheme == "dark")
    assert not wrong


def test_a_whole_trace_is_shown_with_costs_messages_and_logs(page: Page, shop: Server) -> None:
    """Of every service, with the secret redacted; details of a span open in the same page."""
    page.goto(f"{shop.page}/trace/{TRACE}")
    names = page.locator("#spans .name").all_text_contents()
    page.locator(f"#s-{CHAT} a").click()
    detail = page.locator("#span-detail")
    detail.wait_for()

    assert names[:3] == ["POST /checkout", "SELECT orders", "POST /plan"]
    assert len(names) == 10
    assert "Mail [EMAIL] the list" in detail.inner_text()
    assert 'search_web({"q": "tulips in season"})' in detail.inner_text()
    assert page.url.endswith(f"?span={CHAT}")
    assert "$0.000" in page.locator(f"#s-{CHAT} .cost").inner_text()
    assert "payment accepted" in page.locator(".log").inner_text()
    page.reload()
    assert "Mail [EMAIL] the list" in page.locator("#span-detail").inner_text()


def test_traces_are_filtered_and_searched(page: Page, shop: Server) -> None:
    """By choice, words and id; the address has the filter."""
    page.goto(f"{shop.page}/traces")
    page.select_option("select[name=service]", "indexer")
    page.wait_for_url("**service=indexer**")
    assert page.locator("tbody tr").count() == 1
    page.goto(f"{shop.page}/traces?failed=1&service=payment")
    assert page.locator("tbody tr").count() == 6
    page.keyboard.press("/")
    page.keyboard.type("nothing-has-this")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=nothing-has-this**")
    assert "No traces match" in page.inner_text("#answers")
    page.locator(".chips .clear").click()
    page.wait_for_url("**/traces")
    page.fill("#search", TRACE)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/trace/{TRACE}")


def test_everything_is_reached_by_keys(page: Page, shop: Server) -> None:
    """Rows, folding, the next error, other pages, the list of keys."""
    page.goto(f"{shop.page}/traces?service=payment")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "POST /checkout"
    page.keyboard.press("Enter")
    page.wait_for_url("**/trace/**")
    page.keyboard.press("j")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#spans > li:not([hidden])").count() == 1
    page.keyboard.press("ArrowRight")
    assert page.locator("#spans > li:not([hidden])").count() == 10
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#span-detail").wait_for()
    page.keyboard.press("?")
    assert page.locator("dialog.keys[open]").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/logs")
    page.goto(f"{shop.page}/trace/{LARGE}")
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.closest('li').className").endswith("failed")


@pytest.mark.slow
def test_a_trace_of_10_000_spans_stays_fluid(page: Page, shop: Server) -> None:
    """Similar spans are folded; every span can be shown; errors come first."""
    began = time.perf_counter()
    page.goto(f"{shop.page}/trace/{LARGE}")
    painted = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
    )
    rows = page.locator("#spans > li").count()
    took = time.perf_counter() - began

    assert rows < 2_000
    assert "adjacent spans are folded" in page.inner_text(".timeline")
    assert page.locator(".errors-first li").count() == 1
    assert painted < 10_000
    assert took < 30  # a second on an idle machine
    page.goto(f"{shop.page}/trace/{LARGE}?all=1")
    assert page.locator("#spans > li").count() == 10_000


def test_columns_are_sorted_by_a_click(page: Page, shop: Server) -> None:
    """Numbers by value, in any unit."""
    page.goto(f"{shop.page}/services")
    heading = page.locator("#panel-operations thead th", has_text="p95")
    heading.click()
    assert heading.get_attribute("aria-sort") == "descending"
    first = page.locator("#panel-operations tbody tr").first.inner_text()
    assert "index documents" in first


@pytest.mark.slow
def test_new_traces_appear_by_themselves(page: Page, shop: Server) -> None:
    """And not while the page is paused."""
    page.goto(f"{shop.page}/traces?service=late")
    assert "No traces match" in page.inner_text("#answers")
    group = spans(A(1, "just now", trace=trace_id(4242)), service="late", began_ns=time.time_ns())
    body = ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()
    assert shop.send("traces", body)[0] == 200

    page.locator("#answers a", has_text="just now").wait_for(timeout=30_000)


@pytest.mark.slow
def test_the_focus_stays_with_its_row_when_others_come(page: Page, shop: Server) -> None:
    """New rows push it down; keyboard navigation continues from the same row."""

    def arrive(number: int, name: str) -> None:
        group = spans(A(1, name, trace=trace_id(number)), service="pushed", began_ns=time.time_ns())
        body = ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()
        assert shop.send("traces", body)[0] == 200

    arrive(4343, "the first")
    eventually(lambda: "the first" in shop.get("/traces?service=pushed"))
    page.goto(f"{shop.page}/traces?service=pushed")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "the first"
    arrive(4344, "the second")
    page.locator("#answers a", has_text="the second").wait_for(timeout=30_000)

    assert page.evaluate("document.activeElement.textContent") == "the first"


def test_tables_are_exported(shop: Server) -> None:
    """As CSV without formulas, and as JSON; a trace as OTLP/JSON."""
    rows = list(csv.DictReader(io.StringIO(shop.get("/traces.csv?service=payment"))))
    found = json.loads(shop.get("/logs.json?q=payment"))
    trace = json.loads(shop.get(f"/trace/{TRACE}.json"))

    assert len(rows) == 40
    assert {row["name"] for row in rows} == {"POST /checkout"}
    assert len(found) == 40
    assert sum(len(s["spans"]) for g in trace["resourceSpans"] for s in g["scopeSpans"]) == 10
    status, _, _ = shop.send("traces", trace)
    assert status == 200  # it can be sent again
    assert shop.ask(shop.page + "/nothing.csv")[0] == 404


def test_sessions_services_metrics_and_comparisons_show_their_numbers(shop: Server) -> None:
    """With links to traces."""
    sessions = shop.get("/sessions")
    services = shop.get("/services")
    metric = shop.get("/metrics?metric=shop.orders")
    compared = shop.get(f"/compare?a={TRACE}&b={trace_id(10**6 + 10).hex()}")

    assert sessions.count("/traces?session=session-") == 5
    assert "Service map" in services
    assert "<title>4 services" not in services  # the indexer calls no service
    assert f"/trace/{TRACE}" in metric
    assert "chat gpt-4o" in compared


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has received markup and scripts in every field of every signal."""
    server = Server(tmp_path_factory.mktemp("hostile"))
    for number, attack in enumerate(ATTACKS, start=1):
        trace = trace_id(number)
        attributes = {
            attack: attack,
            "session.id": attack,
            "gen_ai.agent.name": attack,
            **chat(attack, 1, 1),
            "gen_ai.input.messages": json.dumps(
                [{"role": attack, "parts": [{"type": attack, "content": attack}]}]
            ),
            "gen_ai.prompt.0.role": attack,
            "gen_ai.prompt.0.content": attack,
        }
        child = A(2, attack, 1, trace, attributes=attributes, failed=True, message=attack)
        child.events = [(attack, {attack: attack})]
        groups = [
            spans(A(1, attack, trace=trace), service=attack + "x", scope=attack),
            spans(child, service=attack, scope=attack, resource={attack: attack}),
        ]
        body = ExportTraceServiceRequest(resource_spans=groups).SerializeToString()
        assert server.send("traces", body)[0] == 200
        record = logs(
            {attack: attack},
            attack,
            service=attack,
            severity=17,
            trace=trace,
            span=span_id(2),
            attributes={attack: attack},
            event=attack,
        )
        record.scope_logs[0].log_records[0].severity_text = attack
        body = ExportLogsServiceRequest(resource_logs=[record]).SerializeToString()
        assert server.send("logs", body)[0] == 200
        metric = counter(attack, 1, 2, attributes={attack: attack}, service=attack)
        metric.scope_metrics[0].metrics[0].description = attack
        metric.scope_metrics[0].metrics[0].unit = attack
        body = ExportMetricsServiceRequest(resource_metrics=[metric]).SerializeToString()
        assert server.send("metrics", body)[0] == 200
    yield server
    server.close()


@pytest.mark.slow
def test_nothing_stored_becomes_markup_or_script(page: Page, hostile: Server) -> None:
    """In any field of any signal, on any page, in any part of an address."""
    from urllib.parse import quote

    paths = ["/traces", "/logs", "/metrics", "/sessions", "/services", "/compare", "/calls", "/"]
    for number, attack in enumerate(ATTACKS, start=1):
        trace = trace_id(number).hex()
        paths += [f"/trace/{trace}?span={span_id(2).hex()}", f"/compare?a={trace}&b={trace}"]
        paths += [
            f"/traces?q={quote(attack)}&service={quote(attack)}&attribute={quote(attack)}",
            f"/metrics?metric={quote(attack)}",
            f"/logs?event={quote(attack)}&severity={quote(attack)}",
        ]
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    for path in paths:
        page.goto(hostile.page + path)
        assert page.evaluate("typeof window.pwned") == "undefined", path
        assert page.evaluate("document.querySelectorAll('#content script, iframe').length") == 0
        links = page.evaluate("[...document.links].map((a) => a.href)")
        assert all(link.startswith(hostile.page) or "jaeger" in link for link in links), path
    assert all(url.startswith(hostile.page) for url in requested)


def test_another_origin_neither_reads_nor_sends(browser: Browser, shop: Server) -> None:
    """A web page open in the same browser."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>evil</title>")

        def log_message(self, *_: object) -> None:
            pass

    evil = ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=evil.serve_forever, args=(0.02,), daemon=True).start()
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(f"http://localhost:{evil.server_port}/")
    group = spans(A(1, "from evil", trace=trace_id(666)))
    body = list(ExportTraceServiceRequest(resource_spans=[group]).SerializeToString())
    script = """async ([url, body, kind]) => {
        try {
          const answer = await fetch(url, body
            ? {method: "POST", body: new Uint8Array(body), mode: kind ? "cors" : "no-cors",
               headers: kind ? {"content-type": kind} : {}} : {});
          return answer.type + " " + answer.status;
        } catch (error) { return "refused"; }
    }"""
    read = opened.evaluate(script, [shop.page + "/traces", None, ""])
    sent = opened.evaluate(script, [shop.http + "/v1/traces", body, "application/x-protobuf"])
    blind = opened.evaluate(script, [shop.http + "/v1/traces", body, ""])
    context.close()
    evil.shutdown()
    evil.server_close()

    assert (read, sent) == ("refused", "refused")
    assert blind == "opaque 0"
    assert shop.ask(f"{shop.page}/trace/{trace_id(666).hex()}")[0] == 404


@pytest.mark.slow
def test_it_is_all_eventually_there_after_a_restart(tmp_path: Path) -> None:
    """The same records are shown as before."""
    server = Server(tmp_path)
    try:
        fill(server, count=3)
        before = server.get("/traces.json")
        server.stop()
        server.start()
        assert eventually(lambda: server.get("/traces.json") == before)
    finally:
        server.close()
