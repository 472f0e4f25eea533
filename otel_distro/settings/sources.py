"""Effective settings with the source of each value: environment, file or default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_distro.settings import DO_NOT_TRACK, load
from otel_distro.settings import environment_variables as env
from otel_distro.settings.loading import given
from otel_distro.settings.shown import NOT_SHOWN, shown
from otel_distro.settings.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_distro.settings import Loaded
    from otel_distro.settings.variables import Variable

Source = Literal["environment", "file", "default"]

_TABLES: Final = {
    "redaction": "redaction policy beyond the variables",
    "budgets": "cost budgets beyond OTEL_DISTRO_BUDGET_USD_PER_DAY",
}


@dataclass(frozen=True, slots=True)
class InForce:
    """One effective setting."""

    name: str
    value: str
    """The value for display; hidden if it may contain a secret."""
    source: Source
    place: str
    """The variable, or key and file; empty for a default."""
    meaning: str
    is_refused: bool = False
    """Whether an invalid value was set, so that the default is in force."""


def in_force(environ: Mapping[str, str], loaded: Loaded | None = None) -> list[InForce]:
    """Return every setting from *environ* and its file, in the order of the table."""
    loaded = load(environ) if loaded is None else loaded
    file = environ.get(env.OTEL_DISTRO_CONFIG, "").strip()
    where = file or "the declarative configuration"
    if file and shown(file, secret=False) == NOT_SHOWN:
        where = f"the file of {env.OTEL_DISTRO_CONFIG}"
    return [
        *(_one(variable, environ, loaded.section, where) for variable in VARIABLES),
        *_tables(loaded.section, where),
        *_do_not_track(environ),
    ]


def source_of(environ: Mapping[str, str], name: str) -> str:
    """Return the source of the variable *name* in a few words."""
    found = next((one for one in in_force(environ) if one.name == name), None)
    if found is None or found.source == "default":
        return "default"
    return f"{found.source}, {found.place}"


def _one(
    variable: Variable, environ: Mapping[str, str], section: Mapping[str, Any], where: str
) -> InForce:
    raw, place = given(variable, environ, section)
    source: Source = "environment"
    if place != variable.name:
        source, place = "file", f"{place} in {where}"
    if raw is None:
        return InForce(variable.name, variable.default, "default", "", variable.meaning)
    try:
        variable.read(raw)
    except Exception:  # noqa: BLE001 - no value may end the program
        return InForce(
            variable.name, variable.default, source, place, variable.meaning, is_refused=True
        )
    return InForce(
        variable.name, _text(raw, secret=variable.secret), source, place, variable.meaning
    )


def _text(raw: object, *, secret: bool) -> str:
    text = shown(raw, secret=secret)
    return text if text == NOT_SHOWN or not isinstance(raw, str) else raw


def _tables(section: Mapping[str, Any], where: str) -> Iterator[InForce]:
    for key, meaning in _TABLES.items():
        table = section.get(key)
        if isinstance(table, dict):
            yield InForce(f"[{key}]", ", ".join(map(str, table)), "file", where, meaning)
        elif isinstance(table, list):
            count = f"{len(table)} {'table' if len(table) == 1 else 'tables'}"
            yield InForce(f"[[{key}]]", count, "file", where, meaning)


def _do_not_track(environ: Mapping[str, str]) -> Iterator[InForce]:
    raw = environ.get(DO_NOT_TRACK, "").strip()
    meaning = "refuses all telemetry of every program"
    if raw:
        yield InForce(DO_NOT_TRACK, _text(raw, secret=False), "environment", DO_NOT_TRACK, meaning)
