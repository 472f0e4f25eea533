# ruff: noqa: E501 - rows of a table are read across
"""Telemetry of a small shop with an agent, for pages, screenshots and tests."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.otlp_messages import A, counter, logs, span_id, spans, trace_id

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

    from support.otlp_messages import Server

WHOLE = trace_id(0x5B8EFFF798038103D269B633813FC60C)
"""Id of the trace in the screenshot."""
_MINUTE = 60_000_000_000


def messages(question: str, answer: str) -> dict[str, Any]:
    """Return the messages of a call as the GenAI conventions have them."""
    return {
        "gen_ai.system_instructions": json.dumps(
            [{"type": "text", "content": "You plan orders of a flower shop."}]
        ),
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": question}]}]
        ),
        "gen_ai.output.messages": json.dumps(
            [
                {
                    "role": "assistant",
                    "parts": [
                        {"type": "text", "content": answer},
                        {
                            "type": "tool_call",
                            "name": "search_web",
                            "arguments": {"q": "tulips in season"},
                        },
                    ],
                }
            ]
        ),
    }


def chat(model: str, tokens_in: int, tokens_out: int, **more: Any) -> dict[str, Any]:
    """Return the attributes of a model call."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai" if model.startswith("gpt") else "anthropic",
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": tokens_in,
        "gen_ai.usage.output_tokens": tokens_out,
        **more,
    }


def checkout(number: int, trace: bytes, began_ns: int, rng: random.Random) -> list[ResourceSpans]:
    """Return one request through shop, agent and payment."""
    base = number * 100
    slow = rng.uniform(0.85, 1.6)
    failed = number % 7 == 3
    session = f"session-{number % 5}"
    model = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5-20250929")[number % 3]
    front = [
        A(base + 1, "POST /checkout", 0, trace, 0, 2400 * slow, {"http.request.method": "POST", "http.route": "/checkout", "http.response.status_code": 500 if failed else 200, "session.id": session}, failed=failed),
        A(base + 2, "SELECT orders", base + 1, trace, 12, 40 * slow, {"db.system.name": "postgresql", "db.query.text": "select * from orders where customer = $1", "db.namespace": "shop"}),
        A(base + 3, "POST /plan", base + 1, trace, 70, 1900 * slow, {"http.request.method": "POST", "server.address": "planner"}),
        A(base + 9, "POST /charge", base + 1, trace, 2000 * slow, 350 * slow, {"http.request.method": "POST", "server.address": "payment"}, failed=failed, message="upstream answered 502" if failed else ""),
    ]  # fmt: skip
    agent = [
        A(base + 4, "invoke_agent planner", base + 3, trace, 80, 1880 * slow, {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner", "session.id": session}),
        A(base + 5, f"chat {model}", base + 4, trace, 95, 870 * slow, chat(model, 1200 + number, 310, **{"gen_ai.response.id": f"r-{number}-1", "session.id": session}, **messages("Which flowers should we order for Friday? Mail mira.holt@corp-mail.example the list.", "Tulips and ranunculus sell best in spring; let me check what is in season."))),
        A(base + 6, "execute_tool search_web", base + 4, trace, 1000 * slow, 420 * slow, {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search_web", "gen_ai.tool.call.arguments": '{"q": "tulips in season"}', "gen_ai.tool.call.result": "Tulips are in season from March to May."}),
        A(base + 7, f"chat {model}", base + 4, trace, 1440 * slow, 480 * slow, chat(model, 1700 + number, 120, **{"gen_ai.response.id": f"r-{number}-2", "session.id": session})),
    ]  # fmt: skip
    pay = [
        A(base + 10, "charge card", base + 9, trace, 2010 * slow, 330 * slow, {"payment.provider": "stripe"}, failed=failed, message="upstream answered 502" if failed else "", events=[("exception", {"exception.type": "BadGateway", "exception.message": "upstream answered 502"})] if failed else []),
        A(base + 11, "UPDATE ledger", base + 10, trace, 2050 * slow, 30 * slow, {"db.system.name": "postgresql"}),
    ]  # fmt: skip
    return [
        spans(*front, service="shop", began_ns=began_ns, scope="@opentelemetry/http"),
        spans(*agent, service="planner", began_ns=began_ns, scope="openai"),
        spans(*pay, service="payment", began_ns=began_ns, scope="io.opentelemetry.spring"),
    ]


def fan_out(count: int, trace: bytes, began_ns: int) -> ResourceSpans:
    """Return one trace of *count* spans: an agent that loops."""
    made = [A(10**6, "index documents", 0, trace, 0, count)]
    for number in range(1, count):
        parent = 10**6 if number % 50 == 1 else 10**6 + number - number % 50 + 1
        parent = 10**6 if parent == 10**6 + number else parent
        name = "batch" if number % 50 == 1 else ("embed", "store")[number % 2]
        made.append(
            A(
                10**6 + number,
                name,
                parent,
                trace,
                number * 0.9,
                1 + number % 7,
                failed=number == 777,
            )
        )
    return spans(*made, service="indexer", began_ns=began_ns)


def fill(server: Server, count: int = 40, large: int = 0) -> None:
    """Send the telemetry of the last half hour."""
    rng = random.Random(3)
    now = time.time_ns()
    for number in range(1, count + 1):
        trace = WHOLE if number == count else trace_id(10**6 + number)
        began = now - (count - number + 1) * _MINUTE // 2
        groups = checkout(number, trace, began, rng)
        request = ExportTraceServiceRequest(resource_spans=groups)
        assert server.send("traces", request.SerializeToString())[0] == 200
        failed = number % 7 == 3
        lines = [
            logs(f"order {number} received", service="shop", trace=trace, span=span_id(number * 100 + 1), began_ns=began, attributes={"order.id": number}),
            logs("payment failed: upstream answered 502" if failed else "payment accepted", service="payment", severity=17 if failed else 9, trace=trace, span=span_id(number * 100 + 10), began_ns=began + 2 * 10**9),
        ]  # fmt: skip
        body = ExportLogsServiceRequest(resource_logs=lines).SerializeToString()
        assert server.send("logs", body)[0] == 200
    orders = counter("shop.orders", *[n * n for n in range(30)], attributes={"shop": "berlin"})
    for number, point in enumerate(orders.scope_metrics[0].metrics[0].sum.data_points):
        point.time_unix_nano = now - (30 - number) * _MINUTE
        exemplar = point.exemplars.add(as_int=1, trace_id=WHOLE, span_id=span_id(1))
        exemplar.time_unix_nano = point.time_unix_nano
    metrics = ExportMetricsServiceRequest(resource_metrics=[orders, counter("queue.length", 3)])
    assert server.send("metrics", metrics.SerializeToString())[0] == 200
    if large:
        group = fan_out(large, trace_id(77), now - _MINUTE)
        body = ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()
        assert server.send("traces", body)[0] == 200
