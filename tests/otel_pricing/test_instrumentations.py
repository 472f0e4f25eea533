"""The registry of instrumentations is the only place with scope names."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from otel_pricing.model.instrumentations import (
    BATCH_SCOPE,
    INSTRUMENTATIONS,
    SERVICE_SCOPES,
    WIRE_SCOPE,
    mostly_calls_models,
)
from otel_pricing.reading.dialects import DIALECTS
from tools.imports import modules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

REGISTRY = "otel_pricing.model.instrumentations"
IMPORTED = {
    "otel_distro.bootstrap.instrumentation.asgi_events": "the middleware it patches",
    "otel_distro.cli.demo_command": "what the demo needs to be installed",
    "otel_distro.pipeline.logs.unreached": "the handler it looks for",
}
"""Modules of instrumentations imported by name, where the name is also a scope."""
PREFIXES = ("openinference.instrumentation", "opentelemetry.instrumentation.genai", "com.anthropic")


def literals(path: Path, marks: Collection[str]) -> Iterator[str]:
    """Yield the strings of a module except docstrings; none if it lacks all *marks*."""
    source = path.read_text(encoding="utf-8")
    if not any(mark in source for mark in marks):
        return
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def test_no_other_module_names_a_scope() -> None:
    """A new instrumentation is one row in one file."""
    scopes = {s for row in INSTRUMENTATIONS for s in row.scopes if not s.isalpha()}
    scopes |= {WIRE_SCOPE, BATCH_SCOPE}
    dialects = {dialect.name for dialect in DIALECTS}
    found = {
        (name, text)
        for name, path in modules().items()
        if name != REGISTRY
        for text in literals(path, [*PREFIXES, *scopes])
        if (text in scopes - dialects or text.startswith(PREFIXES)) and name not in IMPORTED
    }

    assert found == set()


def test_each_entry_point_and_scope_is_in_one_row() -> None:
    """boto3 is two: the client, and an instrumentation of SQS under its name."""
    entry_points = Counter(e for row in INSTRUMENTATIONS for e in row.entry_points)
    scopes = Counter(s for row in INSTRUMENTATIONS for s in row.scopes)

    assert [name for name, rows in (entry_points + scopes).items() if rows > 1] == ["litellm"]
    assert {row.dialect for row in INSTRUMENTATIONS} - {d.name for d in DIALECTS} == {""}


def test_every_recorded_scope_is_known() -> None:
    """Each scope in the recordings of the pricing tests."""
    data = Path(__file__).parent / "data"
    unknown = {
        scope["scope"]["name"]
        for path in data.glob("*.jsonl")
        for line in path.read_text().splitlines()
        for group in json.loads(line).get("resourceSpans", ())
        for scope in group["scopeSpans"]
        if not _is_known(scope["scope"].get("name", ""))
    }

    assert unknown == set()


def _is_known(scope: str) -> bool:
    return mostly_calls_models(scope) or scope in SERVICE_SCOPES or _has_own_scope(scope)


def _has_own_scope(scope: str) -> bool:
    return any(row.scopes and scope.startswith(row.scopes) for row in INSTRUMENTATIONS)
