"""Secrets in lists: split across items, as in streams, or next to the item that names them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from otel_redaction.patterns.keys import secret_kind
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import MASK, PSEUDONYM, mask
from otel_redaction.patterns.words import words

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from otel_redaction.key_rules import KeyRules
    from otel_redaction.patterns.match import Match
    from otel_redaction.policy import Action
    from otel_redaction.record import Record
    from otel_redaction.text_redactor import TextRedactor

_ACROSS = words(
    "email card iban jwt api_key private_key us_ssn phone password token secret ip_address"
)
_CONTINUED = words("api_key jwt private_key")
"""Kinds whose match may be complete in an item and still continue in the next."""
_LONGEST = 262_144
_SHORTEST_CONTINUATION = 8
_FLAG = lazy_pattern(r"--?[A-Za-z][\w-]{1,40}")
_NAME = lazy_pattern(r"[A-Za-z][\w.-]{1,60}")
_LABEL_ITEM = lazy_pattern(r"[A-Za-z][\w-]{1,40}[:=]")
_IN_COMMANDS = words("password cookie")
STREAM_STARTS = words("data: event")
"""First five characters of a stream of events."""
_DELTA = lazy_pattern(
    r"\"(content|text|delta|partial_json|arguments|thinking|reasoning_content|refusal)\"[ ]?:[ ]?"
    r"\"((?:[^\"\\]|\\.){1,4096})\""
)
_NAME_FIELDS = words("name key field header")
_VALUE_FIELDS = words("value content stringvalue val")


def across_items(items: list[str], texts: TextRedactor, record: Record) -> list[str]:
    """Return *items* with each match across several of them masked in the first.

    A match counts only if no item has a complete one at the boundary: in
    `["bob@example.com", "next"]` the address ends with its item.
    """
    items = _after_flags(items, record)
    if any(item[:1] == "-" for item in items):
        items = _in_command(items, texts, record)
    joined = "".join(items)
    if len(joined) > _LONGEST:
        return items
    starts = [0]
    for item in items:
        starts.append(starts[-1] + len(item))
    spanning = [
        match
        for match in texts.find(joined, record.deadline)
        if match.kind in _ACROSS and not _within_one(match, starts)
    ]
    if not spanning:
        return items
    items = list(items)
    for match in reversed(spanning):
        touched = [
            index
            for index in range(len(items))
            if starts[index] < match.end and starts[index + 1] > match.start
        ]
        if not _is_split(items, starts, touched, match, texts):
            continue
        for index in reversed(touched):
            first = max(match.start - starts[index], 0)
            last = match.end - starts[index]
            marker = mask(match.kind) if index == touched[0] else ""
            items[index] = items[index][:first] + marker + items[index][last:]
        record.count([match.kind])
    return items


def _after_flags(items: list[str], record: Record) -> list[str]:
    """Return *items* without the values of flags and labels: `["login", "--password", "x"]`."""
    for index, item in enumerate(items[:-1]):
        value = items[index + 1]
        if not value or value[:1] == "-":
            continue
        if not (_FLAG if item[:1] == "-" else _LABEL_ITEM).fullmatch(item):
            continue
        kind = secret_kind(item)
        if kind is not None and not (MASK.fullmatch(value) or PSEUDONYM.fullmatch(value)):
            items = [*items[: index + 1], mask(kind), *items[index + 2 :]]
            record.count([kind])
    return items


def _in_command(items: list[str], texts: TextRedactor, record: Record) -> list[str]:
    """Return *items* without the passwords of the command that they are the arguments of."""
    command = " ".join(items)
    if len(command) > _LONGEST:
        return items
    ends = list(accumulate(len(item) + 1 for item in items))
    items = list(items)
    for match in reversed(texts.find(command, record.deadline)):
        index = bisect_right(ends, match.start)
        first = ends[index] - len(items[index]) - 1
        if match.kind in _IN_COMMANDS and match.end < ends[index]:
            value = items[index]
            items[index] = (
                value[: match.start - first] + mask(match.kind) + value[match.end - first :]
            )
            record.count([match.kind])
    return items


def across_deltas(text: str, texts: TextRedactor, record: Record) -> str:
    """Return *text*, a stream of events, with each match across their pieces masked in the first.

    Pieces belong together by the name of their field.
    """
    import json

    pieces: dict[str, list[re.Match[str]]] = {}
    for piece in _DELTA.finditer(text):
        pieces.setdefault(piece[1], []).append(piece)
    edits: list[tuple[int, int, str]] = []
    for found in pieces.values():
        try:
            items: list[str] = [json.loads(f'"{piece[2]}"', strict=False) for piece in found]
        except ValueError:
            continue
        for piece, item, clean in zip(
            found, items, across_items(items, texts, record), strict=True
        ):
            if item != clean:
                written = json.dumps(clean, ensure_ascii=piece[2].isascii())[1:-1]
                edits.append((*piece.span(2), written))
    parts: list[str] = []
    position = 0
    for start, end, written in sorted(edits):
        parts += [text[position:start], written]
        position = end
    return "".join([*parts, text[position:]])


def _within_one(match: Match, starts: list[int]) -> bool:
    index = bisect_right(starts, match.start) - 1
    return match.end <= starts[index + 1]


def _is_split(
    items: list[str], starts: list[int], touched: list[int], spanning: Match, texts: TextRedactor
) -> bool:
    """Return whether *spanning* is one match over several items, none of them complete."""
    for index in touched:
        offset = starts[index]
        for match in texts.find(items[index]):
            if offset + match.start >= spanning.end or offset + match.end <= spanning.start:
                continue
            goes_on = (
                spanning.kind in _CONTINUED
                and match.kind == spanning.kind
                and index == touched[0]
                and match.end == len(items[index])
                and spanning.end - starts[index + 1] >= _SHORTEST_CONTINUATION
            )
            if not goes_on:
                return False
    return True


def named_value(
    mapping: Mapping[Any, Any], rules: KeyRules
) -> tuple[str, tuple[str, Action]] | None:
    """Return the field with a value named by another field, and the action of that name; else None.

    In `{"name": "password", "value": "x"}` that is the field `value`.
    """
    named = value_field = None
    for field, value in mapping.items():
        if type(field) is not str:
            continue
        lower = field.lower()
        if lower in _NAME_FIELDS and type(value) is str and _NAME.fullmatch(value):
            named = value
        elif lower in _VALUE_FIELDS and type(value) in {str, int}:
            value_field = field
    if named is None or value_field is None:
        return None
    rule = rules.decide(named)
    return None if rule is None else (value_field, rule)
