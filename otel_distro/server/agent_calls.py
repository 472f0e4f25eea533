"""Model calls in log records: of coding agents, and GenAI inference events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_pricing import LogRecord, call_of_log

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.logs.v1 import logs_pb2

    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.server.received_calls import ReceivedCalls


class AgentCalls:
    """Accounts for the model calls among log records."""

    def __init__(self, calls: ReceivedCalls, internal_errors: InternalErrors) -> None:
        self._calls = calls
        self._internal_errors = internal_errors

    def log_record(
        self,
        record: logs_pb2.LogRecord,
        attributes: dict[str, Any],
        resource: dict[str, Any],
        scope: InstrumentationScope,
    ) -> None:
        """Account for the call in *record*, if there is one."""
        try:
            call = call_of_log(
                LogRecord(
                    time_ns=record.time_unix_nano or record.observed_time_unix_nano,
                    event_name=record.event_name or _event_in(record),
                    trace_id=int.from_bytes(record.trace_id, "big") or None,
                    span_id=int.from_bytes(record.span_id, "big") or None,
                    scope_name=scope.name,
                    attributes=attributes,
                    resource_attributes=resource,
                )
            )
            if call is not None:
                self._calls.call(call)
        except Exception as error:  # better a record without cost than no record
            self._internal_errors.record("account", error)


def _event_in(record: logs_pb2.LogRecord) -> str:
    # Older senders have no field for the event name and write it as the body.
    body = record.body.string_value
    return body if len(body) < 100 and " " not in body else ""
