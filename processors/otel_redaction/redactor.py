"""Apply a policy: to texts, to nested attribute values, to whole attribute mappings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from otel_redaction import json_text, sql_text, url_text
from otel_redaction.keys import label, secret_kind, segments
from otel_redaction.match import MASK, PSEUDONYM, Match
from otel_redaction.policy import ALWAYS_REDACTED, DEFAULT_POLICY, Action, Policy
from otel_redaction.scan import DeadlineExceeded
from otel_redaction.streams import across_items
from otel_redaction.telemetry_keys import (
    ADDRESS_KINDS,
    IDENTIFIERS,
    OWN_ADDRESSES,
    SQL,
    URLS,
    is_measurement,
    server_of,
)
from otel_redaction.text_redactor import Dropped, TextRedactor

AnyValue = Any
"""What an attribute may hold: text, bytes, numbers, booleans, None, sequences and mappings."""

Tally = MutableMapping[str, int]

_SHORT = 1024
_LONGEST_PAIR = 256
_MAX_PAIRS = 4096
_LONGEST_LABELLED = 64
_SHORTEST_NUMBER = 10**6
_DEEPEST = 24
_IN_IDENTIFIERS = ALWAYS_REDACTED | {"email"}


class _Pair(NamedTuple):
    """What becomes of a short text under its name."""

    name: str | None
    """None where the policy drops it."""
    value: AnyValue
    kinds: tuple[str, ...]
    """One for each match."""


class Redactor:
    """Redacts under one policy.

    Safe to share between threads and to carry over a fork: it holds nothing but
    the policy and caches of short texts.
    """

    def __init__(self, policy: Policy = DEFAULT_POLICY) -> None:
        self.policy = policy
        self._texts = TextRedactor(policy)
        self._keys: list[tuple[list[str], Action]] = [
            (segments(name), action) for name, action in policy.keys.items()
        ]
        self._allow_keys = policy.allow_keys | IDENTIFIERS
        self._short = lru_cache(maxsize=4096)(self._redact)
        self._pairs: dict[tuple[str, str], _Pair] = {}
        self._plain_names: set[str] = set()

    def text(self, text: str, tally: Tally | None = None) -> str:
        """Return *text* redacted; empty if the policy drops something it holds."""
        try:
            return self._text(text, tally, self._deadline())
        except Dropped:
            return ""

    def value(self, key: str, value: AnyValue, tally: Tally | None = None) -> AnyValue:
        """Return *value*, which is named *key*, redacted; None if the policy drops it."""
        try:
            return self._value(key, value, tally, self._deadline(), 0)
        except Dropped:
            return None

    def attributes(
        self, attributes: Mapping[str, AnyValue], tally: Tally | None = None
    ) -> dict[str, AnyValue]:
        """Return *attributes* redacted, names too; what the policy drops is absent.

        Raises DeadlineExceeded when the record takes longer than the policy
        allows; its content must then be dropped.
        """
        return self._mapping("", attributes, tally, self._deadline(), 0)

    def find(self, text: str) -> list[Match]:
        """Return what the policy does not let through in *text*, in order, without overlaps."""
        return self._texts.find(text)

    def _deadline(self) -> float:
        return time.monotonic() + self.policy.deadline_ms / 1000

    def _text(self, text: str, tally: Tally | None, deadline: float) -> str:
        if len(text) <= _SHORT:
            redacted, kinds = self._short(text)
        else:
            redacted, kinds = self._redact(text, deadline)
        if tally is not None:
            for kind in kinds:
                tally[kind] = tally.get(kind, 0) + 1
        return redacted

    def _redact(self, text: str, deadline: float | None = None) -> tuple[str, tuple[str, ...]]:
        """Return *text* redacted and the kinds found, one entry for each match."""
        limit = self.policy.max_value_chars
        if len(text) > limit:
            kept = _cut(text, limit)
            redacted, kinds = self._redact(text[:kept], deadline)
            return f"{redacted}[{len(text) - kept} MORE CHARACTERS DROPPED]", kinds
        matches = self._texts.find(text, deadline)
        if json_text.looks_like_json(text) and (matches or self._names_secret(text)):
            return self._redact_json(text, matches, deadline)
        if not matches:
            return text, ()
        return self._texts.settled(text, matches, deadline)

    def _names_secret(self, text: str) -> bool:
        return any(self._key_rule(name) is not None for name in json_text.names(text))

    def _redact_json(
        self, text: str, matches: list[Match], deadline: float | None
    ) -> tuple[str, tuple[str, ...]]:
        """Return JSON redacted so that it is still JSON, and the kinds found.

        Markers are put straight into the text where they leave it valid and no
        name in it hides a value of its own; else the document is taken apart.
        """
        replaced, kinds = self._texts.settled(text, matches, deadline)
        if json_text.is_valid(replaced) and not self._names_secret(replaced):
            return replaced, kinds
        document = json_text.parse(text)
        if document is None:
            return replaced, kinds
        tally: dict[str, int] = {}
        until = self._deadline() if deadline is None else deadline
        text = json_text.dump(self._value("", document, tally, until, 1), like=text)
        kinds = tuple(kind for kind, count in tally.items() for _ in range(count))
        # Once more over the whole: context may stand in a neighbouring field.
        # What reaches over a quote is no match: each side was searched by itself.
        rest = [
            match
            for match in self._texts.find(text, deadline)
            if '"' not in text[match.start : match.end]
        ]
        replaced, more = self._texts.settled(text, rest, deadline)
        if not rest or not json_text.is_valid(replaced):
            return text, kinds
        return replaced, (*kinds, *more)

    def _value(
        self, key: str, value: AnyValue, tally: Tally | None, deadline: float, depth: int
    ) -> AnyValue:
        if value is None or isinstance(value, (bool, float)):
            return value
        if depth > _DEEPEST:
            raise Dropped
        if time.monotonic() > deadline:
            raise DeadlineExceeded("redaction passed its deadline; drop this record's content")
        if isinstance(value, Mapping):
            return self._mapping(key, value, tally, deadline, depth)
        rule = self._key_rule(key)
        if isinstance(value, (list, tuple)):
            return self._sequence(key, value, tally, deadline, depth, ruled=rule is not None)
        if rule is not None:
            return self._by_key(rule, value, tally)
        if isinstance(value, str):
            return self._named_text(key, value, tally, deadline)
        if isinstance(value, int):
            if abs(value) < _SHORTEST_NUMBER or is_measurement(key):
                return value
            redacted = self._named_text(key, str(value), tally, deadline)
            return value if redacted == str(value) else redacted
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes(bytes(value), tally, deadline)
        return self._text(str(value), tally, deadline)

    def _mapping(
        self,
        key: str,
        mapping: Mapping[Any, AnyValue],
        tally: Tally | None,
        deadline: float,
        depth: int,
    ) -> dict[str, AnyValue]:
        result: dict[str, AnyValue] = {}
        # What is inside a secret is secret too: `{"credentials": {"user": ..., "value": ...}}`.
        prefix = f"{key}." if self._key_rule(key) is not None else ""
        for each, value in mapping.items():
            kind = type(value)
            if kind is str and type(each) is str and not prefix and len(value) <= _LONGEST_PAIR:
                pair = self._pairs.get((each, value)) or self._pair(each, value, deadline)
                if pair.name is not None:
                    result[pair.name] = pair.value
                if tally is not None:
                    for found in pair.kinds:
                        tally[found] = tally.get(found, 0) + 1
                continue
            if (
                kind is int
                and -_SHORTEST_NUMBER < value < _SHORTEST_NUMBER
                and not prefix
                and each in self._plain_names
            ):
                result[each] = value
                continue
            name = str(each)
            try:
                safe_name = self._text(name, tally, deadline) if len(name) > 5 else name
                result[safe_name] = self._value(
                    prefix + safe_name, value, tally, deadline, depth + 1
                )
            except Dropped:
                continue
            if kind is int and safe_name is each:
                self._learn_name(safe_name)
        return result

    def _pair(self, name: str, value: str, deadline: float) -> _Pair:
        """Return what becomes of a short text under its name, and remember it."""
        tally: dict[str, int] = {}
        safe_name: str | None = None
        clean: AnyValue = ""
        try:
            safe_name = self._text(name, tally, deadline) if len(name) > 5 else name
            clean = self._value(safe_name, value, tally, deadline, 1)
        except Dropped:
            safe_name = None
        kinds = tuple(kind for kind, count in tally.items() for _ in range(count))
        if len(self._pairs) >= _MAX_PAIRS:
            self._pairs.clear()  # rare, and cheaper than to keep order
        pair = self._pairs[name, value] = _Pair(safe_name, clean, kinds)
        return pair

    def _learn_name(self, name: str) -> None:
        if self._key_rule(name) is None and len(self._plain_names) < _MAX_PAIRS:
            self._plain_names.add(name)

    def _sequence(
        self,
        key: str,
        values: Sequence[AnyValue],
        tally: Tally | None,
        deadline: float,
        depth: int,
        *,
        ruled: bool,
    ) -> AnyValue:
        items = list(values)
        if not ruled and len(items) > 1 and all(type(item) is str for item in items):
            items = across_items(items, self, tally)
        result = []
        for item in items:
            try:
                result.append(self._value(key, item, tally, deadline, depth + 1))
            except Dropped:
                continue
        return tuple(result) if isinstance(values, tuple) else result

    def _key_rule(self, key: str) -> tuple[str, Action] | None:
        """Return the kind and action that the name alone decides, or None."""
        if not key or key in self._allow_keys:
            return None
        if "[" in key:
            key = MASK.sub("", key)  # a name that was redacted itself says nothing
        if self._keys:
            words = segments(key)
            for rule, action in self._keys:
                if _contains(words, rule):
                    return None if action == "allow" else ("_".join(rule), action)
        kind = secret_kind(key)
        if kind is None:
            return None
        action = self.policy.action(kind)
        return None if action == "allow" else (kind, action)

    def _by_key(self, rule: tuple[str, Action], value: AnyValue, tally: Tally | None) -> AnyValue:
        kind, action = rule
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        if not text or MASK.fullmatch(text) or PSEUDONYM.fullmatch(text):
            return value
        marker = self._texts.marker(kind, text, action)
        if tally is not None:
            tally[kind] = tally.get(kind, 0) + 1
        return marker

    def _named_text(self, key: str, text: str, tally: Tally | None, deadline: float) -> str:
        if key in self.policy.allow_keys:
            return self._partly(text, tally, deadline, lambda kind: kind in ALWAYS_REDACTED)
        if key in IDENTIFIERS:
            return self._partly(text, tally, deadline, lambda kind: kind in _IN_IDENTIFIERS)
        if key in OWN_ADDRESSES:
            return self._partly(text, tally, deadline, lambda kind: kind not in ADDRESS_KINDS)
        if key in SQL:
            text = sql_text.without_literals(text)
        elif key in URLS:
            text, removed = url_text.without_secrets(text, self.policy.allow_query)
            if removed and tally is not None:
                tally["query"] = tally.get("query", 0) + removed
            server = server_of(text)
            if server:
                return server + self._text(text[len(server) :], tally, deadline)
        if len(text) <= _LONGEST_LABELLED and label(key):
            return self._labelled(label(key), text, tally, deadline)
        return self._text(text, tally, deadline)

    def _partly(
        self, text: str, tally: Tally | None, deadline: float, looked_for: Callable[[str], bool]
    ) -> str:
        """Return *text* with only those kinds redacted that are *looked_for* under its name."""
        matches = [match for match in self._texts.find(text, deadline) if looked_for(match.kind)]
        if tally is not None:
            for match in matches:
                tally[match.kind] = tally.get(match.kind, 0) + 1
        return self._texts.replaced(text, matches) if matches else text

    def _labelled(self, name: str, text: str, tally: Tally | None, deadline: float) -> str:
        """Return a short *text* redacted as if its name stood before it, which tells more."""
        redacted = self._text(name + text, tally, deadline)
        if redacted.startswith(name):
            return redacted[len(name) :]
        return self._text(text, tally, deadline)

    def _bytes(self, value: bytes, tally: Tally | None, deadline: float) -> bytes:
        # What is not UTF-8 may still hold ASCII secrets; Latin-1 keeps each byte apart.
        try:
            text, encoding = value.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            text, encoding = value.decode("latin-1"), "latin-1"
        redacted = self._text(text, tally, deadline)
        return value if redacted == text else redacted.encode(encoding)


def _cut(text: str, limit: int) -> int:
    """Return where to cut *text*: before a word, since half a secret is not found but told.

    An eighth of the limit is left for markers longer than what they hide, so
    that what comes out is within the limit and not cut again.
    """
    limit -= max(limit // 8, 48)
    space = max(text.rfind(" ", limit - 512, limit), text.rfind("\n", limit - 512, limit))
    return space + 1 if space > 0 else limit


def _contains(words: list[str], rule: list[str]) -> bool:
    span = len(rule)
    return any(words[start : start + span] == rule for start in range(len(words) - span + 1))
