"""A client and a gateway in any web framework, on one ledger and one budget.

The gateway gives each response a new id, so that only the trace matches the two calls.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from support.charging_provider import ChargingProvider
from support.process import BIN, clean_environment, free_port, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.process]

BEGIN = """
import json, os, sys
upstream, port = sys.argv[1], int(sys.argv[2])
def ours(body):
    answer = json.loads(body)
    return json.dumps({**answer, "id": "gateway-" + answer["id"]})
"""
FLASK = """
import flask, openai
client = openai.OpenAI(base_url=upstream + "/v1", api_key="k")
app = flask.Flask("gateway")
@app.post("/v1/chat/completions")
def forward():
    asked = flask.request.get_json()
    if not asked.get("stream"):
        return ours(client.chat.completions.create(**asked).model_dump_json())
    def pieces():  # the model is called when the server reads the first piece
        for piece in client.chat.completions.create(**asked):
            yield "data: " + ours(piece.model_dump_json()) + "\\n\\n"
        yield "data: [DONE]\\n\\n"
    return flask.Response(pieces(), content_type="text/event-stream")
app.run(port=port, threaded=True)
"""
HTTPX = """
import httpx
client = httpx.Client(base_url=upstream)
def send(path, body):
    found = client.post(path, content=body)
    if "event-stream" in found.headers["content-type"]:
        return found.text, "text/event-stream"
    return ours(found.content), "application/json"
"""
AIOHTTP = (
    HTTPX
    + """
import asyncio
from aiohttp import web
async def forward(request):
    text, kind = await asyncio.to_thread(send, request.path, await request.read())
    return web.Response(text=text, content_type=kind)
app = web.Application()
app.router.add_post("/{path:.*}", forward)
web.run_app(app, host="127.0.0.1", port=port, print=None)
"""
)
STARLETTE = (
    HTTPX
    + """
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route
async def forward(request):
    text, kind = await run_in_threadpool(send, request.url.path, await request.body())
    return Response(text, media_type=kind)
app = Starlette(routes=[Route("/{path:path}", forward, methods=["POST"])])
uvicorn.run(app, port=port, log_level="error")
"""
)
QUART = (
    HTTPX
    + """
import asyncio, uvicorn
from quart import Quart, Response, request
app = Quart("gateway")
@app.post("/<path:path>")
async def forward(path):
    text, kind = await asyncio.to_thread(send, "/" + path, await request.get_data())
    return Response(text, content_type=kind)
uvicorn.run(app, port=port, log_level="error")
"""
)
DJANGO = (
    HTTPX
    + """
import django
from django.conf import settings
settings.configure(ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=[])
django.setup()
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import re_path
from wsgiref.simple_server import make_server
def forward(request):
    text, kind = send(request.path, request.body)
    return HttpResponse(text, content_type=kind)
urlpatterns = [re_path(".*", forward)]
make_server("127.0.0.1", port, get_wsgi_application()).serve_forever()
"""
)
DJANGO_ASGI = (
    DJANGO.rpartition("\nmake_server")[0]
    + """
import uvicorn
from django.core.asgi import get_asgi_application
uvicorn.run(get_asgi_application(), port=port, log_level="error", lifespan="off")
"""
)
CLIENT = """
import asyncio, openai, sys
question = {"model": "gpt-4o", "max_tokens": 300, "messages": [{"role": "user", "content": "hi"}]}
streamed = {"stream": True, "stream_options": {"include_usage": True}}
async def main():
    client = openai.AsyncOpenAI(base_url=sys.argv[1] + "/v1", api_key="k", max_retries=0)
    await asyncio.gather(*(client.chat.completions.create(**question) for _ in range(4)))
    async for _ in await client.chat.completions.create(**question, **streamed):
        pass
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="k", max_retries=0)
client.chat.completions.create(**question)
asyncio.run(main())
"""
GATEWAYS = {
    "flask": FLASK,
    "aiohttp": AIOHTTP,
    "starlette": STARLETTE,
    "quart": QUART,
    "django": DJANGO,
    "django asgi": DJANGO_ASGI,
}


@contextmanager
def gateway(script: str, upstream: str, environ: dict[str, str]) -> Iterator[str]:
    """Run a gateway before *upstream* under the distribution; yield its URL."""
    port = free_port()
    server = subprocess.Popen(
        ["otel-distro", "run", "--", "python", "-c", BEGIN + script, upstream, str(port)],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not _answers(url):
            assert server.poll() is None, "the gateway has ended"
        yield url
    finally:
        server.terminate()
        server.wait(60)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def cli_json(command: str, environ: dict[str, str]) -> Any:
    return json.loads(run([str(BIN / "otel-distro"), command, "--json"], environ).stdout)


@pytest.mark.parametrize(
    ("name", "store"),
    [
        *((name, "file") for name in GATEWAYS),
        pytest.param("aiohttp", "postgres", marks=pytest.mark.postgres),
    ],
)
def test_a_call_through_a_gateway_is_billed_and_reserved_once(
    name: str, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """By a synchronous and an asynchronous client, streams included; budgets agree."""
    framework = name.partition(" ")[0]
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed: pip install -e '.[frameworks]'")
    url = request.getfixturevalue("postgres_server") if store == "postgres" else ""
    stores = {"OTEL_DISTRO_LEDGER": url, "OTEL_DISTRO_BUDGET_STORE": url} if url else {}
    environ = clean_environment(
        tmp_path,
        NO_PROXY="127.0.0.1",
        OTEL_DISTRO_BUDGET_USD_PER_DAY="5",
        OTEL_DISTRO_BUDGET_ACTION="refuse",
        OTEL_DISTRO_EXIT_TIMEOUT="30",
        **{f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")},
        **stores,
    )
    with ChargingProvider() as provider:
        with gateway(GATEWAYS[name], provider.url, environ) as at:
            client = ["otel-distro", "run", "--", sys.executable, "-c", CLIENT, at]
            done = run(client, environ)
        served = [charged.nano_usd or 0 for charged in provider.account.served()]
    costs, budgets = cli_json("costs", environ)["total"], cli_json("budgets", environ)["budgets"]

    assert done.returncode == 0, done.stderr
    assert len(served) == 6
    assert (costs["calls"], costs["cost_nano_usd"]) == (6, sum(served))
    assert [(line["spent"], line["reserved"]) for line in budgets] == [(sum(served), 0)]
