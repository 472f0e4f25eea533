"""Redacts attributes in place, with a cache of clean name-value pairs.

Most attributes of most spans repeat: names, routes, methods, statuses. Clean values are cached by
name and value, so that each costs one look-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_distro.server.otlp_values import (
    attribute_mapping,
    is_deeper,
    set_attributes,
    set_value,
)
from otel_pricing.model.scope_keys import USER
from otel_pricing.reading.recognise import MARKS
from otel_redaction.patterns.telemetry_keys import SQL
from otel_trace_store.values import value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_redaction.shield import Shield

MARK: Final = "["
"""Common prefix of all redaction markers."""
USERS: Final = frozenset(USER)
"""Attributes with a user id, which is replaced by a keyed pseudonym."""
_MOST_KEPT: Final = 32_768
_LONGEST_KEPT: Final = 256
_SMALL_NUMBER: Final = 1_000_000
"""Smaller numbers are neither card numbers nor personal identifiers."""


class AttributeRedactor:
    """Redacts lists of OTLP attributes; not thread-safe."""

    def __init__(
        self,
        shield: Shield,
        *,
        most: int,
        nesting: int,
        person: Callable[[str], str] | None = None,
    ) -> None:
        self._shield = shield
        self._probe = shield.unobserved()
        self._person = person
        self._most = most
        self._nesting = nesting
        self._known: dict[tuple[str, str], tuple[str, str] | None] = {}
        """The redacted form of a text under its name; None if unchanged."""
        self._clean_names: set[str] = set()

    def redact(self, holder: Any, field: str, signal: str) -> None:
        """Redact the attributes in *field* of *holder*; those beyond the limit are dropped."""
        pairs = getattr(holder, field)
        if len(pairs) > self._most:
            if hasattr(holder, "dropped_attributes_count"):
                holder.dropped_attributes_count += len(pairs) - self._most
            del pairs[self._most :]
        unknown, _ = self.unknown(pairs)
        if unknown:
            self.redact_pairs(pairs, unknown, signal)

    def unknown(self, pairs: Any) -> tuple[list[Any], bool]:
        """Return the pairs not known to be clean, and whether a name marks a model call."""
        known, names = self._known, self._clean_names
        values: list[Any] = []
        marked = False
        for pair in pairs:
            key, value = pair.key, pair.value
            if key in MARKS:
                marked = True
            text = value.string_value
            if text:
                if known.get((key, text), values) is not None:
                    values.append(pair)
            elif not (
                key in names
                and (
                    value.HasField("bool_value")
                    or (
                        value.HasField("int_value")
                        and -_SMALL_NUMBER < value.int_value < _SMALL_NUMBER
                    )
                )
            ):
                values.append(pair)
        return values, marked

    def redact_pairs(self, pairs: Any, unknown: list[Any], signal: str) -> None:
        """Redact *pairs*, of which *unknown* are not known to be clean.

        On a finding, all of them are redacted together: a value that is secret under one name is
        hidden wherever it recurs.
        """
        changed = False
        for pair in unknown:
            key, value = pair.key, pair.value
            redacted = self._known.get((key, value.string_value))
            if redacted is not None:
                pair.key, value.string_value = redacted
                continue
            kind = value.WhichOneof("value")
            raw = value_of(value)
            if key in USERS and self._person is not None and raw not in {None, ""}:
                value.string_value = self._person(str(raw))
                continue
            if kind in {"array_value", "kvlist_value"} and is_deeper(value, self._nesting):
                set_value(value, raw)  # deeper levels are cut off
            clean = self._probe.attributes({key: raw}, signal)
            if key in clean and clean[key] == raw and type(clean[key]) is type(raw):
                self._remember(key, kind, raw)
            elif not self._is_sql(pair, clean):
                changed = True
        if changed:
            set_attributes(pairs, self._shield.attributes(attribute_mapping(pairs)[0], signal))

    def _is_sql(self, pair: Any, clean: dict[str, Any]) -> bool:
        """Remove literals from SQL if that is the only change; return whether it was."""
        content = clean.get(pair.key)
        if pair.key not in SQL or type(content) is not str or MARK in content:
            return False
        self._keep(pair.key, pair.value.string_value, (pair.key, content))
        pair.value.string_value = content
        return True

    def append(self, pairs: Any, added: dict[str, Any], signal: str) -> None:
        """Append *added*, redacted, to *pairs*, replacing those of the same name."""
        clean = self._shield.attributes(added, signal)
        if any(pair.key in clean for pair in pairs):
            values = {pair.key: value_of(pair.value) for pair in pairs}
            set_attributes(pairs, {**values, **clean})
            return
        for key, content in clean.items():
            pair = pairs.add()
            pair.key = key
            set_value(pair.value, content)

    def _remember(self, key: str, kind: str | None, raw: Any) -> None:
        if kind == "string_value":
            if len(raw) <= _LONGEST_KEPT:
                self._keep(key, raw, None)
        elif kind in {"int_value", "bool_value"}:
            if len(self._clean_names) >= _MOST_KEPT:
                self._clean_names.clear()
            self._clean_names.add(key)

    def _keep(self, key: str, raw: str, becomes: tuple[str, str] | None) -> None:
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()  # rare, and cheaper than keeping order
        self._known[key, raw] = becomes
