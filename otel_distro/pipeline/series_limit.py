"""Cardinality limit of metrics, as OpenTelemetry's specification requires.

The Python SDK keeps every attribute set until the process ends. An id in an attribute would fill
memory, and then the metrics store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_distro.base.messages import warn_once

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

MOST_SERIES: Final = 2_000
"""The default of the specification; the overflow series is one of them."""
OVERFLOW: Final[Mapping[str, Any]] = {"otel.metric.overflow": True}
"""Attributes of the overflow series, from the specification."""


class SeriesLimit:
    """Counts the attribute sets of each instrument; approximate under concurrency."""

    def __init__(self, most: int = MOST_SERIES) -> None:
        self._most = most
        self._known: dict[Any, set[Hashable]] = {}

    def within(
        self, instrument: Any, attributes: Mapping[str, Any], key: Hashable
    ) -> Mapping[str, Any]:
        """Return *attributes*, identified by *key*; past the limit those of the overflow."""
        known = self._known.get(instrument)
        if known is None:
            known = self._known.setdefault(instrument, set())
        if key in known:
            return attributes
        if len(known) >= self._most - 1:
            name = getattr(instrument, "name", "?")
            warn_once(
                f"metric {name} has {self._most:,} sets of attributes; others are added up "
                "under otel.metric.overflow; remove ids and texts from its attributes"
            )
            return OVERFLOW
        known.add(key)
        return attributes
