"""The pages show the figures of the ledger and the commands, as charts and tables."""

from __future__ import annotations

import csv
import html
import io
import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from otel_budget.cost_budget import Action, CostBudget
from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.model.filters import Filters
from otel_cost_ledger.query.queries import calls, costs, stats
from otel_distro.base import formatting as figures
from otel_distro.settings import Settings
from otel_distro.ui.page import PANELS, ROWS
from support.hostile import ATTACKS, write_hostile
from support.ui_ledger import KEY, KINDS, call_of, month_of_calls

from .conftest import NOW, Page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.testclient import TestClient

    from otel_cost_ledger.query.costs import CostReport

SINCE = datetime(2026, 2, 17, tzinfo=UTC)

SCRIPTS = ["/static/theme.js", "/static/ui.js", "/static/store.js"]


def report(month: Path, **filters: str) -> CostReport:
    with open_ledger(month) as ledger:
        return costs(ledger, SINCE, by=("model",), filters=Filters(**filters))  # type: ignore[arg-type]


def page(client: TestClient, path: str = "/", **query: str) -> Page:
    answer = client.get(f"{path}?{urlencode(query)}" if query else path)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def panel(client: TestClient, name: str, **query: str) -> str:
    return client.get(f"/panel/{name}?{urlencode(query)}").text


def values(html: str, style: str | None = None) -> list[float]:
    """Values of a chart's bars."""
    marks = re.findall(r'<rect class="bar (\w+)"[^>]*data-value="([\d.]+)"', html)
    return [float(value) for name, value in marks if style in {None, name}]


def test_the_figures_on_top_are_those_of_the_ledger(visit: TestClient, month: Path) -> None:
    """Spend, calls, errors, latency, tokens, cache."""
    total = report(month).total
    text = page(visit, window="30d").text

    assert f"Spend > {figures.usd_short(total.cost_nano_usd)} " in text
    assert f"Calls {total.calls:,} " in text
    assert f"Error rate {figures.percent(total.failed_calls / total.calls)} " in text
    assert f"Latency p95 {figures.duration(total.p95_ms)} " in text
    hits = total.cache_read_tokens / total.input_tokens
    assert f"Cache hit rate {figures.percent(hits)} " in text


def test_the_bars_of_spend_add_up_to_the_spend(visit: TestClient, month: Path) -> None:
    """To the nano-dollar, in every breakdown."""
    expected = report(month).total.cost_nano_usd

    for by in ("model", "provider", "service", "tenant", "operation", "agent", "user", "session"):
        assert sum(values(panel(visit, "spend", window="30d", by=by))) == expected


def test_each_model_has_the_bars_of_its_spend(visit: TestClient, month: Path) -> None:
    """The dearest has the first colour."""
    top = report(month).groups[0]
    html = panel(visit, "spend", window="30d")

    assert sum(values(html, "s0")) == top.cost_nano_usd
    assert f'{top.key[0]}</a> <span class="amount">{figures.usd_short(top.cost_nano_usd)}' in html


def test_a_day_shows_the_cost_of_that_day(visit: TestClient, month: Path) -> None:
    """The tenth of March."""
    day = datetime(2026, 3, 10, tzinfo=UTC)
    with open_ledger(month) as ledger:
        total = costs(ledger, day, day + timedelta(days=1), by=()).total

    assert f"<title>10 Mar 2026: {figures.usd(total.cost_nano_usd)}" in panel(
        visit, "spend", window="30d"
    )


def test_calls_without_a_price_are_counted_and_have_no_bar(visit: TestClient, month: Path) -> None:
    """Unknown is not zero."""
    total = report(month).total
    html = panel(visit, "spend", window="30d")
    exposure = Page(panel(visit, "exposure", window="30d")).text

    assert f"{total.unpriced_calls} calls have no price and have no bar" in html
    assert "unknown" in html
    assert (
        f"{total.unpriced_calls} calls, at most {figures.usd_short(total.exposure_nano_usd)}"
        in exposure
    )
    assert "no price is known for house-model-1" in exposure


