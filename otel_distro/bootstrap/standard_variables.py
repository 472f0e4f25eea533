"""Repairs OpenTelemetry's own variables: an invalid value must not disable protection.

The SDK and the agent raise on some values, partly during import. Such a value is replaced or
removed before that, and reported in one line. Only the standard library is imported here, because
every Python process under the agent imports this module.
"""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

EXIT_CONFIG: Final = 78
"""EX_CONFIG of sysexits.h: the exit code for invalid configuration."""

DEFAULT_PROTOCOL: Final = "http/protobuf"
"""Default OTLP protocol: unlike gRPC, it needs no binary wheels and supports fork."""

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_PROTOCOLS: Final = ("grpc", DEFAULT_PROTOCOL)
_COMPRESSIONS: Final = ("none", "gzip", "deflate")
_SAMPLERS: Final = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
_CHOICES: Final = {
    "OTEL_METRICS_EXEMPLAR_FILTER": ("always_on", "always_off", "trace_based"),
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": ("cumulative", "delta", "lowmemory"),
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": (
        "explicit_bucket_histogram",
        "base2_exponential_bucket_histogram",
    ),
    "OTEL_SDK_DISABLED": ("true", "false"),
}
"""Variable -> allowed words."""
_BUILT_IN_PROPAGATORS: Final = frozenset({"tracecontext", "baggage", "none"})
_COMPONENTS: Final = {
    "OTEL_PYTHON_ID_GENERATOR": "opentelemetry_id_generator",
    "OTEL_PYTHON_TRACER_PROVIDER": "opentelemetry_tracer_provider",
    "OTEL_PYTHON_METER_PROVIDER": "opentelemetry_meter_provider",
    "OTEL_PYTHON_LOGGER_PROVIDER": "opentelemetry_logger_provider",
    "OTEL_PYTHON_CONTEXT": "opentelemetry_context",
}
"""Variable -> entry point group of its values."""

found: list[str] = []
"""All repair messages of this process, for `otel-distro doctor`."""


def repair(environ: MutableMapping[str, str]) -> tuple[str, ...]:
    """Repair the standard variables in *environ*; return a message for each invalid value.

    Messages do not contain values, which may be secrets by mistake.
    """
    messages = tuple(_repairs(environ))
    found.extend(messages)
    return messages


def repair_and_report(environ: MutableMapping[str, str]) -> None:
    """Repair *environ* and print the problems; under OTEL_DISTRO_STRICT end the process."""
    problems = repair(environ)
    if not problems:
        return
    if is_strict(environ):
        end_process("\n  ".join(problems))
    from otel_distro.base import messages

    for problem in problems:
        messages.warn(problem)


def is_strict(environ: Mapping[str, str]) -> bool:
    """Return whether OTEL_DISTRO_STRICT, or `strict` in the settings file, is true.

    For code that runs without loaded settings. Never raises.
    """
    word = environ.get("OTEL_DISTRO_STRICT", "").strip().lower()
    if word:
        return word in _TRUE
    name = environ.get("OTEL_DISTRO_CONFIG", "").strip()
    if not name:
        return False
    try:
        import tomllib

        with open(os.path.expanduser(name), "rb") as file:  # noqa: PTH111, PTH123 - light
            return str(tomllib.load(file).get("strict", "")).strip().lower() in _TRUE
    except (OSError, ValueError):
        return False


def end_process(message: str) -> NoReturn:
    """Print *message* and end the process with code 78.

    The agent would swallow an exception, or it would look like a crash of Python.
    """
    from otel_distro.base import messages

    messages.warn(f"{message}\n  OTEL_DISTRO_STRICT is set, so the app was not started")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_CONFIG)


def _repairs(environ: MutableMapping[str, str]) -> Iterator[str]:
    for name in sorted(environ):
        if not name.startswith("OTEL_") or name.startswith("OTEL_DISTRO_"):
            continue
        value = environ[name].strip()
        if not value:
            continue
        message = _repair_one(environ, name, value)
        if message is not None:
            yield message


def _repair_one(environ: MutableMapping[str, str], name: str, value: str) -> str | None:
    if name.endswith("_LIMIT"):
        return _check(environ, name, is_usable=_is_count(value), expected="a whole number from 0")
    if name.startswith(("OTEL_BSP_", "OTEL_BLRP_")):
        is_usable = _is_count(value) and int(value) > 0
        return _check(environ, name, is_usable=is_usable, expected="a whole number from 1")
    if name in {"OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"}:
        is_usable = _is_positive(value)
        return _check(environ, name, is_usable=is_usable, expected="milliseconds above 0")
    if name in _CHOICES:
        return _choose(environ, name, value, _CHOICES[name])
    if name.startswith("OTEL_TRACES_SAMPLER"):
        return _sampler(environ, name, value)
    if name == "OTEL_PROPAGATORS":
        return _propagators(environ, value)
    if name == "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS":
        return _detectors(environ, name, value)
    if name in _COMPONENTS:
        is_usable = value in _entry_points(_COMPONENTS[name])
        return _check(environ, name, is_usable=is_usable, expected="an installed component")
    if name.startswith("OTEL_EXPORTER_OTLP_"):
        return _otlp(environ, name, value)
    return None


