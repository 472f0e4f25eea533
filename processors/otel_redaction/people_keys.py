"""Attributes with human text, which are searched for names of persons."""

from __future__ import annotations

from functools import lru_cache

from otel_redaction.patterns.keys import segments
from otel_redaction.patterns.telemetry_keys import IDENTIFIERS, OWN_ADDRESSES, SQL, URLS
from otel_redaction.patterns.words import words

# Names of prompts, responses, tool arguments and log bodies in instrumentations.
_CONTENT = words(
    "prompt prompts completion completions message messages content contents body input output "
    "inputs outputs text instructions arguments result results response transcript question answer "
    "query description comment comments note notes summary document documents reasoning "
    "thinking chunk chunks user_input reply feedback review subject"
)
# Last segments that change the meaning of a name: `prompt.tokens` is no prompt.
_ABOUT = words(
    "id ids model models name role type kind count tokens token size length duration ms cost usd "
    "version index status code format mime encoding language choice choices reason reasons "
    "provider system temperature p k penalty seed limit total latency time timestamp rate score "
    "url uri path method host port service region tier operation"
)
# Namespaces with values defined by the semantic conventions.
_DEFINED = (
    "gen_ai.usage.",
    "gen_ai.request.",
    "gen_ai.operation.",
    "gen_ai.provider.",
    "gen_ai.agent.",
    "service.",
    "telemetry.",
    "host.",
    "os.",
    "process.",
    "container.",
    "k8s.",
    "cloud.",
    "http.",
    "url.",
    "network.",
    "server.",
    "client.",
    "code.",
    "thread.",
    "deployment.",
    "device.",
    "faas.",
    "otel.",
    "otel_distro.",
    "rpc.",
    "db.",
    "messaging.destination",
)


@lru_cache(maxsize=4096)
def holds_people(key: str, policy: str) -> bool:
    """Return whether the value called *key* is searched for people under *policy*."""
    if policy == "off" or key in _NEVER:
        return False
    if policy == "all":
        return not key.startswith(_DEFINED)
    return is_content(key)


@lru_cache(maxsize=4096)
def is_content(key: str) -> bool:
    """Return whether *key* names content: a prompt, a response, a log body."""
    if key.startswith(_DEFINED):
        return False
    parts = segments(key)
    if not parts or parts[-1] in _ABOUT:
        return False
    return key in _FULL_NAMES or not _CONTENT.isdisjoint(parts)


_NEVER = IDENTIFIERS | OWN_ADDRESSES | SQL | URLS
_FULL_NAMES = words("input.value output.value exception.message")
