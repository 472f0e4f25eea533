"""Grouping keys of a call for budgets and reports: tenant, user, session and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_pricing.model.values import first_text, text

if TYPE_CHECKING:
    from collections.abc import Mapping

# OpenLLMetry's prefix for attributes that the application associates with a trace.
ASSOCIATION = "traceloop.association.properties."


def _names(*names: str) -> tuple[str, ...]:
    return (*names, *(ASSOCIATION + name.replace(".", "_") for name in names))


TENANT = _names("tenant.id", "tenant", "organization.id", "customer.id")
USER = _names("user.id", "enduser.id", "gen_ai.user.id", "llm.user")
SESSION = _names("session.id", "gen_ai.conversation.id", "thread.id")
AGENT = _names("gen_ai.agent.name", "agent.name", "agent_name")
FLAG_KEY = "feature_flag.key"
FLAG_VARIANT = ("feature_flag.result.variant", "feature_flag.variant")


def feature_flag(attributes: Mapping[str, object]) -> str | None:
    """Return `flag=variant` of the call's experiment; None without one."""
    flag = text(attributes.get(FLAG_KEY))
    if flag is None:
        return None
    variant = first_text(attributes, FLAG_VARIANT)
    return f"{flag}={variant}" if variant else flag
