"""One request to a model over HTTP: the response and its cost.

Supports OpenAI's chat completions API and Anthropic's messages API.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_distro.reports.golden.cases import GoldenSetError
from otel_pricing import ModelCall, price_call
from otel_pricing.model.usage_objects import read_usage

if TYPE_CHECKING:
    from otel_pricing import PriceBook, PricedCall

_MOST_BYTES = 16 * 1024 * 1024
_EXCERPT = 300
FIRST_ERROR = 400


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of a model."""

    base_url: str
    model: str
    api_key: str
    max_output_tokens: int
    timeout_s: float = 120.0

    @property
    def is_anthropic(self) -> bool:
        """Whether it is Anthropic's messages API rather than OpenAI's chat completions."""
        return self.model.startswith("claude") and not self.base_url.rstrip("/").endswith("/v1")


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """The response: a text, or why there is none."""

    text: str
    latency_ms: float
    priced: PricedCall | None
    problem: str = ""


def ask(endpoint: Endpoint, prompt: str, prices: PriceBook) -> ModelResponse:
    """Send *prompt* and return the answer; a failed request gives one with a problem.

    Raises GoldenSetError for an endpoint that is no HTTP URL.
    """
    request = _request(endpoint, prompt)
    began_ns, began = time.time_ns(), time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=endpoint.timeout_s) as response:  # noqa: S310
            content = response.read(_MOST_BYTES)
    except urllib.error.HTTPError as error:
        excerpt = error.read(_EXCERPT).decode(errors="replace")
        return ModelResponse(
            "", _since(began), None, f"HTTP {error.code}: {' '.join(excerpt.split())}"
        )
    except OSError as error:
        return ModelResponse("", _since(began), None, f"cannot reach {endpoint.base_url}: {error}")
    latency_ms = _since(began)
    try:
        answer = json.loads(content)
        text, usage = _text(answer, anthropic=endpoint.is_anthropic), answer.get("usage")
    except (ValueError, LookupError, TypeError):
        return ModelResponse(
            "", latency_ms, None, "the answer is not in the form of a chat completion"
        )
    call = ModelCall(
        trace_id=0,
        span_id=0,
        start_ns=began_ns,
        end_ns=time.time_ns(),
        scope="otel_distro.golden",
        operation="chat",
        provider="anthropic" if endpoint.is_anthropic else "openai",
        request_model=endpoint.model,
        response_model=str(answer.get("model") or ""),
        usage=read_usage(usage) if isinstance(usage, dict) else None,
    )
    return ModelResponse(text, latency_ms, price_call(call, prices))


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000


def _request(endpoint: Endpoint, prompt: str) -> urllib.request.Request:
    body: dict[str, Any] = {
        "model": endpoint.model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": endpoint.max_output_tokens,
    }
    headers = {"Content-Type": "application/json"}
    base = endpoint.base_url.rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise GoldenSetError(f"{endpoint.base_url!r} is no HTTP address; for example "
                             "https://api.openai.com/v1")  # fmt: skip
    if endpoint.is_anthropic:
        url = f"{base}/v1/messages"
        headers |= {"x-api-key": endpoint.api_key, "anthropic-version": "2023-06-01"}
    else:
        url = f"{base}/chat/completions"
        headers |= {"Authorization": f"Bearer {endpoint.api_key}"}
    return urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310


def _text(answer: Any, *, anthropic: bool) -> str:
    if anthropic:
        return "".join(b["text"] for b in answer["content"] if b.get("type") == "text")
    return str(answer["choices"][0]["message"]["content"] or "")
