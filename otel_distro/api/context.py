"""Who and what work is done for: session, user, tenant and feature flag, carried by baggage.

Each is a context manager; what runs inside, also in tasks it starts, has the value on its spans,
log records and ledger rows. Nothing here needs an SDK. What travels to other services, and what is
believed when it comes in, is a matter of `OTEL_DISTRO_BAGGAGE`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from uuid import uuid4

from opentelemetry import baggage, context

from otel_distro.api.detaching import detach
from otel_distro.base.baggage_keys import FLAG, KEYS, SESSION, TENANT, USER, VARIANT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context

_MAX_CHARACTERS = 200
_SAID_HERE = context.create_key("otel_distro.said")
_NOTHING: Mapping[str, str] = {}


class Said(AbstractContextManager[str]):
    """Says something for the time of a `with` block; the value of `as` is what is carried."""

    def __init__(self, values: Mapping[str, str], shown: str) -> None:
        self._values = values
        self._shown = shown
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> str:
        changed = context.get_current()
        for key, value in self._values.items():
            changed = baggage.set_baggage(key, value, changed)
        said = {**said_here(changed), **self._values}
        self._tokens.append(context.attach(context.set_value(_SAID_HERE, said, changed)))
        return self._shown

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        detach(self._tokens.pop())


def session(session_id: str | None = None) -> Said:
    """Return a context for one session; without an id it gets a new random one."""
    value = _text(session_id) or uuid4().hex
    return Said({SESSION: value}, value)


def user(user_id: str) -> Said:
    """Return a context for one user, who is only ever known by a keyed pseudonym.

    The pseudonym is the one the ledger shows, so `otel-distro forget` finds it again. Without a
    running distribution there is no key, and then nothing is carried: a name never is.
    """
    from otel_cost_ledger.model.privacy import person_name
    from otel_distro.base.current_runtime import running

    runtime = running()
    key = runtime.pseudonym_key() if runtime is not None else None
    text = _text(user_id)
    if key is None or not text:
        return Said({}, "")
    value = person_name(key, text)
    return Said({USER: value}, value)


def tenant(tenant_id: str) -> Said:
    """Return a context for one tenant: a customer, a team, an organisation."""
    value = _text(tenant_id)
    return Said({TENANT: value} if value else {}, value)


def feature_flag(key: str, variant: str | bool | float = True) -> Said:  # noqa: FBT001, FBT002
    """Return a context for an experiment; of nested ones the innermost stands on spans."""
    name, value = _text(key), _text(variant)
    return Said({FLAG: name, VARIANT: value} if name else {}, value)


def said_here(of: Context | None = None) -> Mapping[str, str]:
    """Return what this process itself said in the context *of*, by default the current one."""
    said = context.get_value(_SAID_HERE, of)
    return said if isinstance(said, dict) else _NOTHING


def attributes(of: Context | None, believed: Iterable[str] = ()) -> Mapping[str, str]:
    """Return the attributes of work done in *of*.

    Baggage may come from anybody, so of what was not said in this process only the keys
    *believed* count.
    """
    of = of if of is not None else context.get_current()  # looked up once for both
    said = said_here(of)
    carried = baggage.get_all(of)
    if not carried:
        return said
    found = {key: _text(carried[key]) for key in believed if key in carried and key in KEYS}
    return {**{key: text for key, text in found.items() if text}, **said}


def without(of: Context | None, travelling: Iterable[str]) -> Context:
    """Return the context *of* without those of our baggage keys that are not *travelling*."""
    kept = of if of is not None else context.get_current()
    for key in KEYS:
        if key not in travelling and baggage.get_baggage(key, kept) is not None:
            kept = baggage.remove_baggage(key, kept)
    return kept


def _text(value: object) -> str:
    """Return *value* as it may stand in a header and in a column: bounded, and printable."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = text[:_MAX_CHARACTERS]
    if text.isprintable():
        return text.strip()
    return "".join(char if char.isprintable() else "\ufffd" for char in text).strip()
