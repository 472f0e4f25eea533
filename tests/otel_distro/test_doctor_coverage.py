"""`doctor` shows the evidence for the calls of each provider."""

from __future__ import annotations

import sys
from collections import Counter
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from otel_cost_ledger.query.coverage import CoverageReport, ProviderCoverage
from otel_distro.reports.doctor import coverage
from otel_distro.reports.doctor.coverage import check_coverage, check_transports, described
from otel_pricing.model.instrumentations import MODEL_CLIENTS

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_a_provider_is_described_by_its_evidence() -> None:
    """Each kind, with the instrumentation of the spans."""
    line = ProviderCoverage("openai", 1200, 3, 0, 2, Counter({"their.scope": 1200}))

    assert described(line) == (
        "1,203 calls in 7 days: 1,200 on the wire and by a span, 3 on the wire only; "
        "2 answers from a cache, not billed; spans: their.scope 1,200"
    )


def test_many_providers_are_few_lines() -> None:
    """Gateways may have hundreds."""
    lines = tuple(ProviderCoverage(f"p{number}", wire_only=1) for number in range(40))

    checks = list(check_coverage(CoverageReport(lines, complete=False)))

    assert len(checks) == 14
    assert checks[-2].found == "and 28 more providers: see `otel-distro doctor --json`"


def test_an_unreadable_ledger_is_not_an_error_here() -> None:
    """The check of the ledger reports it."""
    assert list(check_coverage(None)) == []
    assert coverage.scopes_of(None) == {}


@pytest.mark.parametrize(
    ("scope", "clients"),
    [
        ("opentelemetry.instrumentation.genai.openai", ["openai"]),
        ("opentelemetry.instrumentation.openai_v2", ["openai"]),
        ("opentelemetry.instrumentation.openai.v1", ["openai"]),
        ("openinference.instrumentation.openai_agents", ["openai-agents"]),
        ("com.anthropic.sdk", ["anthropic"]),
        ("opentelemetry.instrumentation.google_genai", ["google-genai"]),
        ("openinference.instrumentation.llama_index", ["llama-index"]),
        ("otel_distro.wire", []),
        ("my.app", []),
    ],
)
def test_a_scope_is_of_the_client_that_it_names(scope: str, clients: Sequence[str]) -> None:
    """By whole words."""
    assert [client.name for client in MODEL_CLIENTS if client.makes(scope)] == clients


def test_clients_over_transports_that_are_not_observed_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With their setting for HTTP."""
    for name in ("google", "google.ai", "google.ai.generativelanguage"):
        module = ModuleType(name)
        module.__path__ = []
        spec = type(sys.__spec__)(name, None) if sys.__spec__ else None
        module.__spec__ = spec
        monkeypatch.setitem(sys.modules, name, module)

    (check,) = [check for check in check_transports() if "gRPC" in check.found]

    assert check.status == "warn"
    assert "gRPC is not observed" in check.found
