"""The table of services and the forms of their keys, made by `tools/provider_keys.py`.

It is read with the first text that has a run of letters and digits which nothing else explains.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from otel_redaction.detectors.providers import is_placeholder
from otel_redaction.patterns.lazy_pattern import lazy_pattern

ALPHABETS = {
    "d": r"[0-9]",
    "h": r"[0-9a-f]",
    "H": r"[0-9A-F]",
    "x": r"[0-9a-fA-F]",
    "l": r"[0-9a-z]",
    "u": r"[0-9A-Z]",
    "a": r"[0-9A-Za-z]",
    "w": r"[0-9A-Za-z_-]",
    "b": r"[0-9A-Za-z+/=]",
    "t": r"[0-9A-Za-z_.~+/=-]",
    "s": r"[0-9A-Za-z_.~+/=:|-]",
    "p": r"[!-~]",
}
_PIECE = lazy_pattern(r"\"([^\"]*)\"|([a-zA-Z])(\d+)(?:-(\d+))?")
# A longer value, also one with another sign in it, has another form.
_END = r"(?![0-9A-Za-z_-]|[?=!@$%^*+/~][0-9A-Za-z])"
BEGINNING = 3
"""Characters that a key with a beginning is looked up by; a shorter fixed piece is none."""
_LONG_REST = 32
_HEAD = lazy_pattern(r".*[^A-Za-z0-9_.-]")
_FEWEST_DISTINCT = 6


class Table(NamedTuple):
    """Services and the forms of their keys."""

    services: dict[bytes, tuple[str, ...]]
    """Name of a service to the forms of its keys that have no beginning of their own."""
    words: frozenset[bytes]
    """Names that are words as well, or names that are in every text about computers."""
    beginnings: dict[str, tuple[str, ...]]
    """First three characters of a key to the forms that begin so."""


@cache
def table() -> Table:
    """Return the table; read once."""
    return parsed(
        files("otel_redaction.detectors").joinpath("provider_forms.txt").read_text("ascii")
    )


def parsed(text: str) -> Table:
    """Return the table written in *text*; raise ValueError for a row without a service's name."""
    services: dict[bytes, tuple[str, ...]] = {}
    words: set[bytes] = set()
    beginnings: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line[:1] == "#":
            continue
        name, _, written = line.partition("\t")
        service = name.lstrip("~").encode()
        if not service.isalnum():
            raise ValueError(f"no name of a service: {line!r}")  # its forms would need no name
        if name[:1] == "~":
            words.add(service)
        own = []
        for form in written.split():
            if has_beginning(form):
                beginnings.setdefault(_fixed_start(form)[:BEGINNING], []).append(form)
            else:
                own.append(form)
        services[service] = tuple(own)
    return Table(
        services,
        frozenset(words),
        {start: tuple(forms) for start, forms in beginnings.items()},
    )


def has_beginning(form: str) -> bool:
    """Return whether the keys of *form* begin with what means one service without its name.

    `sk_` and `dop_v1_` do. Words begin with any three letters as well, so that those count only
    before a long rest of one length. The generator of the table decides by this function too.
    """
    fixed = _fixed_start(form)
    if len(fixed) != BEGINNING or not fixed.isalnum():
        return len(fixed) >= BEGINNING
    pieces = list(_PIECE.finditer(form, len(fixed) + 2))
    return (
        not any(piece[4] for piece in pieces)
        and sum(int(piece[3] or len(piece[1])) for piece in pieces) >= _LONG_REST
    )


def _fixed_start(form: str) -> str:
    """Return the piece that every key of *form* begins with; empty if there is none."""
    return form[1 : form.index('"', 1)] if form[0] == '"' else ""


@lru_cache(maxsize=1024)
def _compiled(forms: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(map(_expression, forms))}){_END}")


def _expression(form: str) -> str:
    parts = []
    for piece in _PIECE.finditer(form):
        if piece[1] is not None:
            parts.append(re.escape(piece[1]))
        else:
            most = f",{piece[4]}" if piece[4] else ""
            parts.append(f"{ALPHABETS[piece[2]]}{{{piece[3]}{most}}}")
    return "".join(parts)


@cache
def heads() -> dict[str, tuple[str, ...]]:
    """Return the beginnings of keys up to their last sign, such as `AstraCS:`, by that sign."""
    found: dict[str, set[str]] = {}
    for forms in table().beginnings.values():
        for form in forms:
            head = _HEAD.match(_fixed_start(form))
            if head is not None:
                found.setdefault(head.group()[-1], set()).add(head.group())
    return {sign: tuple(sorted(each, key=len, reverse=True)) for sign, each in found.items()}


def value_end(text: str, start: int, forms: tuple[str, ...]) -> int:
    """Return the end of the value of one of *forms* at *start*, or 0; a placeholder is none."""
    if not forms:
        return 0
    value = _compiled(forms).match(text, start)
    if value is None or len(set(value.group())) < _FEWEST_DISTINCT or is_placeholder(value.group()):
        return 0
    return value.end()
