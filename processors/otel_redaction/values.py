"""Redaction of nested values: traverses mappings and sequences, by names and content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_redaction import sql_text, url_text
from otel_redaction.patterns.keys import label
from otel_redaction.patterns.match import MASK, PSEUDONYM, Match
from otel_redaction.patterns.telemetry_keys import (
    ADDRESS_KINDS,
    IDENTIFIERS,
    OWN_ADDRESSES,
    SQL,
    URLS,
    is_measurement,
    server_of,
)
from otel_redaction.people_keys import holds_people
from otel_redaction.policy import ALWAYS_REDACTED
from otel_redaction.record import Record
from otel_redaction.recurrence import is_distinctive, with_recurrences
from otel_redaction.streams import across_items, named_value
from otel_redaction.text_redactor import Dropped, TextRedactor

if TYPE_CHECKING:
    from otel_redaction.key_rules import KeyRules
    from otel_redaction.policy import Action, Policy

AnyValue = Any
"""Allowed attribute values: text, bytes, numbers, booleans, None, sequences and mappings."""

_LONGEST_PAIR = 256
_MAX_PAIRS = 4096
_LONGEST_LABELLED = 64
_SHORTEST_NUMBER = 10**6
_DEEPEST = 24
_ROUNDS = 8
_IN_IDENTIFIERS = ALWAYS_REDACTED | {"email"}
_LONGEST_DECIMAL = 24


class _Pair(NamedTuple):
    """Result of a short text with its name."""

    name: str | None
    """None if the policy drops it."""
    value: AnyValue
    kinds: tuple[str, ...]
    """One for each match."""
    known: dict[str, str]
    """Values to hide in every occurrence, and the kind of each."""


class ValueRedactor:
    """Redacts values by their names and their content."""

    def __init__(
        self,
        policy: Policy,
        texts: TextRedactor,
        rules: KeyRules,
        redact_text: Callable[[str, Record], str],
    ) -> None:
        self.policy = policy
        self._texts = texts
        self._rules = rules
        self._text = redact_text
        self._pairs: dict[tuple[str, str, bool], _Pair] = {}
        self._plain_names: set[str] = set()

    def value(self, key: str, value: AnyValue, record: Record) -> AnyValue:
        """Return the *value* of *key*, redacted; None if the policy drops it."""
        record.people = holds_people(key, self.policy.people)
        try:
            redacted = self._value(key, value, record, 0)
            if record.known and not isinstance(value, str):
                again = self._hide_known(redacted, record)
                if again != redacted:
                    record.known = {}
                    redacted = self._value(key, again, record, 0)
        except Dropped:
            return None
        return redacted

    def attributes(self, attributes: Mapping[str, AnyValue], record: Record) -> dict[str, AnyValue]:
        """Return *attributes* with names and values redacted, without dropped ones."""
        for _ in range(_ROUNDS):
            redacted = self._mapping("", attributes, record, 0)
            if not record.known or len(redacted) < 2:
                break
            attributes = {
                name: value if name in IDENTIFIERS else self._hide_known(value, record)
                for name, value in redacted.items()
            }
            if attributes == redacted:
                break
            record.known = {}
        return redacted  # pyright: ignore[reportPossiblyUnboundVariable]

    def nested(self, document: AnyValue, record: Record) -> AnyValue:
        """Return the content of a document redacted; raise Dropped if the policy drops it."""
        redacted = self._value("", document, record, 1)
        return self._hide_known(redacted, record) if record.known else redacted

    def _hide_known(self, value: AnyValue, record: Record) -> AnyValue:
        """Return *value* with a marker for each occurrence of a value found in the record."""
        if isinstance(value, str):
            matches = with_recurrences(value, [], record.known)
            record.count([match.kind for match in matches])
            return self._texts.replaced(value, matches) if matches else value
        if isinstance(value, Mapping):
            return {name: self._hide_known(each, record) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            items = [self._hide_known(each, record) for each in value]
            return tuple(items) if isinstance(value, tuple) else items
        return value

    def _value(self, key: str, value: AnyValue, record: Record, depth: int) -> AnyValue:
        if value is None or isinstance(value, bool):
            return value
        if depth > _DEEPEST:
            raise Dropped
        record.deadline.check()
        if isinstance(value, Mapping):
            return self._mapping(key, value, record, depth)
        rule = self._rules.decide(key)
        if isinstance(value, (list, tuple)):
            return self._sequence(key, value, record, depth, ruled=rule is not None)
        if isinstance(value, float):
            return self._decimal(key, value, record)
        if rule is not None:
            return self._by_key(rule, value, record)
        if isinstance(value, str):
            redacted = self._named_text(key, value, record)
            if len(redacted) <= _LONGEST_LABELLED < len(value):
                # Only short texts are searched together with their name, which may add context.
                redacted = self._named_text(key, redacted, record)
            return redacted
        if isinstance(value, int):
            if abs(value) < _SHORTEST_NUMBER or is_measurement(key):
                return value
            redacted = self._named_text(key, str(value), record)
            return value if redacted == str(value) else redacted
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes(bytes(value), record)
        return self._text(str(value), record)

    def _decimal(self, key: str, value: float, record: Record) -> AnyValue:
        """Return a decimal number, which is sensitive only with a name such as `latitude`."""
        name = label(key)
        text = repr(value)
        if not name or len(text) > _LONGEST_DECIMAL or is_measurement(key):
            return value
        redacted = self._labelled(name, text, record)
        return value if redacted == text else redacted

    def _mapping(
        self, key: str, mapping: Mapping[Any, AnyValue], record: Record, depth: int
    ) -> dict[str, AnyValue]:
        result: dict[str, AnyValue] = {}
        # All values of a secret are secret: `{"credentials": {"user": ..., "value": ...}}`.
        prefix = f"{key}." if self._rules.decide(key) is not None else ""
        outer_people = record.people
        named = named_value(mapping, self._rules) if depth and len(mapping) > 1 else None
        for each, value in mapping.items():
            kind = type(value)
            if each == "token" and "logprob" in mapping:
                result[each] = value  # a word of a model's response, with its probability
                continue
            if named is not None and each == named[0]:
                result[each] = self._by_key(named[1], value, record)
                continue
            if not depth:
                record.people = type(each) is str and holds_people(each, self.policy.people)
            if kind is str and type(each) is str and not prefix and len(value) <= _LONGEST_PAIR:
                pair = self._pairs.get((each, value, record.people)) or self._pair(
                    each, value, record
                )
                if pair.name is not None:
                    result[pair.name] = pair.value
                if pair.kinds:
                    record.count(pair.kinds)
                    record.known.update(pair.known)
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
                safe_name = self._text(name, record) if len(name) > 5 else name
                result[safe_name] = self._value(prefix + safe_name, value, record, depth + 1)
            except Dropped:
                continue
            if kind is int and safe_name is each:
                self._learn_name(safe_name)
        record.people = outer_people
        return result

    def _pair(self, name: str, value: str, record: Record) -> _Pair:
        """Return the result of a short text with its name, and cache it."""
        tally: dict[str, int] = {}
        inner = Record(tally, record.deadline, record.people)
        safe_name: str | None = None
        clean: AnyValue = ""
        try:
            safe_name = self._text(name, inner) if len(name) > 5 else name
            clean = self._value(safe_name, value, inner, 1)
        except Dropped:
            safe_name = None
        kinds = tuple(kind for kind, count in tally.items() for _ in range(count))
        if len(self._pairs) >= _MAX_PAIRS:
            self._pairs.clear()  # rare, and cheaper than keeping the order
        pair = _Pair(safe_name, clean, kinds, inner.known)
        self._pairs[name, value, record.people] = pair
        return pair

    def _learn_name(self, name: str) -> None:
        if self._rules.decide(name) is None and len(self._plain_names) < _MAX_PAIRS:
            self._plain_names.add(name)

    def _sequence(
        self, key: str, values: Sequence[AnyValue], record: Record, depth: int, *, ruled: bool
    ) -> AnyValue:
        items = list(values)
        for _ in range(_ROUNDS):
            before = items
            if not ruled and len(items) > 1 and all(type(item) is str for item in items):
                items = across_items(items, self._texts, record)
            result = []
            for item in items:
                try:
                    result.append(self._value(key, item, record, depth + 1))
                except Dropped:
                    continue
            items = result
            # A marker in one text may uncover a match across the next ones. Inner lists repeat this
            # themselves; repeating it at each depth would double the work per level.
            if items == before or not all(type(item) is str for item in items):
                break
        return tuple(items) if isinstance(values, tuple) else items

    def _by_key(self, rule: tuple[str, Action], value: AnyValue, record: Record) -> AnyValue:
        kind, action = rule
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        if not text or MASK.fullmatch(text) or PSEUDONYM.fullmatch(text):
            return value
        marker = self._texts.marker(kind, text, action)
        record.count([kind])
        if is_distinctive(text, kind):
            record.known[text] = kind
        return marker

    def _named_text(self, key: str, text: str, record: Record) -> str:
        if key in self.policy.allow_keys:
            return self._partly(text, record, lambda kind: kind in ALWAYS_REDACTED)
        if key in IDENTIFIERS:
            return self._partly(text, record, lambda kind: kind in _IN_IDENTIFIERS)
        if key in OWN_ADDRESSES:
            return self._partly(text, record, lambda kind: kind not in ADDRESS_KINDS)
        if key in SQL:
            text = sql_text.without_literals(text)
        elif key in URLS:
            text, removed = url_text.without_secrets(text, self.policy.allow_query)
            record.count(["query"] * removed)
            server = server_of(text)
            if server:
                return server + self._text(text[len(server) :], record)
        if len(text) <= _LONGEST_LABELLED and label(key):
            return self._labelled(label(key), text, record)
        return self._text(text, record)

    def _partly(self, text: str, record: Record, looked_for: Callable[[str], bool]) -> str:
        """Return *text* with only the kinds in *looked_for* redacted."""

        def chosen(text: str) -> list[Match]:
            return [m for m in self._texts.find(text, record.deadline) if looked_for(m.kind)]

        for _ in range(_ROUNDS):
            matches = chosen(text)
            if not matches:
                break
            record.count([match.kind for match in matches])
            text = self._texts.replaced(text, matches)
        return text

    def _labelled(self, name: str, text: str, record: Record) -> str:
        """Return a short *text* redacted as if its name preceded it, which adds context."""
        for _ in range(_ROUNDS):
            redacted = self._text(name + text, record)
            if not redacted.startswith(name):
                return self._text(text, record)
            if redacted[len(name) :] == text:
                break
            text = redacted[len(name) :]
        return text

    def _bytes(self, value: bytes, record: Record) -> bytes:
        # Invalid UTF-8 may still contain ASCII secrets; Latin-1 maps each byte to one character.
        try:
            text, encoding = value.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            text, encoding = value.decode("latin-1"), "latin-1"
        redacted = self._text(text, record)
        return value if redacted == text else redacted.encode(encoding)
