"""Trace store with many spans: bytes per span, and duration of queries.

    python benchmarks/trace_store.py [--spans 10000000] [--folder FOLDER]

Writes spans of one day straight into a store, then asks what the page asks. Redaction and pricing
are measured by `benchmarks/serve.py`. Each question is asked three times; the median is printed,
after the files were read by nothing but the writer. 10 million spans take 1 GB in FOLDER, which
is kept if it is given, and is queried again without writing if it has a store.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span
from serve import BATCH, SHAPES, WORDS, add

from otel_trace_store import (
    Arrivals,
    StoreReader,
    TraceFilter,
    TraceStoreWriter,
    find_traces,
    read_trace,
)
from otel_trace_store.operations import operation_sums
from otel_trace_store.segments import segment_files, size_of

if TYPE_CHECKING:
    from collections.abc import Callable

_WEIGHTS = [3, 4, 1, 1, 1, 2]
_DAY_NS = 86_400 * 10**9
_RESOURCE = {
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "2.1.0",
    "host.name": "workshop",
    "process.command": "/srv/shop/server.js",
    "process.runtime.name": "nodejs",
}


def templates() -> list[tuple[str, Span]]:
    """Return the service and a span of each shape, with shared attributes."""
    found = []
    for service, name, kind, attributes in SHAPES:
        span = Span(name=name, kind=kind)
        for key, value in attributes.items():
            add(span, key, value)
        found.append((service, span))
    return found


class Generator:
    """Makes batches of spans of a day."""

    def __init__(self, spans: int) -> None:
        self._rng = random.Random(11)
        self._templates = templates()
        self._step = _DAY_NS // spans
        self._at = time.time_ns() - _DAY_NS
        self._trace, self._parent = self._rng.randbytes(16), b""
        self.some_traces: list[bytes] = []

    def batch(self) -> list[ResourceSpans]:
        """Return BATCH spans, grouped by service."""
        rng, groups = self._rng, dict[str, ResourceSpans]()
        for _ in range(BATCH):
            if rng.random() < 0.12:
                self._trace, self._parent = rng.randbytes(16), b""
                if rng.random() < 0.001:
                    self.some_traces.append(self._trace)
            service, template = rng.choices(self._templates, _WEIGHTS)[0]
            if service not in groups:
                group = groups[service] = ResourceSpans()
                for key, value in {"service.name": service, **_RESOURCE}.items():
                    add(group.resource, key, value)
                group.scope_spans.add().scope.name = f"@opentelemetry/{service}"
            span = groups[service].scope_spans[0].spans.add()
            span.CopyFrom(template)
            span.trace_id, span.span_id = self._trace, rng.randbytes(8)
            span.parent_span_id = self._parent
            self._parent = self._parent or span.span_id
            self._at += self._step
            span.start_time_unix_nano = self._at
            span.end_time_unix_nano = self._at + int(rng.lognormvariate(17, 1.5))
            if rng.random() < 0.01:
                span.status.message = "timed out after 30 s"
                span.status.code = 2  # type: ignore[assignment]
            add(span, "app.note", " ".join(rng.choices(WORDS, k=3)))
            add(span, "thread.id", rng.randrange(40))
            if span.name.startswith("chat"):
                add(span, "gen_ai.response.id", rng.randbytes(8).hex())
                add(span, "gen_ai.usage.input_tokens", rng.randrange(9000))
                add(span, "gen_ai.usage.output_tokens", rng.randrange(900))
        return list(groups.values())


def fill(folder: Path, spans: int) -> list[bytes]:
    """Write *spans* into the store in *folder*; return some trace ids."""
    generator = Generator(spans)
    writer = TraceStoreWriter(folder)
    writing = 0.0
    for done in range(0, spans, 4 * BATCH):
        arrivals = Arrivals(spans=[group for _ in range(4) for group in generator.batch()])
        began = time.process_time()
        writer.write(arrivals)
        writing += time.process_time() - began
        if done % (500 * 4 * BATCH) == 0:
            print(f"{done:>12,} spans written", flush=True)
    writer.close()
    print(f"{1e6 * writing / spans:.1f} us of processor time a span to write")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak:.0f} MiB of memory at most")
    return generator.some_traces


def traces_in(folder: Path) -> list[bytes]:
    """Return ids of traces from all over the store."""
    with StoreReader(folder) as reader:
        found = []
        for segment in reader:
            (most,) = segment.connection.execute("SELECT max(no) FROM traces").fetchone()
            for share in range(1, 8):
                query = "SELECT trace_id FROM traces WHERE no = ?"
                found += segment.connection.execute(query, (most * share // 8,)).fetchall()
        return [trace_id for (trace_id,) in found]


def ask(what: str, question: Callable[[StoreReader, int], object], folder: Path) -> None:
    """Print the duration of a query, opening the store included."""
    took = []
    result: object = None
    for turn in range(3):
        began = time.perf_counter()
        with StoreReader(folder) as reader:
            result = question(reader, turn)
        took.append(time.perf_counter() - began)
    first, median = 1000 * took[0], 1000 * statistics.median(took)
    print(f"{median:8.1f} ms ({first:.1f} the first time)  {what}: {result}", flush=True)


def found(**wanted: object) -> Callable[[StoreReader, int], str]:
    """Return the query for a list of traces."""

    def question(reader: StoreReader, _turn: int) -> str:
        reader.limit_time(60)
        traces = find_traces(reader, TraceFilter(**wanted), limit=50)  # type: ignore[arg-type]
        return f"{len(traces.rows)} traces" + ("" if traces.complete else ", not complete")

    return question


def questions(folder: Path) -> None:
    """Run the queries of the page."""
    ids = traces_in(folder)
    now = time.time_ns() // 1000
    day = {"since_us": now - 86_400_000_000}
    ask(
        "a trace by its id",
        lambda reader, turn: f"{len(read_trace(reader, ids[turn * 3]))} spans",
        folder,
    )
    ask("last 50 traces", found(), folder)
    ask("last 50, service and errors", found(service="cart", failed=True), folder)
    ask("last 50, operation and >= 1 s", found(operation="GET /cart/{id}", least_us=10**6), folder)
    for text in (
        "north17",
        "north17 blue5",
        "post checkout",
        "shop timed",
        "post select",
        '"timed out"',
        '"checkout cart"',
        "s",
        "nowhere-to-be-found",
    ):
        ask(f"last 50, search {text!r} over a day", found(text=text, **day), folder)
    ask("last 50, search north17, service", found(text="north17", service="cart", **day), folder)
    ask("last 50, attribute thread.id=7", found(attribute="thread.id=7", **day), folder)
    ask(
        "p95 by operation over a day",
        lambda reader, _turn: len(
            [one.percentile_us(0.95) for one in operation_sums(reader, day["since_us"], now)]
        ),
        folder,
    )


def main() -> None:
    """Fill a store and ask it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary) / "traces"
        if not segment_files(folder):
            fill(folder, args.spans)
        size = sum(map(size_of, segment_files(folder)))
        with StoreReader(folder) as reader:
            spans = sum(
                segment.connection.execute(
                    "SELECT sum(records) FROM blocks WHERE kind = 1"
                ).fetchone()[0]
                for segment in reader
            )
        print(f"{spans:,} spans, {size / spans:.1f} bytes a span, {size / 2**20:,.0f} MiB")
        questions(folder)


if __name__ == "__main__":
    main()
