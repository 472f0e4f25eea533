"""Exporter names in OTEL_*_EXPORTER: one wrong name must not disable all three signals."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from opentelemetry.util._importlib_metadata import entry_points

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

_SIGNALS = ("traces", "metrics", "logs")
_BUILT_IN = frozenset({"otlp", "none"})
"""Names the SDK itself translates."""


def drop_unknown_exporters(environ: MutableMapping[str, str]) -> Iterator[str]:
    """Remove names of exporters that are not installed from *environ*; yield a message for each.

    `none` beside other names is removed too: the SDK would disable everything otherwise.
    """
    for signal in _SIGNALS:
        variable = f"OTEL_{signal.upper()}_EXPORTER"
        chosen = [name for part in environ.get(variable, "").split(",") if (name := part.strip())]
        if not set(chosen) - _BUILT_IN and "none" not in chosen[1:]:
            continue
        known = {entry.name for entry in entry_points(group=f"opentelemetry_{signal}_exporter")}
        usable = [name for name in chosen if name in known | {"otlp"}]
        if len(usable) == len(chosen):
            continue
        environ[variable] = ",".join(usable) or "none"
        for name in chosen:
            if name not in usable and name != "none":
                yield _complaint(variable, name, known)


def _complaint(variable: str, name: str, known: set[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"installed are {', '.join(sorted(known))}"
    return (
        f"{variable} names an exporter that is not installed: {name!r}; {hint}; the others are used"
    )
