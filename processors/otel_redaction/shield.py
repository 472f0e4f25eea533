"""The fail-closed side of redaction: called by adapters, never raises.

A `Redactor` may raise (a bug of ours, a deadline passed). A `Shield` may not: on any exception
it returns the record without content and calls `on_failure`. It also caches the parts that repeat
on every span (names, resources, scopes), so that an application pays for them once.
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
"""Replaces text that was removed because it could not be proven clean."""

_KEPT_WHEN_WITHHELD = (
    "gen_ai.usage.",
    "llm.token_count.",
    "http.response.status_code",
    "http.status_code",
    "telemetry.sdk.",
    "otel_distro.",
)
"""Attributes that hold measurements, so that their numbers stay when content is withheld."""

_FIXED_WORDS = frozenset(
    {
        "gen_ai.usage.cost.currency",
        "gen_ai.usage.cost.source",
        "otel_distro.cost.status",
        "otel_distro.billing.span_id",
        "otel_distro.error.category",
    }
)
"""Attributes whose text is an id or one of a fixed set of words on any span."""

_MAX_CACHED = 1024


class _CleanResource(Resource):
    """A resource that works out its hash once: exporters ask for it with every record."""

    _hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = super().__hash__()
        return self._hash


class Shield:
    """Redacts each part of a telemetry record, or withholds it; never raises.

    With *withhold* set no content passes at all, which is how a distribution with unusable
    redaction settings runs: ids, timing, token counts and cost still leave.
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
        """Return a shield that does the same without reports, for probes."""
        return type(self)(self._redactor, withhold=self._withhold)

    def for_proof(self) -> Shield:
        """Return a shield of the same class that a policy's exceptions do not open.

        What a user lets pass is no leak. Without reports, and without the search for people,
        whose vocabularies take longer to read than the proof.
        """
        policy = replace(DEFAULT_POLICY, people="off")
        return type(self)(Redactor(policy), withhold=self._withhold)

    def name(self, text: str, signal: str) -> str:
        """Return a span, event or metric name without what it should not say."""
        known = self._names.get(text)
        if known is None:
            known = self._remember(self._names, text, self.text(text, signal))
        return known

    def label(self, text: str, signal: str) -> str:
        """Return the name of a part of the program redacted; kept where content is withheld."""
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
        """Return the body of a log record redacted; *event_name* is None where it is no event."""
        return self.value("body", body, signal)

    def attributes(self, attributes: Mapping[str, Any] | None, signal: str) -> dict[str, Any]:
        """Return redacted copies of *attributes*; the originals are not touched."""
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
        """Return attributes that accounting adds, their text redacted.

        It may quote the span: a model, a provider, the type of an error. Numbers, ids and words of
        a fixed set stay, also where content is withheld.
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
        if last is resource:  # nearly always: an app has one, and hashing it costs 10 microseconds
            return clean_last
        known = self._resources.get(resource)
        if known is None:
            # From the environment, which need not be UTF-8; it would cost every batch.
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
        # Cleared rather than evicted one by one: names with ids in them would otherwise grow
        # for ever, and a rare refill is cheaper than an update on every look-up.
        if len(cache) >= _MAX_CACHED:
            cache.clear()
        cache[key] = clean
        return clean


class OpenShield(Shield):
    """Lets everything through unchanged: redaction was switched off by the user."""

    def text(self, text: str, signal: str) -> str:
        """Return *text* as it is."""
        return text

    def value(self, key: str, value: Any, signal: str) -> Any:
        """Return *value* as it is."""
        return value

    def attributes(self, attributes: Mapping[str, Any] | None, signal: str) -> dict[str, Any]:
        """Return a plain copy of *attributes*."""
        return dict(attributes or {})


def measurements_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the attributes that are known to be measurements, never text of the user."""
    return {
        key: value
        for key, value in attributes.items()
        if key.startswith(_KEPT_WHEN_WITHHELD) and isinstance(value, int | float)
    }
