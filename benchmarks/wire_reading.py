"""Cost of reading responses, beside `json.loads` of the same bytes.

    python benchmarks/wire_reading.py

Prints MB/s of the reader and of `json.loads`, and their ratio, for responses of several forms. The
reader runs on a background thread; `may_call_model` runs on the app's.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from otel_wire.answers import AnswerReader
from otel_wire.endpoints import may_call_model

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK_BYTES = 16_384
ROUNDS = 5


def bodies() -> dict[str, bytes]:
    usage = {"prompt_tokens": 1200, "completion_tokens": 300}
    event = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": " word"}}]}
    vectors = [{"index": i, "embedding": [0.123456789, -0.25] * 512} for i in range(200)]
    text = "Words of an answer, one after another.\n" * 50_000
    return {
        "stream of 5,000 events": b"data: %b\n\n" % json.dumps(event).encode() * 5_000,
        "answer of 4 kB": json.dumps(
            {"model": "m", "choices": [{"message": {"content": text[:4000]}}], "usage": usage}
        ).encode(),
        "answer of 2 MB": json.dumps(
            {"model": "m", "choices": [{"message": {"content": text}}], "usage": usage}
        ).encode(),
        "200 embeddings": json.dumps({"model": "m", "data": vectors, "usage": usage}).encode(),
    }


def read(body: bytes) -> None:
    reader = AnswerReader(None, 200, {})
    for start in range(0, len(body), CHUNK_BYTES):
        reader.feed(body[start : start + CHUNK_BYTES])
    reader.end()


def parse(body: bytes) -> None:
    if not body.startswith(b"data:"):
        json.loads(body)
        return
    for line in body.split(b"\n"):
        if line:
            json.loads(line[5:])


def seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    print(f"{'body':<24}{'reader MB/s':>12}{'json MB/s':>12}{'ratio':>8}")
    for name, body in bodies().items():
        ours = seconds(lambda body=body: read(body))  # type: ignore[misc]
        theirs = seconds(lambda body=body: parse(body))  # type: ignore[misc]
        size = len(body) / 1e6
        print(f"{name:<24}{size / ours:>12.1f}{size / theirs:>12.1f}{ours / theirs:>8.1f}")
    for path in ("/v1/orders/3f2a", "/v1/chat/completions", "/index.html?x=1"):
        each = seconds(lambda path=path: [may_call_model("POST", path) for _ in range(10_000)])  # type: ignore[misc]
        print(f"may_call_model({path!r}): {each / 10_000 * 1e9:.0f} ns")


if __name__ == "__main__":
    main()
