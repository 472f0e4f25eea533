"""Checks of instrumentations: whether calls of the installed model clients become spans.

Each instrumentor is activated once in a process of its own. A package that is only installed may
still record nothing: its versions do not fit, or a part that it imports is missing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from otel_distro.base.check import Check
from otel_distro.bootstrap.instrumentation.model_clients import (
    GROUP,
    conflict_of,
    installed_clients,
    instrumentors,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.util._importlib_metadata import EntryPoint

    from otel_distro.bootstrap.instrumentation.model_clients import ModelClient

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


def check_instrumentations() -> Iterator[Check]:
    """Look for model clients whose calls are not recorded, and for the log handler."""
    found = instrumentors()
    if "logging" not in {entry.name for entry in found}:
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
    ours = {c.name: [e for e in found if e.name in c.instrumentors] for c in clients}
    conflicts = {e.value: conflict_of(e) for entries in ours.values() for e in entries}
    failures = failures_of([value for value, conflict in conflicts.items() if not conflict])
    for client in clients:
        problems = {
            entry.value: conflicts[entry.value] or _failure(entry, failures)
            for entry in ours[client.name]
        }
        yield _check(client, list(problems.values()))


def _check(client: ModelClient, problems: Sequence[str]) -> Check:
    """Return the check of *client*; *problems* has one text an instrumentor, empty if it works."""
    subject = f"{client.name} calls"
    if any(not problem for problem in problems):
        return Check("ok", subject, "instrumented")
    if problems:
        why = "; ".join(problems)
        if client.makes_spans:
            return Check("ok", subject, f"the library makes its own spans; not used: {why}")
        remedy = "install what fits, then run `otel-distro doctor` again"
        return Check("fail", subject, f"not recorded: {why}", remedy)
    if client.makes_spans:
        return Check("ok", subject, "the library makes its own spans")
    if not client.package:
        return Check(
            "warn", subject, "the library is installed and no instrumentation of it is known"
        )
    return Check(
        "warn",
        subject,
        "the library is installed but nothing makes spans of its calls",
        f"pip install {client.package}",
    )


def _failure(entry: EntryPoint, failures: dict[str, str]) -> str:
    failure = failures.get(entry.value)
    if not failure:
        return ""
    package = entry.dist.name if entry.dist is not None else entry.value
    return f"{package} cannot be activated: {failure}"


def failures_of(values: Sequence[str]) -> dict[str, str]:
    """Activate the instrumentors *values* (module:class) in one process; return what failed.

    An empty text for one that works; one that is missing was not tried.
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
        found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError):
        return dict.fromkeys(values, "the process that tried it did not end as it should")
    return found
