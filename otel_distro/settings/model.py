"""Settings of the distribution, frozen, with defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_budget.latency import DEFAULT_LATENCY_BUDGETS, LatencyBudget
from otel_distro.export.batch_limits import DEFAULT_LIMITS, MEGABYTE, BatchLimits
from otel_distro.export.spool.limits import DEFAULT_SPOOL_LIMITS, SpoolLimits
from otel_distro.pipeline.input_limits.limits import VALUE_LIMITS, ValueLimits
from otel_redaction import DEFAULT_POLICY, Policy
from otel_trace_store.limits import DEFAULT_BYTES, DEFAULT_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from otel_budget.cost_budget import CostBudget
    from otel_cost_ledger.model.location import Location, PostgresUrl
    from otel_distro.base.errors import Problem


@dataclass(frozen=True, slots=True)
class Settings:
    """User settings. Each field is one OTEL_DISTRO_* variable or one file section."""

    strict: bool = False
    redaction: bool = True
    policy: Policy = DEFAULT_POLICY
    """Section `[redaction]` of the file, overridden by the redaction variables."""
    latency_budgets: tuple[LatencyBudget, ...] = DEFAULT_LATENCY_BUDGETS
    cost_budgets: tuple[CostBudget, ...] = ()
    """The budget of the variables, and the tables `[[budgets]]` of the file."""
    alert_urls: tuple[str, ...] = field(default=(), repr=False)
    budget_baggage: tuple[str, ...] = ()
    budget_on_fault: str = "refuse"
    budget_store: PostgresUrl | None = None
    """Shared budget store of several hosts; None for the file of this host."""
    budget_unknown_model: str | Decimal = "allow"
    budget_without_scope: str = "together"
    """Policy for calls without a value for a budget's scope: `together`, `allow` or `refuse`."""
    wire: bool = True
    wire_hosts: tuple[str, ...] = ()
    """Hosts whose model calls are observed; one with a `-` prefix is excluded."""
    model_endpoints: tuple[str, ...] = ()
    stream_usage: str = "as-is"
    """`request` adds the field that requests the usage of a stream; `as-is` changes nothing."""
    consent: bool = False
    """Whether export and storage require the user's consent."""
    do_not_track: bool = False
    """Whether the user has opted out for all programs (DO_NOT_TRACK)."""
    content: str | None = None
    content_key: str | None = field(default=None, repr=False)
    content_retention_days: int | None = None
    """None for the retention of calls."""
    baggage: tuple[str, ...] = ()
    baggage_hosts: tuple[str, ...] = ()
    """The app's own hosts, in lower case; a leading dot includes all subdomains."""
    asgi_event_spans: bool = False
    error_hooks: bool = True
    profile: str | None = None
    log_file: Path | None = None
    log_file_mb: float = 10.0
    log_file_backups: int = 5
    log_levels: tuple[tuple[str, int], ...] = ()
    health_port: int = 0
    """Port of `/healthz` on loopback; 0 for none."""
    prices: Path | None = None
    state_dir: Path = field(default_factory=Path)
    ledger: Location | None = None
    ledger_retention_days: int = 30
    exit_timeout: float = 2.0
    exit_line: bool = True
    ui_token: str | None = field(default=None, repr=False)
    forward: str | None = field(default=None, repr=False)
    """Endpoint to which the embedded collector forwards telemetry."""
    serve_token: str | None = field(default=None, repr=False)
    serve_origins: tuple[str, ...] = ()
    store_days: float = DEFAULT_DAYS
    store_mb: float = DEFAULT_BYTES / MEGABYTE
    spool: str = "undelivered"
    """`undelivered`, `everything` or `none`."""
    spool_limits: SpoolLimits = DEFAULT_SPOOL_LIMITS
    span_limits: BatchLimits = DEFAULT_LIMITS
    log_limits: BatchLimits = DEFAULT_LIMITS
    value_limits: ValueLimits = VALUE_LIMITS


@dataclass(frozen=True, slots=True)
class Loaded:
    """The readable settings, and all problems."""

    settings: Settings
    problems: tuple[Problem, ...] = ()
    section: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The parsed content of the file."""

    @property
    def withholds(self) -> bool:
        """Whether content must be withheld because the intended protection is unclear."""
        return any(problem.withholds for problem in self.problems)
