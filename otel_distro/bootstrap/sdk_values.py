"""Values of OpenTelemetry's own variables that make the set-up of the SDK fail.

One of them must cost neither the guard nor budgets nor the ledger: it is taken out of the
environment, so that its default applies, and reported. Light, because the launcher uses it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

_LIMITS: Final = ("_COUNT_LIMIT", "_LENGTH_LIMIT")
_PROTOCOLS: Final = frozenset({"grpc", "http/protobuf"})
_EXEMPLAR_FILTERS: Final = frozenset({"always_on", "always_off", "trace_based"})
_PROPAGATORS: Final = frozenset({"tracecontext", "baggage", "none"})
"""Those that come with OpenTelemetry's API, so that nothing has to be searched for them."""


def drop_unusable(environ: MutableMapping[str, str]) -> Iterator[str]:
    """Take values that cannot be used out of *environ*; yield a message for each.

    The values are not shown: what stands in the wrong variable may be a secret.
    """
    for name in sorted(name for name in environ if name.startswith("OTEL_")):
        value = environ[name].strip()
        reason = _reason(name, value) if value else None
        if reason is not None:
            del environ[name]
            yield f"{name} cannot be used and is ignored: {reason}"
    yield from drop_unknown_propagators(environ)


def drop_unknown_propagators(environ: MutableMapping[str, str]) -> Iterator[str]:
    """Take propagators that no installed package offers out of *environ*, with a message each.

    The API refuses to be imported with one of them, so this comes before it is loaded.
    """
    variable = "OTEL_PROPAGATORS"
    chosen = [name for part in environ.get(variable, "").split(",") if (name := part.strip())]
    if not {name.lower() for name in chosen} - _PROPAGATORS:
        return
    from importlib.metadata import entry_points

    known = {entry.name for entry in entry_points(group="opentelemetry_propagator")} | {"none"}
    usable = [name for name in chosen if name.lower() in known]
    if len(usable) == len(chosen):
        return
    if usable:
        environ[variable] = ",".join(usable)
    else:
        del environ[variable]
    installed = ", ".join(sorted(known))
    left = f"{', '.join(usable)} of it is used" if usable else "the default is used"
    yield f"{variable} names a propagator that is not installed; {left}; installed are {installed}"


def _reason(name: str, value: str) -> str | None:
    if name.endswith(_LIMITS) and not name.startswith("OTEL_DISTRO_"):
        return None if value.isdecimal() else "not a whole number; for example 1000"
    if name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith("PROTOCOL"):
        known = value in _PROTOCOLS
        return None if known else "not grpc or http/protobuf; http/protobuf is used"
    if name == "OTEL_METRICS_EXEMPLAR_FILTER":
        known = value.lower() in _EXEMPLAR_FILTERS
        return None if known else f"choose from {', '.join(sorted(_EXEMPLAR_FILTERS))}"
    if name == "OTEL_PYTHON_ID_GENERATOR":
        return _unless_installed("opentelemetry_id_generator", value)
    return None


def _unless_installed(group: str, name: str) -> str | None:
    from importlib.metadata import entry_points

    known = sorted({entry.name for entry in entry_points(group=group)})
    return None if name in known else f"not installed; installed are {', '.join(known)}"
