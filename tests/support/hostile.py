"""A ledger in which every name of a span is an attack on its viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger import LatencyViolation, LedgerWriter
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

ATTACKS = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "'><svg onload=window.pwned=1>",
    "</title><script>window.pwned=1</script>",
    "javascript:window.pwned=1//",
    "{{7*7}}{% raw %}",
    "<iframe srcdoc='<script>parent.pwned=1</script>'>",
    "</option></select><script>window.pwned=1</script>",
    "<style>*{display:none}</style>",
    "\x1b]0;pwned\x07\x1b[2J\u202egnp.exe",
)
FIELDS = (
    "scope",
    "operation",
    "provider",
    "request_model",
    "response_model",
    "service_tier",
    "error_type",
    "service",
    "tenant",
    "user",
    "session",
    "agent",
    "feature_flag",
)
"""Every attribute of a call that is stored as a name."""


def write_hostile(folder: Path, now: datetime) -> Path:
    """Write calls that carry each attack in each field; return the ledger."""
    ledger = folder / "ledger.db"
    writer = LedgerWriter(ledger, pseudonym_key=b"a key of sixteen bytes")
    calls, violations = [], []
    end = int(now.timestamp()) * 10**9
    for number, attack in enumerate(ATTACKS, 1):
        names = {field: f"{attack}{field}" for field in FIELDS}
        call = ModelCall(
            trace_id=number,
            span_id=number,
            start_ns=end - number * 60 * 10**9,
            end_ns=end - number * 60 * 10**9 + 10**9,
            usage=Usage(input_tokens=10, output_tokens=5),
            **names,  # type: ignore[arg-type]
        )
        calls.append(
            PricedCall(
                call=call,
                status=CostStatus.PARTIAL,
                cost_nano_usd=number * 10**6,
                exposure_nano_usd=10**6,
                reason=f"{attack}reason",
                price_source=f"{attack}source",
                billing_reason=f"{attack}billing",
            )
        )
        violations.append(
            LatencyViolation(
                operation=f"{attack}operation",
                budget_ms=1,
                actual_ms=2,
                at_ns=call.end_ns,
                trace_id=number,
                span_id=number,
            )
        )
    writer.write(calls)
    writer.record_violations(violations)
    writer.shutdown()
    return ledger
