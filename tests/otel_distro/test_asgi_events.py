"""A request to an ASGI app is one span."""

from __future__ import annotations

from typing import Any

from otel_distro.bootstrap.instrumentation.asgi_events import exclude_event_spans

from .conftest import GuardedSdk


async def app(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    for more in (True, True, False):
        await send({"type": "http.response.body", "body": b"part", "more_body": more})


SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": [], "scheme": "http"}


async def receive() -> dict[str, Any]:
    return {"type": "http.request"}


async def send(_message: Any) -> None:
    pass


def names(sdk: GuardedSdk, **options: Any) -> list[str]:
    import asyncio

    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    middleware = OpenTelemetryMiddleware(
        app, tracer_provider=sdk.tracer_provider, meter_provider=sdk.meter_provider, **options
    )
    asyncio.run(middleware(SCOPE, receive, send))
    return [span.name for span in sdk.spans()]


def test_a_streamed_answer_is_one_span_with_its_status(sdk: GuardedSdk) -> None:
    """Not one more for each chunk."""
    exclude_event_spans()

    assert names(sdk) == ["GET /"]
    assert sdk.spans()[0].attributes["http.status_code"] == 404


def test_an_app_that_says_which_it_wants_has_them(sdk: GuardedSdk) -> None:
    """Through upstream's parameter."""
    exclude_event_spans()

    assert names(sdk, exclude_spans=["receive"]).count("GET / http send") == 4
