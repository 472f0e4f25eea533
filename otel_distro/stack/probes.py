"""Health checks of every part of the stack, with remedies.

Changes nothing: it sends only an OTLP request without spans.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from otel_distro.base.check import Check
from otel_distro.stack.places import OTLP_HTTP, PLACES, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT_SECONDS = 3.0
_OK = 200
_NOT_FOUND = 404
_LARGEST_ANSWER = 4_000_000


class UnreachableError(Exception):
    """No response from an address; the message has the reason."""


def check_stack(urls: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Check every part; *urls* replaces addresses by service name (`otlp` is the receiver)."""
    urls = urls or {}
    yield _check_receiver(urls.get("otlp", OTLP_HTTP))
    for place in PLACES:
        yield _check_place(place, urls.get(place.service, place.url))
    yield from _check_prometheus(urls.get("prometheus", _url("prometheus")))


def _url(service: str) -> str:
    (place,) = [place for place in PLACES if place.service == service]
    return place.url


def _check_receiver(url: str) -> Check:
    subject = "OTLP receiver"
    try:
        status, _ = request(f"{url}/v1/traces", body=b"{}")
    except UnreachableError as error:
        return Check("fail", subject, f"{url}: {error}", _start("collector"))
    if status != _OK:
        detail = f"{url} answers {status} to an empty request; is something else on this port?"
        return Check("fail", subject, detail, "docker compose ps")
    return Check("ok", subject, f"{url} accepts telemetry")


def _check_place(place: Place, url: str) -> Check:
    try:
        status, _ = request(f"{url}{place.health}")
    except UnreachableError as error:
        return Check("fail", place.service, f"{url}: {error}", _start(place.service))
    if status != _OK:
        detail = f"{url}{place.health} answers {status}"
        return Check("fail", place.service, detail, f"docker compose logs {place.service}")
    return Check("ok", place.service, f"{url}, {place.purpose}")


def _check_prometheus(url: str) -> Iterator[Check]:
    """Check Prometheus: its targets, its rules, its OTLP receiver."""
    try:
        yield _check_metrics_receiver(url)
        yield _check_targets(_api(url, "/api/v1/targets?state=active"))
        yield _check_rules(_api(url, "/api/v1/rules"))
    except UnreachableError as error:
        yield Check("warn", "metrics", f"not checked: {error}")


def _check_metrics_receiver(url: str) -> Check:
    status, _ = request(f"{url}/api/v1/otlp/v1/metrics", body=b"", content="application/x-protobuf")
    if status == _NOT_FOUND:
        detail = "Prometheus takes no OTLP, so no metric arrives"
        return Check("fail", "metrics", detail, "start it with --web.enable-otlp-receiver")
    return Check("ok", "metrics", "Prometheus takes OTLP")


def _check_targets(data: Mapping[str, Any]) -> Check:
    down = [target for target in data["activeTargets"] if target["health"] == "down"]
    if down:
        names = ", ".join(f"{t['labels']['job']} ({t['lastError']})" for t in down)
        first = down[0]["labels"]["job"]
        return Check("fail", "scraping", f"not reached: {names}", f"docker compose logs {first}")
    return Check("ok", "scraping", f"{len(data['activeTargets'])} targets, all up or new")


def _check_rules(data: Mapping[str, Any]) -> Check:
    rules = [rule for group in data["groups"] for rule in group["rules"]]
    broken = sorted({rule["name"] for rule in rules if rule["health"] == "err"})
    if broken:
        detail = f"cannot be evaluated: {', '.join(broken)}"
        return Check("fail", "rules", detail, "promtool check rules collector-config/rules/*.yml")
    if not rules:
        detail = "none are loaded, so nothing alerts"
        return Check("fail", "rules", detail, "mount collector-config at /etc/prometheus")
    firing = sorted({rule["name"] for rule in rules if rule.get("state") == "firing"})
    if firing:
        return Check("warn", "rules", f"firing: {', '.join(firing)}", "see /alerts of Prometheus")
    return Check("ok", "rules", f"{len(rules)} loaded, none firing")


def _api(url: str, path: str) -> Mapping[str, Any]:
    status, body = request(f"{url}{path}")
    try:
        answer: dict[str, Any] = json.loads(body)
        data: Mapping[str, Any] = answer["data"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreachableError(
            f"{path} answers {status}, and not what Prometheus answers"
        ) from error
    return data


def request(
    url: str, *, body: bytes | None = None, content: str = "application/json"
) -> tuple[int, bytes]:
    """Return status and body of a GET, or of a POST with a *body*.

    Raises `UnreachableError` with the reason.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname or "localhost",
            port,
            timeout=TIMEOUT_SECONDS,
            context=ssl.create_default_context(),
        )
    else:
        connection = http.client.HTTPConnection(
            parts.hostname or "localhost", port, timeout=TIMEOUT_SECONDS
        )
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        if body is None:
            connection.request("GET", target)
        else:
            connection.request("POST", target, body, {"content-type": content})
        response = connection.getresponse()
        return response.status, response.read(_LARGEST_ANSWER)
    except TimeoutError as error:
        raise UnreachableError(f"no answer within {TIMEOUT_SECONDS:g} s") from error
    except OSError as error:
        raise UnreachableError((error.strerror or str(error)).lower()) from error
    except http.client.HTTPException as error:
        raise UnreachableError("the response is not HTTP") from error
    finally:
        connection.close()


def _start(service: str) -> str:
    return f"docker compose up -d {service}"
