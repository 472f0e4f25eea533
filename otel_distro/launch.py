"""The environment in which a Python program starts under this distribution."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from otel_distro.attributes import DISTRO_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping


def launch_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* changed so that Python programs load the agent and select us.

    The agent is upstream's `sitecustomize`, found through PYTHONPATH. Both entry points are named,
    because the agent otherwise takes the first distribution it happens to find.
    """
    launched = dict(environ)
    launched["OTEL_PYTHON_DISTRO"] = DISTRO_NAME
    launched["OTEL_PYTHON_CONFIGURATOR"] = DISTRO_NAME
    agent = str(agent_folder())
    known = [path for path in launched.get("PYTHONPATH", "").split(os.pathsep) if path]
    rest = [path for path in known if path != agent]
    # As upstream does: programs that are run by their own script find modules beside them.
    here = str(Path.cwd())
    if here not in rest:
        rest.insert(0, here)
    launched["PYTHONPATH"] = os.pathsep.join([agent, *rest])
    return launched


def agent_folder() -> Path:
    """Return the folder that holds the agent's `sitecustomize`."""
    spec = find_spec("opentelemetry.instrumentation.auto_instrumentation")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("opentelemetry-instrumentation is not installed")
    return Path(spec.submodule_search_locations[0])
