"""Policies in the `[redaction]` table of a settings file."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from otel_redaction.patterns.match import KINDS
from otel_redaction.policy import ACTIONS, PEOPLE, Action, Policy, PolicyError
from otel_redaction.rules import Rule, RuleError

_FIELDS = (
    "default",
    "kinds",
    "keys",
    "allow_keys",
    "allow_values",
    "allow_query",
    "rules",
    "people",
    "max_value_chars",
    "deadline_ms",
)


def policy_from(mapping: Mapping[str, Any]) -> Policy:
    """Return the policy in *mapping*, or raise PolicyError with every problem."""
    reader = _Reader()
    for name in mapping:
        if name not in _FIELDS:
            reader.problem(f"unknown setting {name!r}{_nearest(str(name), _FIELDS)}")
    defaults = Policy()
    rules = reader.rules(mapping.get("rules", []))
    kinds = (*KINDS, *(rule.kind for rule in rules))
    values = {
        "default": reader.action("default", mapping.get("default", defaults.default)),
        "kinds": reader.actions("kinds", mapping.get("kinds", {}), known=kinds),
        "keys": reader.actions("keys", mapping.get("keys", {}), known=None),
        "allow_keys": reader.names("allow_keys", mapping.get("allow_keys", [])),
        "allow_values": reader.names("allow_values", mapping.get("allow_values", [])),
        "allow_query": reader.names("allow_query", mapping.get("allow_query", [])),
        "rules": tuple(rules),
        "people": reader.choice("people", mapping.get("people", defaults.people), PEOPLE),
        "max_value_chars": int(
            reader.number("max_value_chars", mapping, defaults.max_value_chars, least=256)
        ),
        "deadline_ms": reader.number("deadline_ms", mapping, defaults.deadline_ms, least=1),
    }
    if reader.problems:
        lines = "\n".join(f"  redaction: {problem}" for problem in reader.problems)
        settings = "setting" if len(reader.problems) == 1 else "settings"
        raise PolicyError(f"{len(reader.problems)} redaction {settings} cannot be used\n{lines}")
    return Policy(**cast("dict[str, Any]", values))


class _Reader:
    """Reads one value at a time and collects their problems."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def problem(self, text: str) -> None:
        self.problems.append(text)

    def action(self, where: str, value: object) -> Action:
        if value in ACTIONS:
            return cast("Action", value)
        self.problem(
            f"{where} = {value!r} is not an action{_nearest(str(value), ACTIONS)}; "
            f"choose from {', '.join(ACTIONS)}"
        )
        return "mask"

    def choice(self, where: str, value: object, allowed: tuple[str, ...]) -> str:
        if value in allowed:
            return str(value)
        self.problem(
            f"{where} = {value!r} is unknown{_nearest(str(value), allowed)}; "
            f"choose from {', '.join(allowed)}"
        )
        return allowed[0]

    def actions(
        self, where: str, value: object, known: tuple[str, ...] | None
    ) -> dict[str, Action]:
        if not isinstance(value, Mapping):
            self.problem(f"{where} must be a table of names and actions, got {value!r}")
            return {}
        for name in value:
            if known is not None and name not in known:
                self.problem(f"{where}: unknown kind {name!r}{_nearest(str(name), known)}")
        return {str(name): self.action(f"{where}.{name}", action) for name, action in value.items()}

    def names(self, where: str, value: object) -> frozenset[str]:
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return frozenset(value)
        self.problem(f"{where} must be a list of texts, got {value!r}")
        return frozenset()

    def number(
        self, where: str, mapping: Mapping[str, Any], default: float, *, least: float
    ) -> float:
        value = mapping.get(where, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= least:
            return value
        self.problem(f"{where} = {value!r} must be a number of at least {least}")
        return default

    def rules(self, value: object) -> list[Rule]:
        if not isinstance(value, (list, tuple)):
            self.problem(f"rules must be a list of tables, got {value!r}")
            return []
        rules = []
        for number, item in enumerate(value, start=1):
            try:
                rules.append(_rule(item))
            except RuleError as error:
                self.problem(f"rules, number {number}: {error}")
        return rules


def _rule(item: object) -> Rule:
    if not isinstance(item, Mapping):
        raise RuleError(f"must be a table with kind and pattern, got {item!r}")
    for name in item:
        if name not in {"kind", "pattern"}:
            raise RuleError(f"unknown setting {name!r}{_nearest(str(name), ('kind', 'pattern'))}")
    kind, pattern = item.get("kind"), item.get("pattern")
    if not isinstance(kind, str) or not isinstance(pattern, str):
        raise RuleError("needs kind and pattern, both texts")
    return Rule.parse(kind, pattern)


def _nearest(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
