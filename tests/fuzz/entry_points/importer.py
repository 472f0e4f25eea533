"""The importer: any file is read within bounds, and importing it again changes nothing."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fuzz.entry_points.entry_point import EntryPoint, json_values, nasty
from otel_cost_ledger.query.costs import costs
from otel_cost_ledger.query.ledger import open_ledger
from otel_distro.server.importing import ImportFailedError, import_files
from support.otlp_archive import chat_span

_ATTRIBUTES = (
    *("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.request.model"),
    *("gen_ai.provider.name", "gen_ai.operation.name", "error.type", "user.id", "session.id"),
    *("gen_ai.usage.cache_read.input_tokens", "gen_ai.response.id", "otel_distro.tenant.id"),
)
_FIELDS = (
    *("traceId", "spanId", "parentSpanId", "startTimeUnixNano", "endTimeUnixNano", "attributes"),
    *("kind", "status", "events", "links", "name"),
)
_CONTAINERS = ("resourceSpans", "resourceLogs", "resourceMetrics", "batches", "data")


class Archive(NamedTuple):
    """A file and its name."""

    name: str
    content: bytes


@st.composite
def _lines(draw: Any) -> bytes:
    """Return one line: a valid request, one with changed fields, or something else."""
    if draw(st.integers(0, 4)) == 0:
        other = json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
        line: bytes = draw(other | nasty.map(lambda text: text.encode("utf-8", "surrogatepass")))
        return line
    changes = draw(st.dictionaries(st.sampled_from(_ATTRIBUTES), json_values, max_size=3))
    span = chat_span(draw(st.integers(0, 5)))
    span["attributes"] += [
        {"key": key, "value": draw(st.just({"stringValue": value}) | json_values)}
        for key, value in changes.items()
    ]
    span |= draw(st.dictionaries(st.sampled_from(_FIELDS), json_values, max_size=2))
    scope = {"scope": {"name": "app"}, "spans": [span]}
    resource = draw(st.just({"attributes": []}) | json_values)
    container = draw(st.sampled_from(["resourceSpans"] * 4 + list(_CONTAINERS)))
    return json.dumps({container: [{"resource": resource, "scopeSpans": [scope]}]}).encode()


@st.composite
def archives(draw: Any) -> Archive:
    """Return a file: plain, compressed, cut off, followed by something else, or misnamed."""
    end = draw(st.sampled_from([b"\n", b"\n\n", b"\r\n", b"", b"\x00"]))
    content = end.join(draw(st.lists(_lines(), max_size=4)))
    kind = draw(st.sampled_from(["plain", "gzip", "cut", "more", "twice", "flipped"]))
    if kind != "plain":
        content = gzip.compress(content)
    if kind == "cut":
        content = content[: draw(st.integers(0, len(content)))]
    elif kind == "more":
        content += draw(st.binary(max_size=20))
    elif kind == "twice":
        content += content
    elif kind == "flipped":
        at = draw(st.integers(0, len(content) - 1))
        content = content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]
    name = draw(st.sampled_from(["a.jsonl", "a.jsonl.gz", "a.json", "a.gz", "a"]))
    return Archive(name, content)


def check(archive: Archive) -> None:
    """Calls are written once, and their cost is known or unknown, never negative."""
    with tempfile.TemporaryDirectory(prefix="otel-distro-fuzz-import-") as folder:
        path, ledger = Path(folder, archive.name), Path(folder, "ledger.db")
        path.write_bytes(archive.content)
        reports: list[str] = []
        try:
            first = import_files([path], ledger, report=reports.append)
            second = import_files([path], ledger, report=reports.append)
        except ImportFailedError as error:
            raise AssertionError(str(error)) from error
        assert all("\n" not in line for line in reports), reports
        assert first.written + first.known == first.calls
        assert second.written == 0, (first, second)
        assert second.known == second.calls == first.calls
        if not ledger.exists():
            assert not first.calls
            return
        with open_ledger(ledger) as opened:
            total = costs(opened, None, by=()).total
        assert total.cost_nano_usd >= 0
        assert 0 <= total.calls <= first.calls


ENTRY_POINT = EntryPoint(archives(), check, few=15)