def test_percentiles_are_those_of_the_ledger(visit: TestClient, month: Path) -> None:
    """Latency and time to first token."""
    with open_ledger(month) as ledger:
        expected = stats(ledger, SINCE, by=()).total
    latency = Page(panel(visit, "latency", window="30d")).text
    first = Page(panel(visit, "first-token", window="30d")).text

    for percent in ("p50", "p95", "p99"):
        assert f"{percent} {figures.duration(getattr(expected, f'{percent}_ms'))} " in latency
    assert f"p50 {figures.duration(expected.ttft_p50_ms)} " in first
    assert f"p95 {figures.duration(expected.ttft_p95_ms)} " in first


def test_models_are_listed_with_their_own_percentiles(visit: TestClient, month: Path) -> None:
    """As in `otel-distro costs`."""
    text = Page(panel(visit, "models", window="30d")).text

    for line in report(month).groups:
        percentiles = [figures.duration(ms) for ms in (line.p50_ms, line.p95_ms, line.p99_ms)]
        assert f"{line.calls:,} " in text
        assert " ".join(percentiles) in text


def test_tokens_add_up(visit: TestClient, month: Path) -> None:
    """The parts of the mix do not overlap: together they are all tokens."""
    total = report(month).total

    assert sum(values(panel(visit, "tokens", window="30d"))) == (
        total.input_tokens + total.output_tokens
    )


def test_errors_are_counted_by_class(visit: TestClient, month: Path) -> None:
    """With status code and responsible party."""
    html = panel(visit, "errors", window="30d")
    text = Page(html).text

    assert sum(values(html)) == report(month).total.failed_calls
    assert "openai.RateLimitError 429 transient" in text
    assert "openai.BadRequestError 400 data" in text


def test_the_evidence_of_calls_is_counted_by_provider(visit: TestClient, month: Path) -> None:
    """All of these come from spans."""
    text = Page(panel(visit, "evidence", window="30d")).text

    assert f"0 of {report(month).total.calls:,} calls seen on the wire" in text
    assert "openai" in text


def test_violations_and_redactions_are_counted(visit: TestClient) -> None:
    """That folder has twenty days of redactions."""
    assert "total_request" in panel(visit, "violations", window="30d")
    assert "email 820 phone 240 api_key 60" in Page(panel(visit, "redactions", window="30d")).text
    assert "email 287 phone 84" in Page(panel(visit, "redactions", window="7d")).text


def test_the_dearest_calls_lead_to_their_traces(visit: TestClient, month: Path) -> None:
    """The first one is the dearest of all."""
    with open_ledger(month) as ledger:
        most = max(
            (c for c in calls(ledger, SINCE, limit=None)), key=lambda c: c.priced.cost_nano_usd or 0
        )
    call = most.priced.call
    html = panel(visit, "dearest", window="30d")
    href = f"/trace/{call.trace_id:032x}?at={call.start_ns}"
    trace = page(visit, href)

    assert html.index(href) == min(m.start() for m in re.finditer("/trace/", html))
    assert f"cost {figures.usd(most.priced.cost_nano_usd)} " in trace.text
    assert {"href": f"http://localhost:16686/trace/{call.trace_id:032x}"}.items() <= next(
        a for a in trace.all("a") if "Jaeger" in str(a) or a.get("class") == "button"
    ).items()


def test_a_filter_applies_to_every_panel(visit: TestClient, month: Path) -> None:
    """One tenant, one service."""
    total = report(month, tenant="globex", service="search").total
    query = {"window": "30d", "tenant": "globex", "service": "search"}
    shown = page(visit, **query)

    assert f"Calls {total.calls:,} " in shown.text
    assert sum(values(panel(visit, "spend", **query))) == total.cost_nano_usd
    assert "claude-sonnet-4-5" not in Page(panel(visit, "models", **query)).text
    assert "globex" in Page(panel(visit, "dearest", **query)).text
    assert "acme" not in Page(panel(visit, "dearest", **query)).text


@pytest.mark.parametrize("name", ["agent", "session", "user"])
def test_filters_that_the_daily_sums_do_not_know_count_the_calls(
    visit: TestClient, month: Path, name: str
) -> None:
    """The sums of one session are those of its calls."""
    with open_ledger(month) as ledger:
        line = next(g for g in costs(ledger, SINCE, by=(name,)).groups if g.key[0])
    query = {"window": "30d", name: line.key[0]}

    assert f"Calls {line.calls:,} " in page(visit, **query).text
    assert sum(values(panel(visit, "spend", **query))) == line.cost_nano_usd


