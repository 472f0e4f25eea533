"""Checks of instrumentations: how calls of the installed model clients are observed.

A client is "instrumented" only if the ledger has its spans. Each instrumentor is also activated
once in a separate process: its versions may not match, or an import may be missing. Calls are
billed from the wire in any case.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from otel_distro.base.check import Check
from otel_distro.base.formatting import counted
from otel_distro.bootstrap.instrumentation.model_clients import (
    conflict_of,
    installed_clients,
    instrumentors,
    untried_version_of,
)
from otel_pricing.model.instrumentations import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.util._importlib_metadata import EntryPoint

    from otel_pricing.model.instrumentations import Instrumentation

_TIMEOUT_S: Final = 60

_TRY: Final = """
import json, logging, sys
from importlib.metadata import entry_points
logging.disable(logging.CRITICAL)
wanted, result = set(json.loads(sys.argv[1])), {}
for point in entry_points(group=sys.argv[2]):
    if point.value not in wanted:
        continue
    try:
        point.load()().instrument(skip_dep_check=True)
    except ModuleNotFoundError as error:
        result[point.value] = f"module {error.name} is missing"
    except BaseException as error:
        result[point.value] = type(error).__name__
    else:
        result[point.value] = ""
print("\\n" + json.dumps(result), flush=True)
"""


def check_instrumentations(scopes: Mapping[str, int], *, wire: bool, days: int) -> Iterator[Check]:
    """Check how calls of the installed model clients are observed, and the log handler.

    *scopes*: instrumentation scope -> calls in the ledger that its spans described in the last
    *days* days. *wire*: whether requests to model providers are observed.
    """
    entry_points = instrumentors()
    if "logging" not in {entry.name for entry in entry_points}:
        yield Check(
            "fail",
            "logs",
            "opentelemetry-instrumentation-logging is missing, so no log record is exported",
            "pip install opentelemetry-instrumentation-logging",
        )
    clients = installed_clients()
    if not clients:
        yield Check("ok", "model clients", "none of the known ones is installed here")
        return
    ours = {c.name: [e for e in entry_points if e.name in c.instrumentors] for c in clients}
    conflicts = {e.value: conflict_of(e) for entries in ours.values() for e in entries}
    failures = failures_of([value for value, conflict in conflicts.items() if not conflict])
    for client in clients:
        problems = {
            entry.value: conflicts[entry.value] or _failure(entry, failures)
            for entry in ours[client.name]
        }
        seen = sum(calls for scope, calls in scopes.items() if client.makes(scope))
        subject = f"{client.name} calls"
        if seen:
            text = f"instrumented: spans of {counted(seen, 'call')} in {counted(days, 'day')}"
            yield Check("ok", subject, text)
        else:
            yield _unseen(subject, client, list(problems.values()), wire=wire)
        for entry in ours[client.name]:
            if untried := untried_version_of(entry, client):
                yield Check("warn", subject, untried, f"pip install --upgrade {_package(entry)}")


def _unseen(subject: str, client: Instrumentation, problems: Sequence[str], *, wire: bool) -> Check:
    """Return the check of *client*, without any observed span.

    *problems* has one text per instrumentor, empty if it can be activated.
    """
    why = "; ".join(problem for problem in problems if problem)
    works = any(not problem for problem in problems) or client.makes_spans
    if not wire:
        return _by_spans_only(subject, client, why, works=works, tried=bool(problems))
    if works:
        makes = "the library emits spans" if client.makes_spans else "an instrumentation is active"
        but = f"; not used: {why}" if why else ""
        return Check("ok", subject, f"billed from the wire; {makes}, none was seen so far{but}")
    if why:
        return Check(
            "warn",
            subject,
            f"billed from the wire; the instrumentation makes no spans, ours are made: {why}",
            "install a matching version, or uninstall the instrumentation",
        )
    return Check(
        "ok", subject, "billed from the wire; no span from an instrumentation: ours is made"
    )


def _by_spans_only(
    subject: str, client: Instrumentation, why: str, *, works: bool, tried: bool
) -> Check:
    """Return the check of *client* if requests are not observed."""
    off = "(OTEL_DISTRO_WIRE is off)"
    if works:
        but = f"; not used: {why}" if why else ""
        return Check("ok", subject, f"known by spans only {off}; none was seen so far{but}")
    if tried:
        remedy = "install a matching version, then run `otel-distro doctor` again"
        return Check("fail", subject, f"not recorded {off}: {why}", remedy)
    remedy = f"pip install {client.package}" if client.package else "set OTEL_DISTRO_WIRE=on"
    return Check("warn", subject, f"not recorded {off}: nothing makes spans of its calls", remedy)


def _failure(entry: EntryPoint, failures: dict[str, str]) -> str:
    failure = failures.get(entry.value)
    if not failure:
        return ""
    return f"{_package(entry)} cannot be activated: {failure}"


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def failures_of(values: Sequence[str]) -> dict[str, str]:
    """Activate the instrumentors *values* (module:class) in one process; return the problems.

    A problem is empty for a working one; a missing key was not tried.
    """
    if not values:
        return {}
    from otel_distro.settings import process_environment

    environ = {
        name: value for name, value in process_environment().items() if not name.startswith("OTEL_")
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY, json.dumps(list(values)), GROUP],
            env=environ, capture_output=True, text=True, errors="replace",
            timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
        failures: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError):
        return dict.fromkeys(values, "the process that tried it failed")
    return failures
