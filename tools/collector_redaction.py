"""Writes the Collector's redaction files from the second line's table.

    python -m tools.collector_redaction collector-config

`redaction.yaml` configures the `redaction` processor (attributes of every signal, log bodies);
`redaction-text.yaml` the `transform` processor for what that one leaves alone: span names, status
messages, event names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.second_line import RULES, SECRET_KEYS
from tools.target import target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HEAD = (
    "# Generated from otel_distro/stack/second_line.py; do not edit. To write it anew:\n"
    "#   python -m tools.collector_redaction collector-config\n"
)
_MASK = "****"


def redaction_yaml() -> str:
    """Return the configuration of the `redaction` processor."""
    lines = [
        _HEAD + "allow_all_keys: true",
        "# Lists, maps and bytes are searched too; the patterns are such that measurements pass.",
        "redact_all_types: true",
        "# Adds redaction.masked.count, from which the FirstLineLeaked alert is made.",
        "summary: info",
        "blocked_key_patterns:",
        *_items(SECRET_KEYS),
        "blocked_values:",
    ]
    for rule in RULES:
        lines += [f"  # {rule.kind}", *_items([rule.pattern])]
    return "\n".join(lines) + "\n"


def redaction_text_yaml() -> str:
    """Return the configuration of the `transform` processor for names and messages."""
    pattern = _ottl_string("|".join(f"(?:{rule.pattern})" for rule in RULES))
    mask = _ottl_string(_MASK)
    span = [f"replace_pattern({path}, {pattern}, {mask})" for path in _SPAN_TEXTS]
    span += [f"{_MARK_SPAN} and {_or(*(_masked(path) for path in _SPAN_TEXTS), _LEAKY_RESOURCE)}"]
    event = [
        f"replace_pattern(spanevent.name, {pattern}, {mask})",
        f"{_MARK_SPAN} and {_or(_masked('spanevent.name'), _LEAKY_EVENT)}",
    ]
    lines = [
        _HEAD + "# An error refuses the batch: what cannot be searched does not pass.",
        "error_mode: propagate",
        "trace_statements:",
        "  - statements:",
        *_items(span, indent=6),
        "  - statements:",
        *_items(event, indent=6),
    ]
    return "\n".join(lines) + "\n"


_SPAN_TEXTS = ("span.name", "span.status.message")

# A span with a secret in any part has one attribute that says so: sampling keeps it, and the
# metric behind FirstLineLeaked counts it.
_COUNT = 'attributes["redaction.masked.count"]'
_MARK_SPAN = f"set(span.{_COUNT}, 1) where span.{_COUNT} == nil"
_LEAKY_RESOURCE = f"resource.{_COUNT} != nil"
_LEAKY_EVENT = f"spanevent.{_COUNT} != nil"


def _masked(path: str) -> str:
    return f'IsMatch({path}, "\\\\*{{4}}")'


def _or(*conditions: str) -> str:
    return f"({' or '.join(conditions)})"


FILES = {"redaction.yaml": redaction_yaml, "redaction-text.yaml": redaction_text_yaml}
"""File name in collector-config -> function for its content."""


def write(folder: Path) -> None:
    """Write every generated file into *folder*."""
    for name, make in FILES.items():
        (folder / name).write_text(make(), encoding="utf-8")


def _items(texts: Iterable[str], indent: int = 2) -> list[str]:
    return [" " * indent + "- " + _yaml_string(text) for text in texts]


def _yaml_string(text: str) -> str:
    # The Collector expands `${...}` and reads `$$` as `$`, so a dollar is written twice.
    return "'" + text.replace("'", "''").replace("$", "$$") + "'"


def _ottl_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    write(target(__doc__))
