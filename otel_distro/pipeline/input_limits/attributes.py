"""Span attributes, copied in one step if no limit applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes

from otel_distro.pipeline.input_limits.default import DEFAULT_CLEANER

if TYPE_CHECKING:
    from collections.abc import Mapping


class TolerantAttributes(BoundedAttributes):
    """Keeps the same attributes as the SDK's class, in the same order."""

    cleaner = DEFAULT_CLEANER

    def _set_items(self, attributes: Mapping[str, Any]) -> None:
        # Every span passes here, and the SDK adds one attribute at a time.
        clean = self.cleaner.clean(attributes, self.max_value_len)
        if type(clean) is not dict or self._immutable:
            super()._set_items(attributes)
            return
        unusable = len(attributes) - len(clean)
        with self._lock:
            known = self._dict
            self.dropped += unusable
            fits = self.maxlen is None or len(known) + len(clean) <= self.maxlen
            if fits and known.keys().isdisjoint(clean):
                known.update(clean)
                return
        super()._set_items(clean)
