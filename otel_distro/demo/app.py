"""The demo's app: an ordinary program that calls a model. It does not use OpenTelemetry."""

from __future__ import annotations

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai

from otel_distro.demo.planted import API_KEY, EMAIL

TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}


def main(base_url: str) -> None:
    """Make eight calls of different kinds."""
    # Typed loosely: the calls below pass different arguments.
    client: Any = openai.OpenAI(base_url=base_url, api_key="not-needed", max_retries=0)

    def ask(text: str, **more: object) -> Any:
        message = {"role": "user", "content": text}
        return client.chat.completions.create(**{"model": "gpt-4o", "messages": [message], **more})

    ask(f"Write to {EMAIL}")
    ask(f"Is {API_KEY} a valid key?")
    ask("Long prompt, mostly cached", model="gpt-4o-mini")
    for _chunk in ask("Stream", stream=True, stream_options={"include_usage": True}):
        pass
    ask("What is the weather?", tools=[TOOL])
    ask("Think", model="o3-mini")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, ["Two at once"] * 2))
    try:
        ask("Too many requests")
    except openai.RateLimitError:
        logging.getLogger("demo").exception("could not answer %s", EMAIL)


if __name__ == "__main__":
    main(sys.argv[1])
