"""Error categories of spans: an attribute on the span, and a counter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import get_meter
from opentelemetry.trace import StatusCode

from otel_distro.base import attributes as names
from otel_distro.base.error_categories import Category, categorise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.metrics import Counter
    from opentelemetry.sdk.trace import ReadableSpan

_STATUS = ("http.response.status_code", "http.status_code")
_EXCEPTION = "exception"


class SpanErrors:
    """Recognises errored spans quickly, on the app's thread."""

    def __init__(self) -> None:
        self._errors: Counter | None = None

    def of(
        self, span: ReadableSpan, facts: Callable[[], Mapping[str, Any]] | None
    ) -> Callable[[], Mapping[str, Any]] | None:
        """Return *facts*, which may be None, with the category of the error of *span* if any."""
        if not is_errored(span):
            return facts
        category = category_of(span)
        self._count(span, category)
        added = {names.ERROR_CATEGORY: category.value}
        return (lambda: added) if facts is None else lambda: {**facts(), **added}

    def _count(self, span: ReadableSpan, category: Category) -> None:
        # Created late, to use the provider that the process ends up with.
        if self._errors is None:
            self._errors = get_meter(names.METER_NAME).create_counter(
                names.ERRORS, unit="{span}", description="Spans that ended in an error"
            )
        attributes = {names.ERROR_CATEGORY: category.value}
        if error_type := _error_type(span):
            attributes[names.ERROR_TYPE] = error_type
        self._errors.add(1, attributes)


def attributes_of(span: ReadableSpan) -> Mapping[str, Any]:
    """Return the attributes of *span*, for look-ups on the app's thread only.

    The SDK's mapping runs Python code for each look-up; its storage is a plain dictionary.
    """
    attributes = span._attributes  # the property returns a proxy of a copy
    plain: Mapping[str, Any] = getattr(attributes, "_dict", attributes) or {}
    return plain


def is_errored(span: ReadableSpan) -> bool:
    """Return whether *span* ended in an error."""
    if span.status.status_code is StatusCode.ERROR:
        return True
    return names.ERROR_TYPE in attributes_of(span)


def category_of(span: ReadableSpan) -> Category:
    """Return the category of the error that *span* ended in."""
    attributes = span.attributes or {}
    status = next((v for key in _STATUS if isinstance(v := attributes.get(key), int)), None)
    category = categorise(_error_type(span), status, _message(span))
    if category is not Category.UNKNOWN:
        return category
    # `error.type` may be library-specific, and the exception is more precise.
    raised = _of_exception(span, "exception.type")
    return categorise(raised, None, "") if raised else category


def _error_type(span: ReadableSpan) -> str:
    error_type = (span.attributes or {}).get(names.ERROR_TYPE)
    return str(error_type) if error_type else _of_exception(span, "exception.type")


def _message(span: ReadableSpan) -> str:
    return _of_exception(span, "exception.message") or span.status.description or ""


def _of_exception(span: ReadableSpan, key: str) -> str:
    # The last one ended the span; earlier ones were caught inside.
    for event in reversed(span.events):
        if event.name == _EXCEPTION and event.attributes and key in event.attributes:
            return str(event.attributes[key])
    return ""
