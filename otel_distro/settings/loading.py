"""Loads settings from the environment and the configuration file, with all problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from otel_budget.cost_budget import DAY, Action, CostBudget
from otel_cost_ledger.model.state_folder import default_state_dir
from otel_distro.base.errors import Problem
from otel_distro.export.batch_limits import DEFAULT_LIMITS
from otel_distro.export.spool.limits import DEFAULT_SPOOL_LIMITS
from otel_distro.pipeline.input_limits.limits import VALUE_LIMITS
from otel_distro.settings import environment_variables as env
from otel_distro.settings.model import Loaded, Settings
from otel_distro.settings.parsers import FALSE
from otel_distro.settings.prices import price_file_problem
from otel_distro.settings.redaction import read_policy
from otel_distro.settings.shown import shown, without_secrets, without_value
from otel_distro.settings.variables import PREFIX, VARIABLES, Variable
from otel_redaction import DEFAULT_POLICY, Policy

_SECTIONS = {"redaction", "budgets"}  # tables of their own; redaction may be true/false

_NO_CONTENT_KEY = (
    "there is no key to encrypt content for; run `otel-distro privacy content keygen FILE` and set "
    "OTEL_DISTRO_CONTENT_KEY to the key it prints"
)

DO_NOT_TRACK = "DO_NOT_TRACK"
"""The variable by which a user opts out of telemetry for all programs."""


def load(environ: Mapping[str, str], section: Mapping[str, Any] | None = None) -> Loaded:
    """Read settings from *environ* and a file's *section*; never raises.

    An invalid setting keeps its default and is reported in `problems`. *section* replaces the file
    named by OTEL_DISTRO_CONFIG (declarative configuration).
    """
    problems: list[Problem] = []
    _report_unknown_variables(environ, problems)
    if section is None:
        section = _file_section(environ, problems)
    _report_unknown_keys(section, problems)
    values: dict[str, Any] = {}
    for variable in VARIABLES:
        raw, name = given(variable, environ, section)
        if raw is None:
            continue
        try:
            values[variable.name] = variable.read(raw)
        except Exception as error:  # noqa: BLE001 - no value may end the program
            problems.append(_problem(variable, name, raw, error))
    settings = _settings(values, section, environ, problems)
    if settings.content == "full" and settings.content_key is None:
        problems.append(Problem(f"{env.OTEL_DISTRO_CONTENT}=full", _NO_CONTENT_KEY))
    if settings.prices is not None and (reason := price_file_problem(settings.prices)):
        name = f"{env.OTEL_DISTRO_PRICES}={shown(str(settings.prices), secret=False)}"
        problems.append(Problem(name, reason, withholds=False))
    return Loaded(settings, tuple(_without_secrets(problem) for problem in problems), section)


def given(
    variable: Variable, environ: Mapping[str, str], section: Mapping[str, Any]
) -> tuple[Any, str]:
    """Return the value, or None if unset, and its variable or key."""
    raw = environ.get(variable.name, "").strip() or None
    if raw is None and variable.key in section and not _is_table(section, variable.key):
        return section[variable.key], variable.key
    return raw, variable.name


def _problem(variable: Variable, name: str, raw: object, error: Exception) -> Problem:
    reason = str(error) if isinstance(error, ValueError) else "cannot be read"
    return Problem(
        f"{name}={shown(raw, secret=variable.secret)}",
        without_value(reason, raw, secret=variable.secret),
        withholds=variable.protects,
    )


def _without_secrets(problem: Problem) -> Problem:
    name, message = without_secrets(problem.name), without_secrets(problem.message)
    return replace(problem, name=name, message=message)


def _settings(
    values: dict[str, Any],
    section: Mapping[str, Any],
    environ: Mapping[str, str],
    problems: list[Problem],
) -> Settings:
    state_dir = values.get(env.OTEL_DISTRO_STATE_DIR) or default_state_dir(environ)
    queue_mb = values.get(env.OTEL_DISTRO_QUEUE_MB)
    settings = Settings(
        state_dir=state_dir,
        ledger=state_dir / "ledger.db",
        span_limits=DEFAULT_LIMITS.with_variables(environ, "BSP").with_queue_megabytes(queue_mb),
        log_limits=DEFAULT_LIMITS.with_variables(environ, "BLRP").with_queue_megabytes(queue_mb),
        value_limits=VALUE_LIMITS.with_variables(environ),
        spool_limits=DEFAULT_SPOOL_LIMITS.with_megabytes(values.get(env.OTEL_DISTRO_SPOOL_MB)),
    )
    by_field = {
        variable.key: values[variable.name] for variable in VARIABLES if variable.name in values
    }
    known = {name: by_field[name] for name in Settings.__slots__ if name in by_field}
    if known.get("content") == "none":
        known["ledger"] = None
    # This setting protects the user most: if it may have been intended, it applies.
    known.setdefault("consent", any(_is_about_consent(problem) for problem in problems))
    return replace(
        settings,
        **known,
        do_not_track=_is_true(environ.get(DO_NOT_TRACK, "")),
        ui_token=values.get(env.OTEL_DISTRO_UI_TOKEN),
        serve_token=values.get(env.OTEL_DISTRO_SERVE_TOKEN),
        policy=_policy(values, section, problems),
        cost_budgets=_cost_budgets(values, section, problems),
    )


def _is_about_consent(problem: Problem) -> bool:
    return "consent" in str(problem).lower()


def _is_true(text: str) -> bool:
    return text.strip().lower() not in FALSE | {""}


def _cost_budgets(
    values: dict[str, Any], section: Mapping[str, Any], problems: list[Problem]
) -> tuple[CostBudget, ...]:
    budgets: dict[str, CostBudget] = {}
    if (usd := values.get(env.OTEL_DISTRO_BUDGET_USD_PER_DAY)) is not None:
        action = Action(values.get(env.OTEL_DISTRO_BUDGET_ACTION, Action.WARN))
        budgets[DAY] = CostBudget.per_day(usd, action)
    tables = section.get("budgets", ())
    for table in tables if isinstance(tables, list | tuple) else (tables,):
        try:
            budget = CostBudget.from_mapping(table)
            if budget.name in budgets:
                raise ValueError(f"there are two budgets named {budget.name!r}")
        except ValueError as error:
            problems.append(Problem("[[budgets]]", str(error)))
        else:
            budgets[budget.name] = budget
    return tuple(budgets.values())


def _policy(values: dict[str, Any], section: Mapping[str, Any], problems: list[Problem]) -> Policy:
    try:
        return read_policy(values, section["redaction"] if _is_table(section, "redaction") else {})
    except ValueError as error:
        allowed = (env.OTEL_DISTRO_REDACTION_ALLOW_KINDS, env.OTEL_DISTRO_REDACTION_ALLOW_KEYS)
        reason = without_value(str(error), [values.get(name, ()) for name in allowed], secret=False)
        problems.append(Problem("[redaction]", reason))
        return DEFAULT_POLICY


def _file_section(environ: Mapping[str, str], problems: list[Problem]) -> Mapping[str, Any]:
    name = environ.get(env.OTEL_DISTRO_CONFIG, "").strip()
    if not name:
        return {}
    import tomllib

    text = ""
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8")
        return tomllib.loads(text)
    except OSError as error:
        reason = f"cannot read the file: {error.strerror}"
    except RuntimeError:  # of expanduser
        reason = "cannot read the file: there is no home folder for `~`; write the whole path"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        reason = f"not valid TOML: {error}"
        if "consent" in text:
            reason += "; it has consent settings, so consent is required until it can be read"
    problems.append(Problem(f"{env.OTEL_DISTRO_CONFIG}={shown(name, secret=False)}", reason))
    return {}


def _report_unknown_variables(environ: Mapping[str, str], problems: list[Problem]) -> None:
    known = {variable.name for variable in VARIABLES}
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    problems += [Problem(name, _unknown("variable", name, known)) for name in unknown]


def _report_unknown_keys(section: Mapping[str, Any], problems: list[Problem]) -> None:
    known = {variable.key for variable in VARIABLES if variable.key} | _SECTIONS
    unknown = sorted(str(key) for key in section if key not in known)
    problems += [Problem(key, _unknown("key", key, known)) for key in unknown]


def _unknown(what: str, name: str, known: set[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"unknown {what}; did you mean {near[0]}?"
    return f"unknown {what}; `otel-distro doctor --settings` lists them all"


def _is_table(section: Mapping[str, Any], key: str) -> bool:
    return key in _SECTIONS and isinstance(section.get(key), Mapping)
