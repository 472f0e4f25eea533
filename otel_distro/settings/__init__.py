"""Everything a user can set, read once and then frozen.

The environment wins over the configuration file (`OTEL_DISTRO_CONFIG`, TOML) or the
`distribution.otel_distro` section of an OpenTelemetry declarative file; both use the same keys.
Defaults are written in the packages that own their meaning. This is the only module that reads
`os.environ`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_budget.cost_budget import DAY, Action, CostBudget
from otel_budget.latency import DEFAULT_LATENCY_BUDGETS, LatencyBudget
from otel_cost_ledger.model.state_folder import default_state_dir
from otel_distro.base.errors import Problem
from otel_distro.export.batch_limits import DEFAULT_LIMITS, MEGABYTE, BatchLimits
from otel_distro.export.spool.limits import DEFAULT_SPOOL_LIMITS, SpoolLimits
from otel_distro.pipeline.input_limits.limits import VALUE_LIMITS, ValueLimits
from otel_distro.settings import environment_variables as env
from otel_distro.settings.parsers import FALSE
from otel_distro.settings.redaction import read_policy
from otel_distro.settings.shown import shown, without_secrets, without_value
from otel_distro.settings.variables import PREFIX, VARIABLES, Variable
from otel_redaction import DEFAULT_POLICY, Policy
from otel_trace_store.limits import DEFAULT_BYTES, DEFAULT_DAYS

if TYPE_CHECKING:
    from decimal import Decimal

    from otel_cost_ledger.model.location import Location, PostgresUrl


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set. Each field is one OTEL_DISTRO_* variable or one file section."""

    strict: bool = False
    redaction: bool = True
    policy: Policy = DEFAULT_POLICY
    """Section `[redaction]` of the file, with the redaction variables laid over it."""
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
    """Hosts whose model calls are observed; one with `-` before it is left out."""
    model_endpoints: tuple[str, ...] = ()
    stream_usage: str = "as-is"
    """`request` adds the field that requests the usage of a stream; `as-is` changes nothing."""
    consent: bool = False
    """Whether nothing may leave or be stored before the user has consented."""
    do_not_track: bool = False
    """Whether the user has opted out for all programs (DO_NOT_TRACK)."""
    content: str | None = None
    content_key: str | None = field(default=None, repr=False)
    content_retention_days: int | None = None
    """None for as long as calls."""
    baggage: tuple[str, ...] = ()
    baggage_hosts: tuple[str, ...] = ()
    """Hosts of the app's own, in lower case; a leading dot includes all subdomains."""
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


_SECTIONS = {"redaction", "budgets"}  # tables of their own; redaction may be true/false

_NO_CONTENT_KEY = (
    "there is no key to encrypt content for; run `otel-distro privacy content keygen FILE` and set "
    "OTEL_DISTRO_CONTENT_KEY to what it prints"
)

DO_NOT_TRACK = "DO_NOT_TRACK"
"""The variable by which a user opts out of reports of every program of a machine."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings as far as they could be read, and every problem met on the way."""

    settings: Settings
    problems: tuple[Problem, ...] = ()
    section: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The contents of the file, as they were read."""

    @property
    def withholds(self) -> bool:
        """Whether content must be withheld because the intended protection is unclear."""
        return any(problem.withholds for problem in self.problems)


def process_environment() -> Mapping[str, str]:
    """Return the environment of this process; the one place it is read."""
    return os.environ


def writable_environment() -> MutableMapping[str, str]:
    """Return the environment of this process for setting OpenTelemetry's own defaults in it."""
    return os.environ


def load(environ: Mapping[str, str], section: Mapping[str, Any] | None = None) -> Loaded:
    """Read settings from *environ* and a file's *section*; never raises.

    A setting that cannot be used keeps its default and is reported in `problems`, all of them
    together. *section* replaces the file named by OTEL_DISTRO_CONFIG (declarative configuration).
    """
    problems: list[Problem] = []
    _report_unknown_variables(environ, problems)
    if section is None:
        section = _file_section(environ, problems)
    _report_unknown_keys(section, problems)
    values: dict[str, Any] = {}
    for variable in VARIABLES:
        raw = environ.get(variable.name, "").strip() or None
        name = variable.name
        if raw is None and variable.key in section and not _is_table(section, variable.key):
            raw, name = section[variable.key], variable.key
        if raw is None:
            continue
        try:
            values[variable.name] = variable.read(raw)
        except Exception as error:  # noqa: BLE001 - no value may end the program
            problems.append(_problem(variable, name, raw, error))
    settings = _settings(values, section, environ, problems)
    if settings.content == "full" and settings.content_key is None:
        problems.append(Problem(f"{env.OTEL_DISTRO_CONTENT}=full", _NO_CONTENT_KEY))
    return Loaded(settings, tuple(_without_secrets(problem) for problem in problems), section)


def _problem(variable: Variable, name: str, raw: object, error: Exception) -> Problem:
    reason = str(error) if isinstance(error, ValueError) else "cannot be read"
    return Problem(
        f"{name}={shown(raw, secret=variable.secret)}",
        without_value(reason, raw, secret=variable.secret),
        withholds=variable.protects,
    )


