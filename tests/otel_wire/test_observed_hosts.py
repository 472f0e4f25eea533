"""Observed requests: by host, by setting, by further endpoints."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.wire.client_hooks import WireWatch
from otel_distro.settings import Settings, load
from otel_wire.observer import Observer
from otel_wire.observer import observer as of_this_process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_wire.exchange import Exchange
    from otel_wire.record import WireRecord

CHAT = "/v1/chat/completions"
BODY = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}'
ANSWER = b'{"id": "c-1", "model": "gpt-4o", "usage": {"prompt_tokens": 9, "completion_tokens": 2}}'


@pytest.fixture
def seen() -> list[WireRecord]:
    return []


@pytest.fixture
def observer(seen: list[WireRecord]) -> Iterator[Observer]:
    made = Observer()
    stop = made.observe(seen.append)
    yield made
    stop()


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Restore the observer of this process."""
    yield
    of_this_process.configure()


def is_observed_by(observer: Observer, host: str, path: str = CHAT) -> bool:
    """Send a request as a hook does; return whether it is observed."""
    if not observer.concerns("POST", host, path):
        return False
    exchange = observer.begin("httpx", host, path, {}, BODY)
    if exchange is None:
        return False
    exchange.whole(200, {"content-type": "application/json"}, ANSWER)
    observer.drain()
    return True


def test_without_a_choice_every_host_is_observed(
    observer: Observer, seen: list[WireRecord]
) -> None:
    """Gateways and local models too."""
    hosts = ["api.openai.com", "gateway.example", "127.0.0.1"]

    assert all(is_observed_by(observer, host) for host in hosts)
    assert [record.host for record in seen] == hosts


@pytest.mark.parametrize(
    ("host", "is_observed"),
    [
        ("openai.com", False),
        ("api.openai.com", False),
        ("notopenai.com", True),
        ("openai.com.example", True),
    ],
)
def test_a_denied_host_is_left_alone_with_its_subdomains(
    observer: Observer, seen: list[WireRecord], host: str, is_observed: bool
) -> None:
    """And no other."""
    observer.configure(denied=["openai.com"])

    assert is_observed_by(observer, host) is is_observed
    assert bool(seen) is is_observed


@pytest.mark.parametrize(
    ("host", "is_observed"),
    [("openai.com", True), ("eu.api.openai.com", True), ("api.anthropic.com", False)],
)
def test_with_allowed_hosts_only_those_are_observed(
    observer: Observer, host: str, is_observed: bool
) -> None:
    """With their subdomains."""
    observer.configure(allowed=["openai.com"])

    assert is_observed_by(observer, host) is is_observed


def test_a_denied_host_is_not_allowed(observer: Observer) -> None:
    """A host may be left out of those that are allowed."""
    observer.configure(allowed=["openai.com"], denied=["eu.openai.com"])

    assert is_observed_by(observer, "api.openai.com")
    assert not is_observed_by(observer, "eu.openai.com")


@pytest.mark.parametrize(
    ("host", "path", "is_observed"),
    [
        ("llm.example", "/ask", True),
        ("llm.example", "/ask/again", True),
        ("llm.example", "/other", False),
        ("api.llm.example", "/ask", False),
    ],
)
def test_a_configured_endpoint_is_a_model_call(
    observer: Observer, seen: list[WireRecord], host: str, path: str, is_observed: bool
) -> None:
    """It is read as the API of OpenAI."""
    observer.configure(endpoints=["https://llm.example/ask"])

    assert is_observed_by(observer, host, path) is is_observed
    assert [record.request.model for record in seen] == ["gpt-4o"] * is_observed


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/metrics", "/v1/logs", "/api/v2/spans"])
def test_requests_of_exporters_are_not_observed(observer: Observer, path: str) -> None:
    """They are not model calls, for any host."""
    assert not is_observed_by(observer, "api.openai.com", path)


@pytest.mark.parametrize(
    ("environ", "is_observed"),
    [
        ({}, True),
        ({"OTEL_DISTRO_WIRE_HOSTS": "-api.openai.com"}, False),
        ({"OTEL_DISTRO_WIRE_HOSTS": "anthropic.com"}, False),
        ({"OTEL_DISTRO_WIRE_HOSTS": "openai.com"}, True),
        ({"OTEL_DISTRO_WIRE": "off"}, False),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_the_settings_choose(
    environ: Mapping[str, str], is_observed: bool, seen: list[WireRecord]
) -> None:
    """In the format of the environment."""
    watch = WireWatch(load(environ).settings, InternalErrors())
    stop = watch.install(seen.append)
    is_observed_by(of_this_process, "api.openai.com")
    watch.close()
    stop()

    assert bool(seen) is is_observed


@pytest.mark.usefixtures("unchanged")
def test_further_endpoints_come_from_a_setting(seen: list[WireRecord]) -> None:
    """OTEL_DISTRO_MODEL_ENDPOINTS."""
    environ = {"OTEL_DISTRO_MODEL_ENDPOINTS": "llm.example/ask"}
    watch = WireWatch(load(environ).settings, InternalErrors())
    stop = watch.install(seen.append)
    is_observed_by(of_this_process, "llm.example", "/ask")
    watch.close()
    stop()

    assert len(seen) == 1


def test_the_wire_is_on_by_default() -> None:
    """Without a setting."""
    assert Settings().wire


class _Kept:
    """Stores all requests."""

    ended: tuple[int, ...] = ()

    def begin(self, exchange: Exchange) -> int:
        assert exchange.path == CHAT
        return 7

    def end(self, span_ids: Iterable[int]) -> None:
        self.ended += tuple(span_ids)


def test_a_request_without_a_response_is_reported_when_the_process_ends(
    observer: Observer, seen: list[WireRecord]
) -> None:
    """The provider may charge for it; a later response changes nothing."""
    observer.kept = _Kept()
    exchange = observer.begin("httpx", "api.openai.com", CHAT, {}, BODY)
    assert exchange is not None

    observer.end_all()
    exchange.whole(200, {"content-type": "application/json"}, ANSWER)
    observer.drain()

    assert [(record.ending, record.status, record.call_id) for record in seen] == [
        ("unread", None, 7)
    ]


def test_a_request_that_no_hook_ends_is_not_kept_in_memory(
    observer: Observer, seen: list[WireRecord]
) -> None:
    """It references a body of megabytes."""
    observer.kept = _Kept()
    observer.begin("httpx", "api.openai.com", CHAT, {}, BODY)
    gc.collect()

    observer.end_all()

    assert seen == []
