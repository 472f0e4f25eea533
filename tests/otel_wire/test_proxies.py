"""The provider of a request is its target host, through any proxy."""

from __future__ import annotations

import http.client
import json
import urllib.request
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import requests
import urllib3

from otel_wire import clients
from otel_wire.clients.proxies import place_of
from otel_wire.observer import observer
from support.http_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_wire.record import WireRecord

URL = "http://api.mistral.ai:8080/v1/chat/completions?beta=1"
BODY: Any = {"model": "mistral-large-latest", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = {"id": "c-1", "model": "mistral-large-latest", "choices": [],
          "usage": {"prompt_tokens": 9, "completion_tokens": 2}}  # fmt: skip
HEADERS = {"Content-Type": "application/json"}


class _Proxy(BaseHTTPRequestHandler):
    """Answers in place of the provider."""

    def do_POST(self) -> None:
        assert self.path == URL
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[str]:
    with serving(_Proxy) as address:
        yield address


@pytest.fixture
def seen() -> Iterator[list[WireRecord]]:
    for module in (httpx2, urllib3, http.client):
        clients.install(module)
    records: list[WireRecord] = []
    stop = observer.observe(records.append)
    yield records
    stop()


def by_requests(proxy: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.post(URL, json=BODY, proxies={"http": proxy}, timeout=30)


def by_urllib3(proxy: str) -> None:
    with urllib3.ProxyManager(proxy) as pool:
        pool.request("POST", URL, body=json.dumps(BODY).encode(), headers=HEADERS)


def by_urllib(proxy: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
    request = urllib.request.Request(URL, json.dumps(BODY).encode(), HEADERS)
    with opener.open(request, timeout=30) as response:
        response.read()


def by_httpx(proxy: str) -> None:
    with httpx2.Client(proxy=proxy) as client:
        client.post(URL, json=BODY)


@pytest.mark.parametrize("send", [by_requests, by_urllib3, by_urllib, by_httpx])
def test_a_proxy_is_not_the_provider(
    send: Callable[[str], None], proxy: str, seen: list[WireRecord]
) -> None:
    """The call has neither its prices nor its host name."""
    send(proxy)
    observer.drain()

    (record,) = seen
    assert (record.host, record.request.provider) == ("api.mistral.ai", "mistral_ai")
    assert record.answer.usage is not None
    assert record.answer.usage.input_tokens == 9


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("/v1/messages?x=1", "proxy", "/v1/messages"),
        ("http://api.x.ai", "api.x.ai", "/"),
        ("http://user:a@b@api.x.ai:80/v1", "api.x.ai", "/v1"),
        ("https://[::1]:8080/v1?u=http://other/", "::1", "/v1"),
    ],
)
def test_a_whole_url_names_its_host(url: str, host: str, path: str) -> None:
    """Without user, port and brackets, as clients name it."""
    assert place_of("proxy", url) == (host, path)