def test_each_filter_can_be_removed(visit: TestClient) -> None:
    """A link for each, and one for all."""
    shown = page(visit, window="30d", tenant="globex", failed="1")
    links = {a.get("aria-label"): a.get("href") for a in shown.all("a")}

    assert links["Remove filter tenant globex"] == "/?window=30d&failed=1"
    assert links["Remove filter failed 1"] == "/?window=30d&tenant=globex"


def test_the_last_hours_are_shown_by_the_hour(visit: TestClient, month: Path) -> None:
    """From the rows, because the daily sums have no hours."""
    since = datetime(2026, 3, 17, 16, tzinfo=UTC)
    with open_ledger(month) as ledger:
        total = costs(ledger, since, by=()).total
    html = panel(visit, "spend", window="24h")

    assert sum(values(html)) == total.cost_nano_usd
    assert html.count('class="hit"') == 24


def test_the_window_before_is_compared(visit: TestClient, month: Path) -> None:
    """The last seven days with the same part of the seven days before."""
    now = NOW
    since = datetime(2026, 3, 12, tzinfo=UTC)
    with open_ledger(month) as ledger:
        this = costs(ledger, since, by=()).total.calls
        before = costs(ledger, since - timedelta(7), now - timedelta(7), by=()).total.calls
    change = round((this / before - 1) * 100)

    sign = "+" if change > 0 else "−"
    assert f"{sign}{abs(change)} % on the previous window" in page(visit, window="7d").text


def test_an_empty_ledger_prints_the_next_step(visitor: Callable[..., TestClient]) -> None:
    """Not a page of zeros."""
    shown = page(visitor())

    assert "No model calls yet" in shown.text
    assert "otel-distro run -- python your_app.py" in shown.text
    assert "panel-spend" not in shown.ids()


def test_a_window_without_calls_leads_to_one_with_calls(visit: TestClient) -> None:
    """And filters can be cleared."""
    shown = page(visit, since="2020-01-01")
    clear = page(visit, window="30d", model="nonesuch")

    assert "No model call in this window" in shown.text
    assert "/?window=all" in [a.get("href") for a in shown.all("a")]
    assert "Clear the filters" in clear.text


def test_every_chart_has_a_table_and_every_id_is_there_once(visit: TestClient) -> None:
    """Every chart has a text alternative."""
    shown = page(visit, window="30d")
    charts = [a for a in shown.all("svg") if a.get("class") == "chart"]

    assert len(charts) == 5
    assert all(a.get("aria-label") and a.get("role") == "img" for a in charts)
    assert len(shown.all("table")) >= 5
    assert len(shown.all("caption")) == len(shown.all("table"))
    assert len(shown.ids()) == len(set(shown.ids()))


def test_no_page_has_inline_script_or_style(visit: TestClient) -> None:
    """The policy would block them."""
    for path in ("/", "/calls", "/panel/spend"):
        shown = Page(visit.get(path).text)
        assert not shown.all("style")
        assert all(a.get("src", "").startswith("/static/") for a in shown.all("script"))  # type: ignore[union-attr]
        for _, attributes in shown.elements:
            assert "style" not in attributes
            assert not [name for name in attributes if name.startswith("on")]


def test_the_calls_page_leads_from_the_latest_to_the_oldest(visit: TestClient, month: Path) -> None:
    """Fifty at a time, each exactly once."""
    with open_ledger(month) as ledger:
        expected = [
            c.priced.call.start_ns for c in calls(ledger, SINCE, billed_only=True, limit=120)
        ]
    url, found = "/calls?window=30d", []
    for _ in range(3):
        text = visit.get(url).text
        found += [int(at) for at in re.findall(r"/trace/[0-9a-f]{32}\?at=(\d+)", text)]
        url = re.findall(r'<a href="([^"]*)" rel="next"', text)[0].replace("&amp;", "&")

    assert found[:120] == expected


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/nowhere", 404, "There is no page at /nowhere."),
        ("/panel/nonesuch", 404, "there is no panel of that name"),
        ("/trace/xyz", 404, "32 hexadecimal digits"),
        (f"/trace/{'f' * 32}", 404, "neither the trace store nor the ledger has this trace"),
        (f"/trace/{'0' * 31}%22", 404, "32 hexadecimal digits"),
        ("/calls?until_ns=99999999999999999999999", 200, "Calls"),
        (f"/trace/{'f' * 32}?at=-1", 404, "neither the trace store nor the ledger has this trace"),
    ],
)
def test_wrong_addresses_are_explained(
    visit: TestClient, path: str, status: int, message: str
) -> None:
    """With a link back."""
    answer = visit.get(path)

    assert answer.status_code == status
    assert message in answer.text


