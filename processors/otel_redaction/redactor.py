"""Redaction of texts, nested attribute values and attribute mappings under a policy."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from otel_redaction import json_text
from otel_redaction.key_rules import KeyRules
from otel_redaction.patterns.deadline import Deadline
from otel_redaction.policy import DEFAULT_POLICY, Policy
from otel_redaction.record import Record, Tally
from otel_redaction.recurrence import recurring
from otel_redaction.streams import STREAM_STARTS, across_deltas
from otel_redaction.text_redactor import Dropped, TextRedactor
from otel_redaction.values import AnyValue, ValueRedactor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_redaction.patterns.match import Match

_SHORT = 1024
_SETTLED_BY_REPEATING = 2048
_ROUNDS = 8


class _Clean(NamedTuple):
    """A redacted text, the kinds found, and the values to hide in every occurrence."""

    text: str
    kinds: tuple[str, ...]
    """One for each match."""
    known: dict[str, str]


class Redactor:
    """Redacts under one policy.

    Thread-safe and fork-safe: it has only the policy and caches of short texts.
    """

    def __init__(self, policy: Policy = DEFAULT_POLICY) -> None:
        self.policy = policy
        self._texts = TextRedactor(policy)
        self._rules = KeyRules(policy)
        self._values = ValueRedactor(policy, self._texts, self._rules, self._text)
        self._short = lru_cache(maxsize=4096)(self._redact)

    def text(self, text: str, tally: Tally | None = None, *, content: bool = False) -> str:
        """Return *text* redacted; empty if the policy drops a match.

        *content* marks text that people write or read, such as a prompt or a log body, which is
        searched for people as well.
        """
        record = self._record(tally)
        record.people = self.policy.people == "all" or (content and self.policy.people == "content")
        try:
            return self._text(text, record)
        except Dropped:
            return ""

    def value(self, key: str, value: AnyValue, tally: Tally | None = None) -> AnyValue:
        """Return the *value* of *key*, redacted; None if the policy drops it."""
        return self._values.value(key, value, self._record(tally))

    def attributes(
        self, attributes: Mapping[str, AnyValue], tally: Tally | None = None
    ) -> dict[str, AnyValue]:
        """Return *attributes* with names and values redacted, without those that the policy drops.

        Raises DeadlineExceeded if the record takes longer than the policy allows; then its content
        must be dropped.
        """
        return self._values.attributes(attributes, self._record(tally))

    def find(self, text: str, *, content: bool = False) -> list[Match]:
        """Return the matches in *text* that the policy hides, in order, without overlaps.

        *content* is as for `text`.
        """
        people = self.policy.people == "all" or (content and self.policy.people == "content")
        return self._texts.find(text, people=people)

    def _record(self, tally: Tally | None) -> Record:
        return Record(tally, Deadline(self.policy.deadline_ms / 1000), people=False)

    def _text(self, text: str, record: Record) -> str:
        if len(text) <= _SHORT:
            clean = self._short(text, people=record.people)
        else:
            clean = self._redact(text, people=record.people, deadline=record.deadline)
        if clean.kinds:
            record.count(clean.kinds)
            record.known.update(clean.known)
        return clean.text

    def _redact(self, text: str, *, people: bool, deadline: Deadline | None = None) -> _Clean:
        limit = self.policy.max_value_chars
        if len(text) > limit:
            kept = _cut(text, limit)
            clean = self._redact(text[:kept], people=people, deadline=deadline)
            return clean._replace(text=f"{clean.text}[{len(text) - kept} MORE CHARACTERS DROPPED]")
        if '"delta"' in text or text[:5] in STREAM_STARTS:
            whole, kinds = self._redact_stream(text, people=people, deadline=deadline)
            if kinds:
                clean = self._redact_whole(whole, people=people, deadline=deadline)
                return clean._replace(kinds=kinds + clean.kinds)
        return self._redact_whole(text, people=people, deadline=deadline)

    def _redact_stream(
        self, text: str, *, people: bool, deadline: Deadline | None
    ) -> tuple[str, tuple[str, ...]]:
        """Return *text* without the matches across the events in it, and their kinds."""
        tally: dict[str, int] = {}
        until = self._record(None).deadline if deadline is None else deadline
        for _ in range(_ROUNDS):
            before = text
            text = across_deltas(text, self._texts, Record(tally, until, people))
            if text == before:
                break
        return text, tuple(kind for kind, count in tally.items() for _ in range(count))

    def _redact_whole(self, text: str, *, people: bool, deadline: Deadline | None) -> _Clean:
        if not json_text.looks_like_json(text):
            return self._redact_text(text, people=people, deadline=deadline)
        # One pass may turn the rest into a document of another structure.
        clean = self._redact_document(text, people=people, deadline=deadline)
        for _ in range(_ROUNDS):
            if len(text) > _SETTLED_BY_REPEATING or clean.text == text:
                break
            text = clean.text
            again = self._redact_document(text, people=people, deadline=deadline)
            clean = _Clean(again.text, clean.kinds + again.kinds, clean.known)
        return clean

    def _redact_text(self, text: str, *, people: bool, deadline: Deadline | None) -> _Clean:
        matches = self._texts.find(text, deadline, people=people)
        if not matches:
            return _Clean(text, (), {})
        replaced, kinds = self._texts.redact_until_stable(text, matches, deadline, people=people)
        return _Clean(replaced, kinds, recurring(text, matches))

    def _redact_document(self, text: str, *, people: bool, deadline: Deadline | None) -> _Clean:
        matches = self._texts.find(text, deadline, people=people)
        if matches or self._names_secret(text):
            return self._redact_json(text, matches, people=people, deadline=deadline)
        return _Clean(text, (), {})

    def _names_secret(self, text: str) -> bool:
        return any(self._rules.decide(name) is not None for name in json_text.names(text))

    def _redact_json(
        self, text: str, matches: list[Match], *, people: bool, deadline: Deadline | None
    ) -> _Clean:
        """Return JSON redacted so that it is still JSON.

        Markers are written directly into the text if it stays valid and no name in it hides a value
        by itself; otherwise the document is parsed.
        """
        known = recurring(text, matches)
        replaced, kinds = self._texts.redact_until_stable(text, matches, deadline, people=people)
        if json_text.is_valid(replaced) and not self._names_secret(replaced):
            return _Clean(replaced, kinds, known)
        document = json_text.parse(text)
        if document is None:
            return _Clean(replaced, kinds, known)
        tally: dict[str, int] = {}
        until = self._record(None).deadline if deadline is None else deadline
        record = Record(tally, until, people, known)
        text = json_text.dump(self._values.nested(document, record), like=text)
        kinds = tuple(kind for kind, count in tally.items() for _ in range(count))
        # Another pass over the whole: the context may be in a neighbouring field.
        # A match across a quote is ignored: each side was searched separately.
        rest = [
            match
            for match in self._texts.find(text, deadline, people=people)
            if '"' not in text[match.start : match.end]
        ]
        replaced, more = self._texts.redact_until_stable(text, rest, deadline, people=people)
        if not rest or not json_text.is_valid(replaced):
            return _Clean(text, kinds, known)
        return _Clean(replaced, (*kinds, *more), known)


def _cut(text: str, limit: int) -> int:
    """Return the position to cut *text*: before a word, since half a secret would be revealed.

    An eighth of the limit is left for markers longer than their values, so that the result is
    within the limit and not cut again.
    """
    limit -= max(limit // 8, 48)
    space = max(text.rfind(" ", limit - 512, limit), text.rfind("\n", limit - 512, limit))
    return space + 1 if space > 0 else limit


__all__ = ["AnyValue", "Redactor"]
