"""Overhead of observed model calls on the app's thread, in microseconds.

    python benchmarks/wire.py

Through httpx2 over a transport in memory, so that nothing but the client is timed; with and without
the observer in turns. Budgets: 60 a call, 1 a piece of a stream, 0.3 a request to other hosts.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import httpx2

from otel_wire import clients
from otel_wire.exchange import Exchange
from otel_wire.observer import Observer, observer

CALL = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi " * 200}]}
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o",
    "choices": [{"message": {"role": "assistant", "content": "Hello " * 100}}],
    "usage": {"prompt_tokens": 1200, "completion_tokens": 300},
}
PIECE = b'data: {"choices": [{"delta": {"content": "Hello"}}]}\n\n'
CALLS, PIECES, ROUNDS = 2000, 1000, 50


def calls(client: httpx2.Client, url: str) -> tuple[float, float]:
    """Return the medians with and without the observer."""
    took: dict[bool, list[float]] = {True: [], False: []}
    stop: Any = None
    for number in range(2 * CALLS):
        watched = number % 2 == 0
        stop = observer.observe(lambda _record: None) if watched else None
        began = time.thread_time_ns()
        client.post(url, json=CALL)
        took[watched].append((time.thread_time_ns() - began) / 1000)
        if stop is not None:
            stop()
    return statistics.median(took[True]), statistics.median(took[False])


def piece() -> float:
    """Return the median cost of recording a chunk of a stream."""
    found = []
    for _ in range(ROUNDS):
        exchange = Exchange(Observer(), "httpx2", "api.example", "/v1/chat/completions", {}, b"")
        began = time.thread_time_ns()
        for _ in range(PIECES):
            exchange.add(PIECE)
        found.append((time.thread_time_ns() - began) / 1000 / PIECES)
    return statistics.median(found)


def look() -> float:
    """Return the median cost of the first check of a request to another host."""
    stop = observer.observe(lambda _record: None)
    found = []
    for _ in range(ROUNDS):
        began = time.thread_time_ns()
        for _ in range(1000):
            observer.concerns("POST", "", "/orders/17")
        found.append((time.thread_time_ns() - began) / 1_000_000)
    stop()
    return statistics.median(found)


def main() -> None:
    clients.install(httpx2)
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, json=ANSWER))
    with httpx2.Client(transport=transport) as client:
        calls(client, "http://a.example/v1/chat/completions")
        watched, bare = calls(client, "http://a.example/v1/chat/completions")
        print(f"a model call: {watched:.1f} with, {bare:.1f} without, {watched - bare:.1f} more")
        watched, bare = calls(client, "http://a.example/orders/17")
        print(f"another request: {watched:.1f} with, {bare:.1f} without, {watched - bare:.2f} more")
    print(f"a piece of a stream: {piece():.2f}")
    print(f"the first look at another request: {look():.2f}")


if __name__ == "__main__":
    main()