def test_a_file_that_is_not_a_ledger_is_explained(
    visitor: Callable[..., TestClient], tmp_path: Path
) -> None:
    """With its path, without a traceback."""
    wrong = tmp_path / "notes.db"
    wrong.write_text("not a database, but long enough to look like a file" * 40)
    answer = visitor(wrong).get("/")

    assert answer.status_code == 503
    assert "notes.db is not a cost ledger" in answer.text
    assert "Traceback" not in answer.text


def test_an_unchanged_page_is_not_sent_again(visit: TestClient) -> None:
    """A live page polls every few seconds."""
    first = visit.get("/?window=30d")
    (mark,) = [
        a["content"] for a in Page(first.text).all("meta") if a.get("name") == "otel-distro-mark"
    ]
    second_response = visit.get("/?window=30d", headers={"x-otel-distro-seen": str(mark)})
    other = visit.get("/?window=7d", headers={"x-otel-distro-seen": str(mark)})

    assert (second_response.status_code, second_response.content) == (204, b"")
    assert other.status_code == 200


def test_a_new_call_is_on_the_next_page(visitor: Callable[..., TestClient], tmp_path: Path) -> None:
    """Although answers are cached."""
    writer = LedgerWriter(tmp_path / "ledger.db")
    made = month_of_calls(NOW, days=2)
    writer.write(made[:10])
    client = visitor()
    before = page(client, window="7d").text
    writer.write(made[10:30])
    after = page(client, window="7d").text
    writer.shutdown()

    assert "Calls 10 " in before
    assert "Calls 30 " in after


def test_looking_changes_nothing(visit: TestClient, month: Path) -> None:
    """Neither the ledger nor the folder: no budget file is created."""
    before = {p.name: p.stat().st_mtime_ns for p in month.parent.iterdir() if "-shm" not in p.name}
    for path in ("/", "/calls", *(f"/panel/{name}" for name in PANELS)):
        assert visit.get(path).status_code == 200
    after = {p.name: p.stat().st_mtime_ns for p in month.parent.iterdir() if "-shm" not in p.name}

    assert {k: v for k, v in after.items() if "-wal" not in k} == {
        k: v for k, v in before.items() if "-wal" not in k
    }


def test_hostile_names_are_text_everywhere(
    visitor: Callable[..., TestClient], tmp_path: Path
) -> None:
    """In every field of a call, on every page."""
    client = visitor(write_hostile(tmp_path, NOW))
    harmless = {"script", "img", "svg", "iframe", "style", "title"}
    pages = ["/?window=24h", "/calls?window=24h", f"/trace/{1:032x}"]
    pages += [f"/?window=24h&by={by}" for by in ("provider", "tenant", "agent")]
    pages += [f"/?{urlencode({'model': attack, 'window': '24h'})}" for attack in ATTACKS]
    for path in pages:
        text = client.get(path).text
        shown = Page(text)
        assert "window.pwned" not in str([a for n, a in shown.elements if n in harmless])
        assert [a.get("src") for a in shown.all("script")] == SCRIPTS
        assert all(a.get("src") == "/static/icon.svg" for a in shown.all("img"))
        assert not shown.all("iframe")
        assert not shown.all("style")
        links = [str(a.get("href")) for a in shown.all("a")]
        assert all(h.startswith(("/", "#", "http://localhost:16686/trace/")) for h in links)
        assert "\x1b" not in shown.text
        assert "\u202e" not in shown.text


