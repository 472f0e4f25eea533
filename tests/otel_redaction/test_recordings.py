"""In recordings of real instrumentations only personal data is changed."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLANTED = ("john.smith@example.com", "jane.doe@example.com", "078-05-1120", "+33 6 12 34 56 78")
"""Personal data in the recordings."""


def _value(value: dict[str, Any]) -> Any:
    kind, held = next(iter(value.items()))
    if kind == "intValue":
        return int(held)
    if kind == "arrayValue":
        return [_value(each) for each in held.get("values", ())]
    return held


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        for resource in json.loads(line).get("resourceSpans", ()):
            yield _attributes(resource["resource"])
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    yield _attributes(span)
                    yield from map(_attributes, span.get("events", ()))


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {
        each["key"]: _value(each["value"]) for each in holder.get("attributes", ()) if each["value"]
    }


def test_only_what_was_planted_changes(shared_data: Path) -> None:
    """Model names, ids, Unix times, counts, texts and JSON types stay."""
    folder = shared_data / "genai-spans"
    if not folder.is_dir():
        pytest.skip("no recordings here")
    redactor = Redactor()
    for path in sorted(folder.glob("*.jsonl")):
        for record in _records(path):
            redacted = redactor.attributes(record)

            assert redacted.keys() == record.keys()
            for key, value in record.items():
                if redacted[key] != value:
                    assert not _other_changes(str(value), str(redacted[key])), (path.name, key)


def _other_changes(before: str, after: str) -> list[str]:
    """Return the parts missing from *before* that were not planted."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    gone = [before[i:j] for kind, i, j, _, _ in matcher.get_opcodes() if kind != "equal"]
    return [piece for piece in gone if piece not in PLANTED]
