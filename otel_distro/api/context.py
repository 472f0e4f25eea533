"""Session, user, tenant and feature flag of the current work, carried by baggage.

Each is a context manager. Spans, log records and ledger rows of its block, and of tasks started in
it, carry the value. No SDK is needed. `OTEL_DISTRO_BAGGAGE` lists the keys that are sent to other
services and trusted in incoming baggage.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from uuid import uuid4

from opentelemetry import baggage, context

from otel_distro.api.detaching import detach
from otel_distro.api.scoped_values import ScopedValues
from otel_distro.base.baggage_keys import FLAG, KEYS, SESSION, TENANT, USER, VARIANT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context

_MAX_CHARACTERS = 200
_LOCAL_BAGGAGE = context.create_key("otel_distro.said")
_NOTHING: Mapping[str, str] = {}


class BaggageScope(AbstractContextManager[str]):
    """Sets baggage for a `with` block, which yields the carried value."""

    def __init__(self, values: Mapping[str, str], shown: str) -> None:
        self._values = values
        self._shown = shown
        self._entered: list[tuple[Token[Context], ScopedValues]] = []

    def __enter__(self) -> str:
        changed = context.get_current()
        local = ScopedValues(_local(changed), self._values)
        for key, value in self._values.items():
            changed = baggage.set_baggage(key, value, changed)
        token = context.attach(context.set_value(_LOCAL_BAGGAGE, local, changed))
        self._entered.append((token, local))
        return self._shown

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        token, local = self._entered.pop()
        if not detach(token):
            local.end()


def session(session_id: str | None = None) -> BaggageScope:
    """Return a context for one session, with a random id by default."""
    value = _text(session_id) or uuid4().hex
    return BaggageScope({SESSION: value}, value)


def user(user_id: str) -> BaggageScope:
    """Return a context for one user, recorded only as a keyed pseudonym.

    The pseudonym is the ledger's, so `otel-distro privacy forget` finds it. Without a running
    distribution there is no key, and nothing is carried: the name itself never is.
    """
    from otel_cost_ledger.model.privacy import person_name
    from otel_distro.base.current_runtime import running

    runtime = running()
    key = runtime.pseudonym_key() if runtime is not None else None
    text = _text(user_id)
    if key is None or not text:
        return BaggageScope({}, "")
    value = person_name(key, text)
    return BaggageScope({USER: value}, value)


def tenant(tenant_id: str) -> BaggageScope:
    """Return a context for one tenant: a customer, a team, an organisation."""
    value = _text(tenant_id)
    return BaggageScope({TENANT: value} if value else {}, value)


def feature_flag(key: str, variant: str | bool | float = True) -> BaggageScope:  # noqa: FBT001, FBT002
    """Return a context for an experiment; spans carry the innermost of nested ones."""
    name, value = _text(key), _text(variant)
    return BaggageScope({FLAG: name, VARIANT: value} if name else {}, value)


def local_baggage(of: Context | None = None) -> Mapping[str, str]:
    """Return the baggage set by this process in the context *of*, by default the current one."""
    values = _local(of)
    return values.live() if values is not None else _NOTHING


def _local(of: Context | None = None) -> ScopedValues | None:
    local = context.get_value(_LOCAL_BAGGAGE, of)
    return local if isinstance(local, ScopedValues) else None


def attributes(of: Context | None, trusted_keys: Iterable[str] = ()) -> Mapping[str, str]:
    """Return the attributes of work done in *of*.

    Any caller can send baggage, so values from outside this process count only for *trusted_keys*.
    """
    of = of if of is not None else context.get_current()  # one look-up for both
    local = _local(of)
    values = local.live() if local is not None else _NOTHING
    carried = baggage.get_all(of)
    if not carried:
        return values
    if local is not None and (stale := local.stale()):
        carried = {key: value for key, value in carried.items() if stale.get(key) != value}
    found = {key: _text(carried[key]) for key in trusted_keys if key in carried and key in KEYS}
    return {**{key: text for key, text in found.items() if text}, **values}


def without(of: Context | None, travelling: Iterable[str]) -> Context:
    """Return the context *of* without our baggage keys that are not *travelling*.

    Values of blocks exited in another context are removed as well.
    """
    kept = of if of is not None else context.get_current()
    local = _local(kept)
    stale = local.stale() if local is not None else _NOTHING
    for key in KEYS:
        value = baggage.get_baggage(key, kept)
        if value is not None and (key not in travelling or stale.get(key) == value):
            kept = baggage.remove_baggage(key, kept)
    return kept


def _text(value: object) -> str:
    """Return *value* truncated and printable, for a header and a column."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = text[:_MAX_CHARACTERS]
    if text.isprintable():
        return text.strip()
    return "".join(char if char.isprintable() else "\ufffd" for char in text).strip()
