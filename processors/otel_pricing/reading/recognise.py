"""Recognition and reading of model calls; recognition runs for every span."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_pricing.model.call import ModelCall
    from otel_pricing.model.record import SpanRecord

MARKS = frozenset(
    {
        "gen_ai.operation.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "openinference.span.kind",
        "llm.request.type",
        "llm.request.model",
        "langfuse.observation.type",
        "mlflow.spanType",
        "ai.operationId",
        "span.type",
    }
)
"""Every model call has at least one of these attributes."""

_PLAIN_SCOPES = frozenset(
    f"opentelemetry.instrumentation.{name}"
    for name in (
        "aio_pika",
        "aiohttp_client",
        "aiohttp_server",
        "aiokafka",
        "aiopg",
        "asgi",
        "asyncclick",
        "asyncio",
        "asyncpg",
        "aws_lambda",
        "cassandra",
        "celery",
        "click",
        "confluent_kafka",
        "dbapi",
        "django",
        "elasticsearch",
        "falcon",
        "fastapi",
        "flask",
        "grpc",
        "httpx",
        "httpx2",
        "jinja2",
        "kafka",
        "logging",
        "mysql",
        "mysqlclient",
        "pika",
        "psycopg",
        "psycopg2",
        "pymemcache",
        "pymongo",
        "pymssql",
        "pymysql",
        "pyramid",
        "redis",
        "remoulade",
        "requests",
        "sqlalchemy",
        "sqlite3",
        "starlette",
        "system_metrics",
        "threading",
        "tornado",
        "tortoiseorm",
        "urllib",
        "urllib3",
        "wsgi",
    )
)
"""Scopes of web, database and HTTP instrumentations: known by name, so not looked into."""


def is_model_call(attributes: Mapping[str, object], scope_name: str = "") -> bool:
    """Return whether a span may be a model call: a False is never wrong, and fast.

    It runs on the application's thread for every span, so it looks only for the presence of a few
    attributes, in one pass; `read_call` interprets them.
    """
    if not reads_scope(scope_name):
        return False
    return not MARKS.isdisjoint(attributes)


def reads_scope(scope_name: str) -> bool:
    """Return whether a span of the instrumentation scope *scope_name* may be a model call."""
    return scope_name not in _PLAIN_SCOPES


def read_call(record: SpanRecord) -> ModelCall | None:
    """Return the model call that *record* describes, in whatever dialect, or None.

    Agents, tools, chains and workflows are not model calls, whatever usage they repeat. Values that
    make no sense are read as not reported; this never raises for an attribute's value.
    """
    if not is_model_call(record.attributes, record.scope_name):
        return None
    from otel_pricing.reading.dialects import DIALECTS

    dialect = next(d for d in DIALECTS if d.speaks(record))
    return dialect.read(record)