def _otlp(environ: MutableMapping[str, str], name: str, value: str) -> str | None:
    if name.endswith("_TIMEOUT"):
        is_usable = _is_positive(value)
        return _check(environ, name, is_usable=is_usable, expected="seconds above 0")
    if name.endswith("_COMPRESSION"):
        return _choose(environ, name, value, _COMPRESSIONS)
    if name.endswith("_PROTOCOL"):
        word = value.lower()
        if word in _PROTOCOLS:
            environ[name] = word
            return None
        environ[name] = DEFAULT_PROTOCOL
        return (
            f"{name} is not a protocol of the Python SDK ({' or '.join(_PROTOCOLS)}); "
            f"{DEFAULT_PROTOCOL} is used"
        )
    if name.endswith("_INSECURE"):
        return _choose(environ, name, value, ("true", "false"))
    # Not removed: the default would be another endpoint, or other trust.
    if name.endswith("_ENDPOINT") and not _is_place(value):
        return f"{name} is not a URL such as http://localhost:4318; nothing can be delivered to it"
    if name.endswith(("_CERTIFICATE", "_CLIENT_KEY")) and not os.path.isfile(value):  # noqa: PTH113 - light
        return f"{name} names a file that does not exist; nothing can be delivered by https"
    return None


def _is_place(value: str) -> bool:
    """Return whether *value* is a URL, or a gRPC target such as `collector:4317`."""
    scheme, separator, place = value.rpartition("://")
    host = place.partition("/")[0]
    return bool(host) and not any(c.isspace() for c in value) and (bool(scheme) or not separator)


def _sampler(environ: MutableMapping[str, str], name: str, value: str) -> str | None:
    if name == "OTEL_TRACES_SAMPLER":
        if value.lower() in _SAMPLERS or value in _entry_points("opentelemetry_traces_sampler"):
            return None
        return _check(environ, name, is_usable=False, expected="an installed sampler")
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if name != "OTEL_TRACES_SAMPLER_ARG" or not sampler.endswith("traceidratio"):
        return None
    return _check(environ, name, is_usable=_is_share(value), expected="a number from 0 to 1")


def _detectors(environ: MutableMapping[str, str], name: str, value: str) -> str | None:
    names = [part for each in value.split(",") if (part := each.strip())]
    usable = names
    if set(names) - {"otel", "*"}:
        known = _entry_points("opentelemetry_resource_detector") | {"otel", "*"}
        usable = [each for each in names if each in known]
    if len(usable) == len(names):
        return None
    _set_or_remove(environ, name, ",".join(usable))
    return f"{name} names a detector that is not installed; the others are used"


def _propagators(environ: MutableMapping[str, str], value: str) -> str | None:
    names = [part for name in value.split(",") if (part := name.strip())]
    # `none` is the only name that the API reads in any case.
    names = ["none" if name.lower() == "none" else name for name in names]
    if set(names) <= _BUILT_IN_PROPAGATORS:
        return None
    known = _entry_points("opentelemetry_propagator") | {"none"}
    usable = [name for name in names if name in known]
    if len(usable) == len(names):
        return None
    _set_or_remove(environ, "OTEL_PROPAGATORS", ",".join(usable))
    return (
        "OTEL_PROPAGATORS names a propagator that is not installed; "
        f"{','.join(usable) or 'tracecontext,baggage'} is used"
    )


def _choose(
    environ: MutableMapping[str, str], name: str, value: str, allowed: tuple[str, ...]
) -> str | None:
    if value.lower() in allowed:
        environ[name] = value.lower()
        return None
    return _check(environ, name, is_usable=False, expected=f"one of {', '.join(allowed)}")


def _check(
    environ: MutableMapping[str, str], name: str, *, is_usable: bool, expected: str
) -> str | None:
    if is_usable:
        return None
    del environ[name]
    return f"{name} is not {expected}; its default is used"


def _set_or_remove(environ: MutableMapping[str, str], name: str, value: str) -> None:
    if value:
        environ[name] = value
    else:
        del environ[name]


def _is_count(value: str) -> bool:
    try:
        return int(value) >= 0
    except ValueError:
        return False


def _is_positive(value: str) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return math.isfinite(number) and number > 0


def _is_share(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


def _entry_points(group: str) -> set[str]:
    from importlib.metadata import entry_points

    return {entry.name for entry in entry_points(group=group)}
