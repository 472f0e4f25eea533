"""The tables of the pages as CSV and JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from otel_cost_ledger.model.csv_safe import write_csv
from otel_cost_ledger.query.costs import costs
from otel_trace_store import plain
from otel_trace_store.log_list import find_logs
from otel_trace_store.metric_list import list_metrics, read_metric
from otel_trace_store.trace_list import find_traces

if TYPE_CHECKING:
    from otel_cost_ledger.query.calls import StoredCall
    from otel_cost_ledger.query.ledger import Ledger
    from otel_distro.ui.store_view import StoreView
    from otel_distro.ui.view import View
    from otel_trace_store.reader import StoreReader

MOST: Final = 5_000
FORMATS: Final = ("csv", "json")


def traces(reader: StoreReader, view: StoreView) -> list[dict[str, Any]]:
    """Return the traces that the page lists, and those on its later pages."""
    trace_list = find_traces(reader, view.trace_filter(), sort=view.sort, limit=MOST)
    return [plain.trace_row(row) for row in trace_list.rows]


def logs(reader: StoreReader, view: StoreView) -> list[dict[str, Any]]:
    """Return the log records that the page lists, and older ones."""
    log_list = find_logs(reader, view.log_filter(), limit=MOST)
    return [plain.log_record(row) for row in log_list.rows]


def metrics(reader: StoreReader, view: StoreView) -> list[dict[str, Any]]:
    """Return the metrics that the page lists, or the points of the one shown."""
    if not view["metric"]:
        rows = list_metrics(reader, service=view["service"], text=view["q"], most=MOST)
        return [plain.metric_row(row) for row in rows]
    series = read_metric(reader, view["metric"], service=view["service"])
    return [
        {
            "name": one.name,
            "service": one.service,
            "attributes": dict(one.attributes),
            "time": plain.moment(point.time_us * 1000),
            "value": point.value,
        }
        for one in series
        for point in one.points
    ]


def call_data(stored: StoredCall) -> dict[str, Any]:
    """Return a row for one call of the ledger."""
    priced, call = stored.priced, stored.priced.call
    usage = call.usage
    return {
        "time": plain.moment(call.start_ns),
        "provider": call.provider,
        "model": call.model,
        "operation": call.operation,
        "cost_nano_usd": priced.cost_nano_usd,
        "cost_status": priced.status.value,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "latency_ms": stored.latency_ms,
        "service": call.service,
        "tenant": call.tenant,
        "user": call.user,
        "session": call.session,
        "error": call.error_type,
        "trace_id": f"{call.trace_id:032x}",
    }


def cost_data(ledger: Ledger, view: View) -> list[dict[str, Any]]:
    """Return the sums of *view* by its breakdown, one row per name, the most expensive first."""
    window = view.window
    since = datetime.fromtimestamp(window.since_ns // 10**9, UTC)
    until = datetime.fromtimestamp(window.until_ns // 10**9, UTC)
    report = costs(ledger, since, until, by=(view.by,), filters=view.filters)
    return [
        {
            view.by: line.key[0],
            "calls": line.calls,
            "failed_calls": line.failed_calls,
            "cost_nano_usd": line.cost_nano_usd,
            "unpriced_calls": line.unpriced_calls,
            "exposure_nano_usd": line.exposure_nano_usd,
            "input_tokens": line.input_tokens,
            "output_tokens": line.output_tokens,
            "p50_ms": line.p50_ms,
            "p95_ms": line.p95_ms,
            "p99_ms": line.p99_ms,
        }
        for line in report.groups
    ]


def answer(rows: list[dict[str, Any]], name: str, form: str) -> Response:
    """Return *rows* as a file named *name* in *form*, csv or json."""
    headers = {"content-disposition": f'attachment; filename="{name}.{form}"'}
    if form == "json":
        text = json.dumps(rows, ensure_ascii=False, indent=1)
        return Response(text, headers=headers, media_type="application/json")
    out = io.StringIO(newline="")
    names = list(dict.fromkeys(key for row in rows for key in row))
    write_csv(out, names, ([_cell(row.get(key)) for key in names] for row in rows))
    return Response(out.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else value
