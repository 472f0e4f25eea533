"""Spans whose methods accept any value and never raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import _Span
from opentelemetry.trace import SpanContext
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.pipeline.input_limits import invalid_input as kinds
from otel_distro.pipeline.input_limits.default import DEFAULT_CLEANER

if TYPE_CHECKING:
    from types import TracebackType

# The signatures are the SDK's, with Any where an app may pass anything.
# mypy: disable-error-code="override"


class TolerantSpan(_Span):
    """A span that never raises into the app."""

    # On the class: spans are created too often for an instance attribute.
    cleaner = DEFAULT_CLEANER

    def set_attribute(self, key: Any, value: Any) -> None:
        """Set one attribute."""
        cleaner = self.cleaner
        try:
            attributes: Any = self._attributes
            if attributes.maxlen != 0 and cleaner.is_plain_pair(
                key, value, attributes.max_value_len
            ):
                # Same as the SDK's four methods, without a second check of the value.
                with self._lock:
                    if self._end_time is None:
                        with attributes._lock:
                            attributes._setitem_locked(key, value)
                        return
            known = cleaner.key(key)
            if known is not None:
                super().set_attribute(known, value)
        except Exception:
            cleaner.note(kinds.REFUSED, "set_attribute")

    def set_attributes(self, attributes: Any) -> None:
        """Set several attributes."""
        try:
            attributes = self.cleaner.attributes(attributes)
            if attributes:
                super().set_attributes(attributes)
        except Exception:
            self.cleaner.note(kinds.REFUSED, "set_attributes")

    def add_event(self, name: Any, attributes: Any = None, timestamp: Any = None) -> None:
        """Add an event."""
        cleaner = self.cleaner
        try:
            attributes = cleaner.attributes(attributes)
            super().add_event(cleaner.text(name), attributes, cleaner.time_ns(timestamp))
        except Exception:
            cleaner.note(kinds.REFUSED, "add_event")

    def add_link(self, context: Any, attributes: Any = None) -> None:
        """Add a link."""
        cleaner = self.cleaner
        try:
            if not isinstance(context, SpanContext):
                raise TypeError
            super().add_link(context, cleaner.attributes(attributes))
        except Exception:
            cleaner.note(kinds.REFUSED, "add_link")

    def update_name(self, name: Any) -> None:
        """Change the name."""
        try:
            super().update_name(self.cleaner.text(name))
        except Exception:
            self.cleaner.note(kinds.REFUSED, "update_name")

    def set_status(self, status: Any, description: Any = None) -> None:
        """Set the status."""
        cleaner = self.cleaner
        try:
            if isinstance(status, Status):
                if status.description:
                    text = cleaner.text(status.description)
                    if text is not status.description:
                        status = Status(status.status_code, text)
            elif description is not None and status is StatusCode.ERROR:
                description = cleaner.text(description)
            super().set_status(status, description)
        except Exception:
            cleaner.note(kinds.REFUSED, "set_status")

    def record_exception(
        self, exception: Any, attributes: Any = None, timestamp: Any = None, escaped: Any = False
    ) -> None:
        """Record an exception as an event."""
        try:
            attributes = self.cleaner.attributes(attributes)
            super().record_exception(exception, attributes, timestamp, escaped)
        except Exception:
            # Its text is unreadable; its type is readable.
            name = self.cleaner.text(type(exception).__qualname__)
            words = {"exception.type": name, "exception.message": self.cleaner.text(exception)}
            self.add_event("exception", words, timestamp)

    def note_exception(self, error: BaseException, *, record: bool, set_status: bool) -> None:
        """Record *error*, which ended a block under this span, as configured."""
        try:
            if not self.is_recording():
                return
            if record:
                self.record_exception(error, escaped=True)
            if set_status:
                words = f"{type(error).__name__}: {self.cleaner.text(error)}"
                self.set_status(Status(StatusCode.ERROR, words))
        except Exception:
            self.cleaner.note(kinds.REFUSED, "record_exception")

    def end(self, end_time: Any = None) -> None:
        """End the span."""
        if end_time is not None:
            end_time = self.cleaner.time_ns(end_time)
        try:
            _Span.end(self, end_time)
        except Exception:
            self.cleaner.note(kinds.REFUSED, "end")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        if error is not None:
            self.note_exception(
                error, record=self._record_exception, set_status=self._set_status_on_exception
            )
        self.end()
