"""The table of environment variables: field, parser and meaning of each.

The settings table of the documents is generated from it, and `otel-distro doctor --settings` prints
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_budget.latency import DEFAULT_LATENCY_BUDGETS
from otel_distro.export.batch_limits import DEFAULT_LIMITS, MEGABYTE
from otel_distro.export.spool.limits import DEFAULT_SPOOL_LIMITS
from otel_distro.settings import environment_variables as env
from otel_distro.settings import parsers as parse
from otel_redaction import DEFAULT_POLICY, PEOPLE
from otel_trace_store.limits import DEFAULT_BYTES, DEFAULT_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "OTEL_DISTRO_"
"""Prefix of all our variables; an unlisted variable with it is reported."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: field, parser and meaning."""

    name: str
    key: str
    """The setting's key in the file."""
    read: Callable[[object], Any]
    meaning: str
    default: str
    example: str
    protects: bool = False
    """Whether an invalid value withholds content, because protection was intended."""
    secret: bool = False
    """Whether the value is, or is likely to be by mistake, a secret; it is never printed."""


VARIABLES: tuple[Variable, ...] = (
    Variable(
        env.OTEL_DISTRO_CONFIG,
        "",
        parse.path,
        "TOML file with structured settings; its keys are those of this table in lower case "
        "without the prefix, and the sections `[redaction]`, `[[budgets]]` and "
        "`[[latency_budgets]]`",
        "none",
        "/etc/otel-distro.toml",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_STRICT,
        "strict",
        parse.boolean,
        "end the process with code 78 when a setting cannot be used or the guard cannot be "
        "installed, instead of running the app and withholding content",
        "false",
        "true",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_REDACTION,
        "redaction",
        parse.boolean,
        "redact PII and secrets before any exporter sees them",
        "true",
        "false",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_REDACTION_ALLOW_KINDS,
        "redaction_allow_kinds",
        parse.names,
        "comma-separated kinds of PII that are not redacted",
        "none",
        "ip_address,mac_address",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_REDACTION_ALLOW_KEYS,
        "redaction_allow_keys",
        parse.names,
        "attribute keys whose values are never redacted, separated by commas",
        "none",
        "app.build_id",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_REDACTION_PEOPLE,
        "redaction_people",
        parse.choice(*PEOPLE),
        "where names of persons, addresses and health are redacted: `content` is prompts, answers, "
        "tool arguments and log bodies; `all` adds every attribute whose values the conventions do "
        "not define",
        DEFAULT_POLICY.people,
        "all",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_PSEUDONYM_KEY,
        "",
        str,
        "key of keyed pseudonyms, at least 16 bytes; without one values are masked",
        "none",
        "(32 random characters)",
        protects=True,
        secret=True,
    ),
    Variable(
        env.OTEL_DISTRO_PSEUDONYM_KEY_FILE,
        "pseudonym_key_file",
        parse.path,
        "file with the key of keyed pseudonyms",
        "none",
        "/run/secrets/pseudonym.key",
        protects=True,
        secret=True,  # it may be the key itself by mistake
    ),
    Variable(
        env.OTEL_DISTRO_CONSENT,
        "consent",
        parse.consent,
        "`required`: nothing leaves and no call is stored before the user has consented "
        "(`otel-distro privacy consent`); DO_NOT_TRACK=1 always counts as refused",
        "not_required",
        "required",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_CONTENT,
        "content",
        parse.choice("none", "metadata", "full"),
        "stored content of model calls: `none` stores no call, `metadata` numbers and names, "
        "`full` also messages, redacted and encrypted for OTEL_DISTRO_CONTENT_KEY; with any of "
        "the three, messages are not exported",
        "numbers and names; captured messages are exported, redacted",
        "metadata",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_CONTENT_KEY,
        "content_key",
        parse.content_key,
        "public key printed by `otel-distro privacy content keygen`; only the user's private key "
        "can decrypt messages stored under `full`",
        "none",
        "otc1Yk3q...",
        protects=True,
        secret=True,  # it may be the private half by mistake
    ),
    Variable(
        env.OTEL_DISTRO_CONTENT_RETENTION_DAYS,
        "content_retention_days",
        parse.whole_number(least=1, most=36500, example="7"),
        "days for which stored messages are kept",
        "those of OTEL_DISTRO_LEDGER_RETENTION_DAYS",
        "7",
    ),
    Variable(
        env.OTEL_DISTRO_LATENCY_BUDGETS,
        "latency_budgets",
        parse.latency_budgets,
        "latency budgets in milliseconds by span name pattern",
        ", ".join(f"{b.operation}={b.ms:g}" for b in DEFAULT_LATENCY_BUDGETS),
        "chat *=5000,search_operation=2000",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_ALERT_URLS,
        "alert_urls",
        parse.names,
        "comma-separated apprise URLs to which `otel-distro reports alerts` sends messages",
        "none",
        "slack://TOKEN/#ops",
        secret=True,
    ),
    Variable(
        env.OTEL_DISTRO_HEALTH_PORT,
        "health_port",
        parse.whole_number(least=0, most=65535, example="13133"),
        "port on 127.0.0.1 on which the app serves `/healthz`, with the checks of `otel-distro "
        "reports health`",
        "none",
        "13133",
    ),
    Variable(
        env.OTEL_DISTRO_BUDGET_USD_PER_DAY,
        "budget_usd_per_day",
        parse.usd,
        "limit in US dollars for the model calls of this host per day (UTC); more budgets under "
        "`[[budgets]]` in the file",
        "no limit",
        "5",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_BUDGET_ACTION,
        "budget_action",
        parse.choice("warn", "refuse"),
        "`warn` reports when the budget is spent, `refuse` answers further calls with HTTP 402 "
        "before they are sent",
        "warn",
        "refuse",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_BUDGET_BAGGAGE,
        "budget_baggage",
        parse.names,
        "comma-separated baggage keys that are trusted as the scope of a call; baggage may come "
        "from outside",
        "none",
        "tenant.id,user.id",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_BUDGET_ON_FAULT,
        "budget_on_fault",
        parse.choice("allow", "refuse"),
        "policy for calls under a budget that refuses while its file cannot be used",
        "refuse",
        "allow",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_BUDGET_STORE,
        "budget_store",
        parse.budget_store,
        "shared store of budgets: `file` for the processes of this host, or "
        "`postgresql://user@host/database` for several hosts",
        "file",
        "postgresql://otel@db.internal/budgets",
        protects=True,
        secret=True,  # a URL may hold a password
    ),
    Variable(
        env.OTEL_DISTRO_BUDGET_UNKNOWN_MODEL,
        "budget_unknown_model",
        parse.unknown_model,
        "calls of models without a known price, under a budget that refuses: `allow`, `deny`, "
        "or a price to assume in US dollars per million tokens",
        "allow",
        "15",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_BUDGET_WITHOUT_SCOPE,
        "budget_without_scope",
        parse.choice("together", "allow", "refuse"),
        "calls without a value for the scope of a budget (no tenant under a budget per tenant): "
        "`together` gives all of them one account with the same limit, `allow` does not count "
        "them, `refuse` answers them with HTTP 402",
        "together",
        "refuse",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_WIRE,
        "wire",
        parse.boolean,
        "observe requests to model endpoints in HTTP clients: units, model, times and outcome, "
        "never text",
        "on",
        "off",
    ),
    Variable(
        env.OTEL_DISTRO_WIRE_HOSTS,
        "wire_hosts",
        parse.names,
        "comma-separated hosts whose model calls are observed, with their subdomains; a `-` "
        "prefix excludes a host",
        "all",
        "api.openai.com,-localhost",
    ),
    Variable(
        env.OTEL_DISTRO_MODEL_ENDPOINTS,
        "model_endpoints",
        parse.names,
        "comma-separated hosts, or hosts with a path prefix, whose POST requests are all model "
        "calls: your own gateways",
        "none",
        "llm.internal/ask",
    ),
    Variable(
        env.OTEL_DISTRO_STREAM_USAGE,
        "stream_usage",
        parse.choice("as-is", "request"),
        "streams of chat completions without usage: `as-is` estimates them, `request` adds "
        "`stream_options.include_usage` to the request (httpx, urllib3, aiohttp; known providers) "
        "and removes the added chunk from the app's response",
        "as-is",
        "request",
    ),
    Variable(
        env.OTEL_DISTRO_BAGGAGE,
        "baggage",
        parse.baggage_keys,
        "which of session.id, user.id, tenant.id, feature_flag.key and "
        "feature_flag.result.variant are sent as baggage to every host except model endpoints, "
        "and are trusted in incoming baggage",
        "none",
        "session.id,user.id,tenant.id",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_BAGGAGE_HOSTS,
        "baggage_hosts",
        parse.host_names,
        "comma-separated hosts of your own on the Internet that get baggage and trace state "
        "unchanged; `.example.com` includes all subdomains; hosts in private networks need not be "
        "listed",
        "none",
        "api.shop.example,.internal.shop.example",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_ASGI_EVENT_SPANS,
        "asgi_event_spans",
        parse.boolean,
        "also emit a span for each message of a request to an ASGI app, as upstream does: one for "
        "every chunk of a streamed response",
        "false",
        "true",
    ),
    Variable(
        env.OTEL_DISTRO_ERROR_HOOKS,
        "error_hooks",
        parse.boolean,
        "report uncaught exceptions of the main program, threads and asyncio tasks",
        "true",
        "false",
    ),
    Variable(
        env.OTEL_DISTRO_PROFILE,
        "profile",
        parse.choice("dev", "test", "prod"),
        "log lines on stderr beside the app's own handlers: `dev` readable from DEBUG on, `test` "
        "warnings only, `prod` one line of JSON each from INFO on",
        "none",
        "dev",
    ),
    Variable(
        env.OTEL_DISTRO_LOG_FILE,
        "log_file",
        parse.path,
        "file for redacted log records as JSON lines; older ones are rotated and compressed",
        "none",
        "logs/app.jsonl",
    ),
    Variable(
        env.OTEL_DISTRO_LOG_FILE_MB,
        "log_file_mb",
        parse.number(least=0.001, most=10_000, example="10"),
        "megabytes after which the log file is rotated; it is also rotated daily",
        "10",
        "50",
    ),
    Variable(
        env.OTEL_DISTRO_LOG_FILE_BACKUPS,
        "log_file_backups",
        parse.whole_number(least=0, most=1000, example="5"),
        "number of rotated log files that are kept",
        "5",
        "14",
    ),
    Variable(
        env.OTEL_DISTRO_LOG_LEVELS,
        "log_levels",
        parse.log_levels,
        "minimum severity by logger; no record is created below it",
        "none",
        "httpx=warning,shop.cart=debug",
    ),
    Variable(
        env.OTEL_DISTRO_PRICES,
        "prices",
        parse.path,
        "file of your own prices, used before the built-in ones",
        "none",
        "/etc/prices.toml",
    ),
    Variable(
        env.OTEL_DISTRO_STATE_DIR,
        "state_dir",
        parse.path,
        "folder of all files that are kept on disk",
        "$XDG_STATE_HOME/otel-distro",
        "/var/lib/myapp/otel-distro",
    ),
    Variable(
        env.OTEL_DISTRO_LEDGER,
        "ledger",
        parse.ledger,
        "cost ledger: a file, `postgresql://user@host/database`, `clickhouse://user@host/database`"
        " (read only: a Collector fills it), or `none` to keep no ledger",
        "ledger.db in the state folder",
        "/var/lib/myapp/ledger.db",
        secret=True,  # a URL may hold a password
    ),
    Variable(
        env.OTEL_DISTRO_LEDGER_RETENTION_DAYS,
        "ledger_retention_days",
        parse.whole_number(least=1, most=36500, example="30"),
        "days for which single calls are kept; daily totals are kept forever",
        "30",
        "90",
    ),
    Variable(
        env.OTEL_DISTRO_EXIT_TIMEOUT,
        "exit_timeout",
        parse.number(least=0, most=30, example="2"),
        "seconds that the process may wait at exit to deliver queued telemetry",
        "2",
        "0.5",
    ),
    Variable(
        env.OTEL_DISTRO_EXIT_LINE,
        "exit_line",
        parse.boolean,
        "print one line to stderr at exit if a model was called: calls, tokens, cost, p95, "
        "budget left, where it is stored",
        "true",
        "false",
    ),
    Variable(
        env.OTEL_DISTRO_UI_TOKEN,
        "",
        str,
        "token that `otel-distro ui` requires; without one the page is served on loopback only",
        "none",
        "(32 random characters)",
        secret=True,
    ),
    Variable(
        env.OTEL_DISTRO_FORWARD,
        "forward",
        str,
        "OTLP/HTTP endpoint to which `otel-distro serve` forwards received telemetry, redacted",
        "none",
        "http://collector.internal:4318",
        secret=True,  # a URL may hold a password
    ),
    Variable(
        env.OTEL_DISTRO_SERVE_TOKEN,
        "",
        str,
        "bearer token that senders to `otel-distro serve` need; without one it "
        "receives on loopback only",
        "none",
        "(32 random characters)",
        secret=True,
    ),
    Variable(
        env.OTEL_DISTRO_SERVE_ORIGINS,
        "serve_origins",
        parse.names,
        "origins whose web pages may send to `otel-distro serve`, separated by commas",
        "none",
        "http://localhost:3000",
        protects=True,
    ),
    Variable(
        env.OTEL_DISTRO_STORE_DAYS,
        "store_days",
        parse.number(least=0.01, most=3650, example="7"),
        "days for which `otel-distro serve` keeps spans, log records and metrics",
        f"{DEFAULT_DAYS}",
        "30",
    ),
    Variable(
        env.OTEL_DISTRO_STORE_MB,
        "store_mb",
        parse.number(least=16, most=10_000_000, example="4096"),
        "limit in megabytes of spans, log records and metrics on disk; the oldest are removed "
        "first",
        f"{DEFAULT_BYTES // MEGABYTE}",
        "20000",
    ),
    Variable(
        env.OTEL_DISTRO_QUEUE_MB,
        "queue_mb",
        parse.number(least=1, most=4096, example="64"),
        "limit in megabytes of memory for queued spans, and the same for log records",
        f"{DEFAULT_LIMITS.max_queue_bytes // MEGABYTE}",
        "16",
    ),
    Variable(
        env.OTEL_DISTRO_SPOOL,
        "spool",
        parse.choice("undelivered", "everything", "none"),
        "telemetry written to disk, redacted, to be sent later: `undelivered`, or `everything` "
        "when its span ends, so that kill -9 loses nothing, or `none`",
        "undelivered",
        "everything",
    ),
    Variable(
        env.OTEL_DISTRO_SPOOL_MB,
        "spool_mb",
        parse.number(least=1, most=1_000_000, example="64"),
        "megabytes on disk of undelivered telemetry per signal of an app; the oldest goes first",
        f"{DEFAULT_SPOOL_LIMITS.max_bytes // MEGABYTE}",
        "512",
    ),
)
