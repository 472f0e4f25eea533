"""A web service with the cost of each customer.

The middleware says whose request it is; everything below it, calls of the model included, then
carries session and tenant. `otel-distro costs --by tenant` adds it up.
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fastapi import FastAPI, Request, Response
from models import openai_client

import otel_distro

app = FastAPI()
TENANTS = {"key-of-acme": "acme", "key-of-globex": "globex"}


@app.middleware("http")
async def whose_request(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Set tenant and session of a request; the tenant comes from the checked key, not a header."""
    tenant = TENANTS.get(request.headers.get("x-api-key", ""), "unknown")
    with otel_distro.tenant(tenant), otel_distro.session(request.headers.get("x-session-id")):
        response = await call_next(request)
        response.headers["x-trace-id"] = otel_distro.current_trace_id()
        return response


@app.post("/ask")
def ask(question: dict[str, str]) -> dict[str, str]:
    """Answer a question."""
    with otel_distro.measure("ask", component="api"):
        done = openai_client().chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": question["text"]}]
        )
    return {"answer": str(done.choices[0].message.content)}
