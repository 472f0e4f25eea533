"""Protection after a boot that failed, whatever the reason.

Strict ends the process. A budget that refuses calls refuses all of them, because none can be
counted. Providers of the SDK that were made before the failure export nothing unless guarded.
Loads nothing but the standard library until a boot has failed.
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
    """Report *error*, and keep in force what it would have switched off; never raises."""
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
    """Return *error* as one sentence; without its text where that may hold a secret."""
    from otel_distro.base.errors import OtelDistroError

    if isinstance(error, OtelDistroError):
        return str(error)
    sentence = f"OpenTelemetry could not be set up: {type(error).__name__}"
    try:
        from otel_distro.settings.shown import NOT_SHOWN, shown

        text = str(error)
        is_harmless = shown(text, secret=False) != NOT_SHOWN
    except Exception:  # settings may be what failed
        is_harmless = False
    return f"{sentence}: {text}" if is_harmless else sentence


def refuses_calls(environ: Mapping[str, str]) -> bool:
    """Return whether calls are to be refused while budgets cannot be checked.

    True where a budget that refuses is set, or may be set in a file that cannot be read.
    """
    try:
        from otel_budget.cost_budget import Action
        from otel_distro.settings import load

        settings = load(environ).settings
    except Exception:  # then the variables alone have to do
        action = environ.get("OTEL_DISTRO_BUDGET_ACTION", "").strip().lower()
        on_fault = environ.get("OTEL_DISTRO_BUDGET_ON_FAULT", "").strip().lower()
        return action == "refuse" and on_fault != "allow"
    hard = any(budget.action is Action.REFUSE for budget in settings.cost_budgets)
    return hard and settings.budget_on_fault == "refuse"


def refuse_all_calls() -> str:
    """Refuse every model call from now on; return what was done, as part of a sentence."""
    try:
        from otel_distro.pipeline.budgets.closed_gate import install

        install()
    except Exception as error:  # what remains is to say so
        return f"and model calls are NOT refused ({type(error).__name__})"
    return "and model calls are refused, because no budget can be checked"


def _silence_unguarded_providers() -> None:
    """Take the processors out of global providers that the guard did not reach."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return  # none can have been made
    from opentelemetry import trace
    from opentelemetry._logs import get_logger_provider
    from opentelemetry.metrics import get_meter_provider

    from otel_distro.pipeline.install import disarm, is_guarded

    for get in (trace.get_tracer_provider, get_logger_provider, get_meter_provider):
        provider = get()
        if not is_guarded(provider):
            disarm(provider)
