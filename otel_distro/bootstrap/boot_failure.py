"""Protection after a failed boot.

Strict mode ends the process. A budget that refuses calls refuses all of them, because none can be
counted. SDK providers created before the failure export nothing unless guarded. Imports only the
standard library until a boot has failed.
"""

# pyright: reportPossiblyUnboundVariable=false

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from otel_distro.bootstrap.standard_variables import end_process, is_strict

if TYPE_CHECKING:
    from collections.abc import Mapping


def keep_protection(environ: Mapping[str, str], error: BaseException) -> None:
    """Report *error*, and keep protection in force; never raises."""
    from otel_distro.base import messages

    message = what_failed(error)
    if is_strict(environ):
        end_process(message)
    effects = ["the app runs without telemetry"]
    with suppress(Exception):
        _silence_unguarded_providers()
    if refuses_calls(environ):
        effects.append(refuse_all_calls())
    messages.warn(f"{message}; {', '.join(effects)}")


def what_failed(error: BaseException) -> str:
    """Return *error* as one sentence, without its text if that may contain a secret."""
    from otel_distro.base.errors import OtelDistroError

    if isinstance(error, OtelDistroError):
        return str(error)
    sentence = f"OpenTelemetry could not be set up: {type(error).__name__}"
    try:
        from otel_distro.settings.shown import NOT_SHOWN, shown

        text = str(error)
        is_harmless = shown(text, secret=False) != NOT_SHOWN
    except Exception:  # the settings may have failed
        is_harmless = False
    return f"{sentence}: {text}" if is_harmless else sentence


def refuses_calls(environ: Mapping[str, str]) -> bool:
    """Return whether to refuse calls while budgets cannot be checked.

    True if a budget that refuses is set, or may be set in an unreadable file.
    """
    try:
        from otel_budget.cost_budget import Action
        from otel_distro.settings import load

        settings = load(environ).settings
    except Exception:  # then only the variables are used
        action = environ.get("OTEL_DISTRO_BUDGET_ACTION", "").strip().lower()
        on_fault = environ.get("OTEL_DISTRO_BUDGET_ON_FAULT", "").strip().lower()
        return action == "refuse" and on_fault != "allow"
    hard = any(budget.action is Action.REFUSE for budget in settings.cost_budgets)
    return hard and settings.budget_on_fault == "refuse"


def refuse_all_calls() -> str:
    """Refuse every model call from now on; return a clause about the result."""
    try:
        from otel_distro.pipeline.budgets.closed_gate import install

        install()
    except Exception as error:  # report the failure
        return f"and model calls are NOT refused ({type(error).__name__})"
    return "and model calls are refused, because no budget can be checked"


def _silence_unguarded_providers() -> None:
    """Remove the processors of unguarded global providers."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return  # no provider can exist
    from opentelemetry import trace
    from opentelemetry._logs import get_logger_provider
    from opentelemetry.metrics import get_meter_provider

    from otel_distro.pipeline.install import disarm, is_guarded

    for get in (trace.get_tracer_provider, get_logger_provider, get_meter_provider):
        provider = get()
        if not is_guarded(provider):
            disarm(provider)
