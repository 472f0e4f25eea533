"""The environment of Python programs launched under this distribution."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, NoReturn

from otel_distro.base.attributes import DISTRO_NAME
from otel_distro.bootstrap.defaults import is_disabled
from otel_distro.bootstrap.standard_variables import repair_and_report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def launch_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* changed so that Python programs load the agent and this distribution.

    The agent is upstream's `sitecustomize`, found through PYTHONPATH. Both entry points are named,
    because the agent otherwise loads the first distribution it finds.
    """
    launched = dict(environ)
    if is_disabled(environ):
        return launched  # the agent would load half of its modules for nothing
    launched["OTEL_PYTHON_DISTRO"] = DISTRO_NAME
    launched["OTEL_PYTHON_CONFIGURATOR"] = DISTRO_NAME
    agent = str(agent_folder())
    known = [path for path in launched.get("PYTHONPATH", "").split(os.pathsep) if path]
    rest = [path for path in known if path != agent]
    # As upstream does: programs run by their script find modules beside them.
    here = os.getcwd()  # noqa: PTH109 - this module imports as little as possible
    if here not in rest:
        rest.insert(0, here)
    launched["PYTHONPATH"] = os.pathsep.join([agent, *rest])
    return launched


def agent_folder() -> Path:
    """Return the folder of the agent's `sitecustomize`; raises ModuleNotFoundError without it."""
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("opentelemetry.instrumentation.auto_instrumentation")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("opentelemetry-instrumentation is not installed")
    return Path(spec.submodule_search_locations[0])


def execute(arguments: Sequence[str]) -> NoReturn:
    """Replace this process with the program *arguments*, instrumented; exit with 127 if missing."""
    if not is_disabled(os.environ):
        # The agent's import fails on some values, before it loads any distribution.
        repair_and_report(os.environ)
    environ = launch_environment(os.environ)  # loading the settings takes longer
    program = shutil.which(arguments[0], path=environ.get("PATH"))
    if program is None:
        _exit_with(127, f"command not found: {arguments[0]}")
    try:
        os.execve(program, list(arguments), environ)  # noqa: S606 - the user names the program
    except OSError as error:
        _exit_with(126, f"cannot run {arguments[0]}: {error.strerror}")


def _exit_with(code: int, why: str) -> NoReturn:
    print(f"otel-distro run: {why}", file=sys.stderr)  # noqa: T201
    sys.exit(code)
