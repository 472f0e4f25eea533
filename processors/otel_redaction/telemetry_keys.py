"""Attribute names with a known meaning: ids that pass, SQL texts, URLs."""

from __future__ import annotations

from otel_redaction.words import words

IDENTIFIERS = words(
    "trace_id span_id parent_id traceparent trace.id span.id service.instance.id service.version "
    "service.name service.namespace gen_ai.response.id gen_ai.request.model gen_ai.response.model "
    "gen_ai.conversation.id gen_ai.agent.id gen_ai.tool.call.id gen_ai.operation.name "
    "gen_ai.provider.name gen_ai.system telemetry.sdk.version telemetry.sdk.name "
    "telemetry.sdk.language telemetry.distro.name telemetry.distro.version process.pid thread.id "
    "container.id k8s.pod.uid k8s.node.uid host.id device.id os.version process.runtime.version "
    "code.line.number code.lineno http.response.status_code server.port client.port "
    "network.peer.port network.local.port"
)
"""Names whose values are telemetry itself; only private keys and API keys are looked for there."""

SQL = frozenset({"db.statement", "db.query.text"})
URLS = words(
    "url.full url.original url.query url.path http.url http.target "
    "http.request.header.referer http.response.header.location"
)
