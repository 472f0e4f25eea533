"""Reports unended spans at exit, because no exporter ever gets them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from otel_distro.base import formatting as figures
from otel_distro.base import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

_MAX_KNOWN: Final = 10_000
"""Number of spans tracked: an app that never ends its spans must not run out of memory."""
_MAX_NAMES: Final = 5


class OpenSpans:
    """Tracks open spans; thread-safe, because each step is one operation on a dict."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._names)

    def begin(self, span: ReadableSpan) -> None:
        """Remember that *span* has begun."""
        context = span.context
        if context is not None and len(self._names) < _MAX_KNOWN:
            self._names[context.span_id] = span.name

    def end(self, span: ReadableSpan) -> None:
        """Forget *span*: it has ended."""
        context = span.context
        if context is not None:
            self._names.pop(context.span_id, None)

    def at_fork(self) -> None:
        """Reset after fork: open spans belong to the parent."""
        self._names = {}

    def counts(self) -> Counter[str]:
        """Return the number of open spans by name, unredacted."""
        return Counter(str(name) for name in list(self._names.values()))

    def report_unended(self, clean: Callable[[str], str]) -> None:
        """Report the number and names of open spans in one line, if there are any.

        *clean* redacts a name.
        """
        counts = self.counts()
        total = counts.total()
        if not total:
            return
        named = [
            f"{figures.printable(clean(name))!r}" + (f" ({count:,})" if count > 1 else "")
            for name, count in list(counts.items())[:_MAX_NAMES]
        ]
        if len(counts) > _MAX_NAMES:
            named.append("...")
        more = "at least " if total >= _MAX_KNOWN else ""
        messages.warn(
            f"{more}{figures.counted(total, 'span')} never ended, so not exported: "
            + ", ".join(named)
        )