def _without_secrets(problem: Problem) -> Problem:
    name, message = without_secrets(problem.name), without_secrets(problem.message)
    return replace(problem, name=name, message=message)


def _settings(
    values: dict[str, Any],
    section: Mapping[str, Any],
    environ: Mapping[str, str],
    problems: list[Problem],
) -> Settings:
    state_dir = values.get(env.OTEL_DISTRO_STATE_DIR) or default_state_dir(environ)
    queue_mb = values.get(env.OTEL_DISTRO_QUEUE_MB)
    settings = Settings(
        state_dir=state_dir,
        ledger=state_dir / "ledger.db",
        span_limits=DEFAULT_LIMITS.with_variables(environ, "BSP").with_queue_megabytes(queue_mb),
        log_limits=DEFAULT_LIMITS.with_variables(environ, "BLRP").with_queue_megabytes(queue_mb),
        value_limits=VALUE_LIMITS.with_variables(environ),
        spool_limits=DEFAULT_SPOOL_LIMITS.with_megabytes(values.get(env.OTEL_DISTRO_SPOOL_MB)),
    )
    by_field = {
        variable.key: values[variable.name] for variable in VARIABLES if variable.name in values
    }
    known = {name: by_field[name] for name in Settings.__slots__ if name in by_field}
    if known.get("content") == "none":
        known["ledger"] = None
    # Of all settings this one protects the user most: where it may have been meant, it is.
    known.setdefault("consent", any(_is_about_consent(problem) for problem in problems))
    return replace(
        settings,
        **known,
        do_not_track=_says_yes(environ.get(DO_NOT_TRACK, "")),
        ui_token=values.get(env.OTEL_DISTRO_UI_TOKEN),
        serve_token=values.get(env.OTEL_DISTRO_SERVE_TOKEN),
        policy=_policy(values, section, problems),
        cost_budgets=_cost_budgets(values, section, problems),
    )


def _is_about_consent(problem: Problem) -> bool:
    return "consent" in str(problem).lower()


def _says_yes(text: str) -> bool:
    return text.strip().lower() not in FALSE | {""}


def _cost_budgets(
    values: dict[str, Any], section: Mapping[str, Any], problems: list[Problem]
) -> tuple[CostBudget, ...]:
    budgets: dict[str, CostBudget] = {}
    if (usd := values.get(env.OTEL_DISTRO_BUDGET_USD_PER_DAY)) is not None:
        action = Action(values.get(env.OTEL_DISTRO_BUDGET_ACTION, Action.WARN))
        budgets[DAY] = CostBudget.per_day(usd, action)
    tables = section.get("budgets", ())
    for table in tables if isinstance(tables, list | tuple) else (tables,):
        try:
            budget = CostBudget.from_mapping(table)
            if budget.name in budgets:
                raise ValueError(f"there are two budgets named {budget.name!r}")
        except ValueError as error:
            problems.append(Problem("[[budgets]]", str(error)))
        else:
            budgets[budget.name] = budget
    return tuple(budgets.values())


def _policy(values: dict[str, Any], section: Mapping[str, Any], problems: list[Problem]) -> Policy:
    try:
        return read_policy(values, section["redaction"] if _is_table(section, "redaction") else {})
    except ValueError as error:
        allowed = (env.OTEL_DISTRO_REDACTION_ALLOW_KINDS, env.OTEL_DISTRO_REDACTION_ALLOW_KEYS)
        reason = without_value(str(error), [values.get(name, ()) for name in allowed], secret=False)
        problems.append(Problem("[redaction]", reason))
        return DEFAULT_POLICY


def _file_section(environ: Mapping[str, str], problems: list[Problem]) -> Mapping[str, Any]:
    name = environ.get(env.OTEL_DISTRO_CONFIG, "").strip()
    if not name:
        return {}
    import tomllib

    text = ""
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8")
        return tomllib.loads(text)
    except OSError as error:
        reason = f"cannot read the file: {error.strerror}"
    except RuntimeError:  # of expanduser
        reason = "cannot read the file: there is no home folder for `~`; write the whole path"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        reason = f"not valid TOML: {error}"
        if "consent" in text:
            reason += "; it speaks of consent, which is required until it can be read"
    problems.append(Problem(f"{env.OTEL_DISTRO_CONFIG}={shown(name, secret=False)}", reason))
    return {}


def _report_unknown_variables(environ: Mapping[str, str], problems: list[Problem]) -> None:
    known = {variable.name for variable in VARIABLES}
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    problems += [Problem(name, _unknown("variable", name, known)) for name in unknown]


def _report_unknown_keys(section: Mapping[str, Any], problems: list[Problem]) -> None:
    known = {variable.key for variable in VARIABLES if variable.key} | _SECTIONS
    unknown = sorted(str(key) for key in section if key not in known)
    problems += [Problem(key, _unknown("key", key, known)) for key in unknown]


def _unknown(what: str, name: str, known: set[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"unknown {what}; did you mean {near[0]}?"
    return f"unknown {what}; `otel-distro doctor --settings` lists them all"


def _is_table(section: Mapping[str, Any], key: str) -> bool:
    return key in _SECTIONS and isinstance(section.get(key), Mapping)