def test_budgets_burn_down(visitor: Callable[..., TestClient], tmp_path: Path) -> None:
    """The remainder of each, tightest first, and its forecast; also without a budget file."""
    now = datetime.now(UTC).replace(microsecond=0)
    writer = LedgerWriter(tmp_path / "ledger.db")
    writer.write([c for c in month_of_calls(now, days=2, a_day=40) if c.call.start_ns > 0])
    writer.shutdown()
    budgets = (
        CostBudget.per_day(Decimal(100), Action.WARN),
        CostBudget.from_mapping({"name": "tight", "limit_usd": "0.0001", "window": "month"}),
    )
    settings = Settings(state_dir=tmp_path, ledger=tmp_path / "ledger.db", cost_budgets=budgets)
    text = panel(visitor(settings=settings), "budgets")

    assert text.index("tight") < text.index("day")
    assert "$0 of $0.0001 left" in text
    assert "spent; resets" in text
    assert text.count('class="burn"') == 2
    assert not (tmp_path / "budget.db").exists()


def test_without_a_budget_the_page_shows_how_to_set_one(visit: TestClient) -> None:
    """With an example."""
    assert "OTEL_DISTRO_BUDGET_USD_PER_DAY=5" in panel(visit, "budgets")


@pytest.mark.parametrize(
    "query",
    [
        "since=0001-01-01",
        "since=0001-01-01&until=0001-01-02",
        "since=1969-12-31",
        "until=9999-12-31",
        "since=2026-01-01&until=9999-12-31",
        "since=9999-12-31",
    ],
)
def test_days_that_no_ledger_has_are_explained(visit: TestClient, query: str) -> None:
    """They are not internal errors."""
    for path in ("/", "/calls", "/calls.csv"):
        assert visit.get(f"{path}?{query}").status_code == 200


def test_a_trace_is_found_by_its_id_and_calls_lead_to_their_session(visit: TestClient) -> None:
    """From the search field of every page."""
    found = visit.get(f"/find?q={'AB' * 16}", follow_redirects=False)
    text = visit.get("/find?q=a%26b", follow_redirects=False)
    calls = visit.get("/calls").text

    assert found.headers["location"] == f"/trace/{'ab' * 16}"
    assert text.headers["location"] == "/traces?q=a%26b"
    assert "/calls?session=" in calls


def test_calls_are_exported(visit: TestClient) -> None:
    """As CSV with the filters of the page."""
    answer = visit.get("/calls.csv?window=30d")
    header, first, *_ = answer.text.splitlines()

    assert answer.headers["content-type"].startswith("text/csv")
    assert "cost_nano_usd" in header
    assert first.count(",") == header.count(",")


def test_a_row_of_panels_has_no_gap(visitor: Callable[..., TestClient], month: Path) -> None:
    """Empty panels are named at the end, and their neighbours move up."""
    page = visitor(month).get("/?window=30d").text

    assert 'id="panel-budgets"' not in page
    assert 'class="panel wide" id="panel-spend"' in page
    assert "Budgets: No budget is set." in page


def test_the_costs_of_a_view_can_be_exported(visit: TestClient) -> None:
    """The breakdown and the filters of the page, for a spreadsheet."""
    address = re.findall(r'href="(/costs.csv[^"]*)"', visit.get("/?window=30d&by=service").text)[0]
    answer = visit.get(html.unescape(address))
    lines = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.headers["content-type"].startswith("text/csv")
    assert {line["service"] for line in lines} == {"shop-assistant", "support-agent", "search"}
    assert all(int(line["calls"]) > 0 for line in lines)


def test_sessions_of_the_dearest_calls_lead_to_their_calls(visit: TestClient) -> None:
    """Every listed call has a link to its session."""
    panel = visit.get("/panel/dearest?window=30d").text

    assert re.findall(r'href="/calls[^"]*session=[0-9a-f]{12}', panel)


def test_every_model_is_listed(visitor: Callable[..., TestClient], tmp_path: Path) -> None:
    """More than fit on a screen; the list scrolls."""
    kind = KINDS[0]
    rng = random.Random(1)
    calls = [
        call_of(rng, replace(kind, model=f"model-{number}"), NOW - timedelta(hours=1), number)
        for number in range(40)
    ]
    writer = LedgerWriter(tmp_path / "ledger.db", pseudonym_key=KEY)
    writer.write(calls)
    writer.shutdown()
    panel = visitor().get("/panel/models?window=24h").text

    assert {f"model-{number}" for number in range(40)} <= set(re.findall(r"model-\d+", panel))


def test_every_panel_has_a_place_on_the_page() -> None:
    """One without a row would be computed and not shown."""
    assert sorted(name for row in ROWS for name in row) == sorted(PANELS)
