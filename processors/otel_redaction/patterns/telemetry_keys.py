"""Attribute names with a known meaning: measurements, ids, server addresses, SQL, URLs."""

from __future__ import annotations

from functools import lru_cache

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.words import words

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
"""Names with telemetry as values, which are searched only for keys and e-mail addresses."""

SQL = frozenset({"db.statement", "db.query.text"})
URLS = words(
    "url.full url.original url.query url.path http.url http.target "
    "http.request.header.referer http.response.header.location "
    "gen_ai.openai.api_base llm.request.api_base openai.api_base llm.base_url gen_ai.base_url "
    "server.url"
)

OWN_ADDRESSES = words(
    "server.address server.socket.address host.ip host.mac host.name net.host.ip net.host.name "
    "net.sock.host.addr network.local.address"
)
"""Names of addresses of machines, not of people; client and peer addresses are excluded."""

ADDRESS_KINDS = frozenset({"ip_address", "mac_address"})

_SERVER = lazy_pattern(r"[A-Za-z][\w+.-]*://(?:[\d.]+|\[[\da-fA-F:.]+\])(?::\d+)?(?=[/?#]|$)")


def server_of(url: str) -> str:
    """Return scheme, host and port of *url* if the host is a bare address, else nothing."""
    found = _SERVER.match(url)
    return found.group() if found else ""


_MEASUREMENTS = ("gen_ai.usage.", "llm.token_count.")
_UNITS = words(
    "tokens count counts size bytes length duration total ms us ns seconds minutes nano_usd usd"
)


@lru_cache(maxsize=4096)
def is_measurement(name: str) -> bool:
    """Return whether a number called *name* is a count or measurement."""
    return name.startswith(_MEASUREMENTS) or name.rpartition(".")[2].rpartition("_")[2] in _UNITS
