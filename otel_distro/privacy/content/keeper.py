"""A span exporter that encrypts and stores the messages of model calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_cost_ledger.model.privacy import Pseudonyms
from otel_cost_ledger.model.rows import trace_bytes
from otel_distro.base import messages
from otel_distro.privacy.content import store
from otel_distro.privacy.content.messages import messages_in
from otel_distro.privacy.content.sealing import sealer
from otel_pricing import is_model_call
from otel_pricing.model import scope_keys
from otel_pricing.model.values import first_text
from otel_redaction.shield import OpenShield
from otel_redaction.span_view import RedactedSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_redaction.shield import Shield


class ContentKeeper(SpanExporter):
    """Stores messages, redacted and sealed, in the file at *path*.

    *shield* redacts and keeps messages; the incoming views have none. *key* returns the ledger's
    key of user pseudonyms.
    """

    def __init__(
        self, path: Path, public_key: str, shield: Shield, key: Callable[[], bytes | None]
    ) -> None:
        self._path = path
        self._seal = sealer(public_key)
        self._shield = shield
        self._key = key
        self._pseudonyms: Pseudonyms | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Seal and store the messages of the model calls among *spans*."""
        try:
            rows = [row for span in spans if (row := self._row(span)) is not None]
            if rows:
                store.write(self._path, rows)
        except Exception as error:  # noqa: BLE001 - must not raise into the app
            messages.warn_once(
                f"cannot store messages in {self._path} ({type(error).__name__}); "
                "calls and costs are not affected"
            )
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: there is nothing to close."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: nothing is buffered."""
        return True

    def _row(self, span: ReadableSpan) -> store.Sealed | None:
        if not isinstance(span, RedactedSpan) or span.context is None:
            return None
        scope = span.instrumentation_scope
        if not is_model_call(span.attributes or {}, scope.name if scope else ""):
            return None
        whole = span.seen_through(self._shield)
        messages: dict[str, Any] = messages_in(whole.attributes)
        for event in whole.events:
            if event_messages := messages_in(event.attributes):
                messages.setdefault("events", []).append({"name": event.name, **event_messages})
        if not messages:
            return None
        trace_id, span_id = trace_bytes(span.context.trace_id), span.context.span_id
        content = json.dumps({"name": whole.name, **messages}, ensure_ascii=False, default=str)
        row = store.Sealed(span.start_time or 0, span_id, trace_id, self._user(span), b"")
        sealed = self._seal(content.encode("utf-8", "replace"), row.ids)
        return store.Sealed(row.start_ns, span_id, trace_id, row.user_id, sealed)

    def _user(self, span: RedactedSpan) -> int | None:
        if self._pseudonyms is None:
            self._pseudonyms = Pseudonyms(self._key())
        # The pseudonym of the exact name, which redaction may have masked.
        exact = span.seen_through(OpenShield()).attributes or {}
        return self._pseudonyms.of("user", first_text(exact, scope_keys.USER))
