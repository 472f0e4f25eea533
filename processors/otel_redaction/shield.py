"""Fail-closed redaction for adapters; never raises.

A `Redactor` may raise (an internal error, an exceeded deadline). A `Shield` does not: on any
exception it returns the record without content and calls `on_failure`. It also caches the parts
that repeat on every span (names, resources, scopes), so that they are redacted once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, TraceState
from opentelemetry.trace.status import Status

from otel_redaction.containers import RedactingDict, redacting
from otel_redaction.observers import Observer, SilentObserver
from otel_redaction.policy import DEFAULT_POLICY
from otel_redaction.redactor import Redactor
from otel_redaction.strict_text import strict_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WITHHELD = "[WITHHELD]"
"""Replaces text that could not be proven clean."""

_KEPT_WHEN_WITHHELD = (
    "gen_ai.usage.",
    "llm.token_count.",
    "http.response.status_code",
    "http.status_code",
    "telemetry.sdk.",
    "otel_distro.",
)
"""Attributes with measurements, whose numbers stay when content is withheld."""

_FIXED_WORDS = frozenset(
    {
        "gen_ai.usage.cost.currency",
        "gen_ai.usage.cost.source",
        "otel_distro.cost.status",
        "otel_distro.billing.span_id",
        "otel_distro.error.category",
    }
)
"""Attributes with an id or one of a fixed set of words on any span."""

_MAX_CACHED = 1024


class _CleanResource(Resource):
    """A resource with a cached hash, which exporters need for every record."""

    _hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = super().__hash__()
        return self._hash


class Shield:
    """Redacts each part of a telemetry record, or withholds it; never raises.

    With *withhold* no content passes at all, as with invalid redaction settings: ids, timing, token
    counts and cost are still exported.
    """

    def __init__(
        self,
        redactor: Redactor | None = None,
        *,
        observer: Observer | None = None,
        withhold: bool = False,
    ) -> None:
        self._redactor = redactor or Redactor()
        self._observer = observer or SilentObserver()
        self._withhold = withhold
        self._names: dict[str, str] = {}
        self._resources: dict[Resource, Resource] = {}
        self._last_resource = Resource({}), Resource({})
        self._scopes: dict[InstrumentationScope, InstrumentationScope] = {}

    def unobserved(self) -> Shield:
        """Return an equivalent shield without reports, for probes."""
        return type(self)(self._redactor, withhold=self._withhold)

    def for_proof(self) -> Shield:
        """Return a shield of the same class without the policy's exceptions.

        Values that a user allows are no leak. There are no reports, and no search for people,
        because loading its vocabularies takes longer than the proof.
        """
        policy = replace(DEFAULT_POLICY, people="off")
        return type(self)(Redactor(policy), withhold=self._withhold)

    def name(self, text: str, signal: str) -> str:
        """Return a span, event or metric name, redacted."""
        known = self._names.get(text)
        if known is None:
            known = self._remember(self._names, text, self.text(text, signal))
        return known

    def label(self, text: str, signal: str) -> str:
        """Return the name of a part of the program, redacted; kept when content is withheld."""
        if not text or not self._withhold:
            return text and self.name(text, signal)
        clean: str = self._guarded(signal, lambda tally: self._redactor.text(text, tally), WITHHELD)
        return clean

    def text(self, text: str, signal: str) -> str:
        """Return *text* redacted, or the withheld marker."""
        if self._withhold:
            return WITHHELD
        clean: str = self._guarded(signal, lambda tally: self._redactor.text(text, tally), WITHHELD)
        return clean

    def value(self, key: str, value: Any, signal: str) -> Any:
        """Return a log body or other free value redacted, nested values included."""
        if self._withhold:
            return WITHHELD
        return self._guarded(
            signal, lambda tally: self._redactor.value(key, value, tally), WITHHELD
        )

    def body(self, body: Any, event_name: str | None, signal: str) -> Any:
        """Return the body of a log record redacted; *event_name* is None for other records."""
        return self.value("body", body, signal)

    def attributes(self, attributes: Mapping[str, Any] | None, signal: str) -> dict[str, Any]:
        """Return redacted copies of *attributes*; the originals are unchanged."""
        if not attributes:
            return {}
        if self._withhold:
            return measurements_of(attributes)
        try:
            tally: dict[str, int] = {}
            clean = self._redactor.attributes(attributes, tally)
        except Exception as error:  # noqa: BLE001 - fail closed on any exception
            self._observer.failed(signal, error)
            return measurements_of(attributes)
        if tally:
            self._observer.redacted(signal, tally)
        return clean

    def writable(self, attributes: Mapping[str, Any] | None, signal: str) -> dict[str, Any]:
        """Return redacted copies of *attributes* that redact later assignments."""
        clean = self.attributes(attributes, signal)

        def redact(written: dict[str, Any]) -> Mapping[str, Any]:
            return {
                key: nested(key, value) for key, value in self.attributes(written, signal).items()
            }

        def nested(key: str, value: Any) -> Any:
            kind = type(value)
            if kind is str or kind is int or kind is bool or kind is float:
                return value
            return redacting(value, lambda written: self.value(key, written, signal))

        return RedactingDict({key: nested(key, value) for key, value in clean.items()}, redact)

    def facts(self, facts: Mapping[str, Any], signal: str) -> dict[str, Any]:
        """Return the attributes added by accounting, with redacted text.

        They may quote the span: a model, a provider, the type of an error. Numbers, ids and words
        of a fixed set stay, also when content is withheld.
        """
        kept: dict[str, Any] = {}
        text: dict[str, Any] = {}
        for key, value in facts.items():
            fixed = key in _FIXED_WORDS or isinstance(value, bool | int | float)
            (kept if fixed else text)[key] = value
        return {**kept, **self.attributes(text, signal)}

    def status(self, status: Status, signal: str) -> Status:
        """Return *status* with its description redacted."""
        if not status.description:
            return status
        return Status(status.status_code, self.text(status.description, signal))

    def resource(self, resource: Resource, signal: str) -> Resource:
        """Return one redacted resource per raw resource (exporters group by it)."""
        last, clean_last = self._last_resource
        if last is resource:  # the usual case: an app has one, and hashing it takes 10 microseconds
            return clean_last
        known = self._resources.get(resource)
        if known is None:
            # From the environment, which may not be UTF-8; invalid text would fail every batch.
            attributes = {
                strict_text(key): strict_text(value) if isinstance(value, str) else value
                for key, value in self.attributes(resource.attributes, signal).items()
            }
            clean = _CleanResource(attributes, self.label(resource.schema_url, signal))
            known = self._remember(self._resources, resource, clean)
        self._last_resource = resource, known
        return known

    def scope(self, scope: InstrumentationScope, signal: str) -> InstrumentationScope:
        """Return one redacted instrumentation scope per raw scope."""
        known = self._scopes.get(scope)
        if known is None:
            clean = InstrumentationScope(
                self.label(scope.name, signal),
                self.label(scope.version or "", signal) or None,
                self.label(scope.schema_url or "", signal),
                self.attributes(scope.attributes, signal) or None,
            )
            known = self._remember(self._scopes, scope, clean)
        return known

    def context(self, context: SpanContext | None, signal: str) -> SpanContext | None:
        """Return *context* with its trace state redacted and its ids unchanged; None for None."""
        if context is None or not context.trace_state:
            return context
        state = TraceState(
            [(key, self.text(value, signal)) for key, value in context.trace_state.items()]
        )
        return SpanContext(
            context.trace_id, context.span_id, context.is_remote, context.trace_flags, state
        )

    def link(self, link: Link, signal: str) -> Link:
        """Return *link* with attributes and trace state redacted."""
        clean = self.context(link.context, signal) or link.context
        return Link(clean, self.writable(link.attributes, signal))

    def _guarded(self, signal: str, work: Callable[[dict[str, int]], Any], instead: Any) -> Any:
        tally: dict[str, int] = {}
        try:
            clean = work(tally)
        except Exception as error:  # noqa: BLE001 - fail closed on any exception
            self._observer.failed(signal, error)
            return instead
        if tally:
            self._observer.redacted(signal, tally)
        return clean

    @staticmethod
    def _remember(cache: dict[Any, Any], key: Any, clean: Any) -> Any:
        # Cleared rather than evicted one by one: names with ids would grow without bound, and a
        # rare refill is cheaper than an update on every look-up.
        if len(cache) >= _MAX_CACHED:
            cache.clear()
        cache[key] = clean
        return clean


class OpenShield(Shield):
    """Returns everything unchanged, for redaction disabled by the user."""

    def text(self, text: str, signal: str) -> str:
        """Return *text* unchanged."""
        return text

    def value(self, key: str, value: Any, signal: str) -> Any:
        """Return *value* unchanged."""
        return value

    def attributes(self, attributes: Mapping[str, Any] | None, signal: str) -> dict[str, Any]:
        """Return a plain copy of *attributes*."""
        return dict(attributes or {})


def measurements_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the attributes with known measurements, never text of the user."""
    return {
        key: value
        for key, value in attributes.items()
        if key.startswith(_KEPT_WHEN_WITHHELD) and isinstance(value, int | float)
    }
