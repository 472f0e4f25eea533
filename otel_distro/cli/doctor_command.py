"""`otel-distro doctor`: checks of the installation, with fixes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.settings import load, process_environment
from otel_distro.settings.shown import NOT_SHOWN, shown
from otel_distro.settings.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otel_cost_ledger.query.coverage import CoverageReport
    from otel_distro.base.check import Check
    from otel_distro.reports.doctor.startup import Startup
    from otel_distro.settings import Loaded

_MOST_PACKAGES = 15
_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor", epilog="Example: otel-distro doctor")
@click.option("--settings", "list_settings", is_flag=True, help="List every variable instead.")
@click.option("--startup", is_flag=True, help="Measure the start-up time by part instead.")
@json_option
def command(*, list_settings: bool, startup: bool, as_json: bool) -> None:
    """Check this installation and suggest fixes. Changes nothing.

    Exit code 1 if a check has failed.
    """
    environ = process_environment()
    if list_settings:
        _list_settings(environ, as_json=as_json)
        return
    if startup:
        _show_startup(environ, as_json=as_json)
        return
    from otel_distro.reports.doctor.coverage import as_data, recent

    loaded = load(environ)
    seen = recent(loaded.settings.ledger)
    checks = list(_checks(environ, loaded, seen))
    if as_json:
        shown_checks = [asdict(check) for check in checks]
        output.print_json({"checks": shown_checks, "coverage": as_data(seen)})
    else:
        for check in checks:
            _show(check)
    if any(check.status == "fail" for check in checks):
        raise click.exceptions.Exit(1)


def _checks(
    environ: Mapping[str, str], loaded: Loaded, seen: CoverageReport | None
) -> Iterator[Check]:
    from otel_distro.base.check import guarded
    from otel_distro.export.otlp.variables import otlp_endpoint
    from otel_distro.reports.doctor import (
        coverage,
        instrumentations,
        packages,
        places,
        protection,
        telling,
    )

    settings = loaded.settings
    checks: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("OpenTelemetry versions", packages.check_versions),
        ("distribution", lambda: packages.check_competitors(environ)),
        ("settings", lambda: protection.check_settings(loaded)),
        ("settings", lambda: protection.check_standard_variables(environ)),
        ("consent", lambda: protection.check_consent(loaded)),
        ("redaction", lambda: protection.check_redaction(loaded)),
        (
            "instrumentations",
            lambda: instrumentations.check_instrumentations(
                coverage.scopes_of(seen), wire=settings.wire, days=coverage.DAYS
            ),
        ),
        ("coverage", lambda: coverage.check_coverage(seen)),
        ("transports", coverage.check_transports),
        ("collector", lambda: places.check_collector(otlp_endpoint(environ), environ)),
        ("state folder", lambda: places.check_state_dir(settings.state_dir)),
        ("ledger", lambda: places.check_ledger(settings.ledger, settings.state_dir)),
        ("spool", lambda: places.check_spool(settings.state_dir, settings.spool)),
        ("prices", places.check_prices),
        ("alerts", lambda: telling.check_alerts(settings)),
    )
    for subject, check in checks:
        yield from guarded(subject, check)


def _show_startup(environ: Mapping[str, str], *, as_json: bool) -> None:
    from otel_distro.reports.doctor.startup import measure

    startup = measure(environ)
    if as_json:
        output.print_json({"startup": asdict(startup)})
        return
    for line in _startup_lines(startup):
        click.echo(output.printable(line))


def _startup_lines(startup: Startup) -> Iterator[str]:
    yield (
        f"start to the first line of a program: {startup.ms:.0f} ms"
        f"{_megabytes(startup.memory_mb)}; "
        f"without telemetry {startup.bare_ms:.0f} ms{_megabytes(startup.bare_memory_mb)}"
    )
    yield f"before that, opentelemetry-instrument itself: {startup.launcher_ms:.0f} ms"
    yield ""
    yield f"{'part of the start':<46}{'ms':>8}"
    for phase in startup.phases:
        yield f"  {phase.name:<44}{phase.ms:>8.1f}"
    yield ""
    yield f"{'imports (slower while they are timed)':<46}{'ms':>8}{'modules':>9}"
    for imports in startup.imports[:_MOST_PACKAGES]:
        yield f"  {imports.package:<44}{imports.ms:>8.1f}{imports.modules:>9}"
    yield ""
    yield from startup.remedies


def _megabytes(memory: float | None) -> str:
    return "" if memory is None else f", {memory:.1f} MB"


def _show(check: Check) -> None:
    status = click.style(f"{check.status:<4}", fg=_COLORS[check.status])
    click.echo(f"{status}  {check.subject:<22}  {output.printable(check.found)}")
    if check.remedy:
        click.echo(
            f"      {'':<22}  run: {check.remedy}"
            if _is_command(check.remedy)
            else f"      {'':<22}  {check.remedy}"
        )


def _is_command(remedy: str) -> bool:
    return remedy.startswith(("pip ", "docker ", "otel-distro "))


def _list_settings(environ: Mapping[str, str], *, as_json: bool) -> None:
    from otel_distro.settings.sources import in_force

    sources = {one.name: one.source for one in in_force(environ)}
    rows = []
    for variable in VARIABLES:
        value = environ.get(variable.name, "")
        hidden = shown(value, secret=variable.secret) == NOT_SHOWN
        rows.append(
            {
                "name": variable.name,
                "value": "(set, not shown)" if value and hidden else value,
                "source": sources.get(variable.name, "default"),
                "default": variable.default,
                "meaning": variable.meaning,
                "example": variable.example,
            }
        )
    if as_json:
        output.print_json({"settings": rows})
        return
    for row in rows:
        click.echo(f"{row['name']}={row['value']}" if row["value"] else row["name"])
        click.echo(f"    {row['meaning'].replace('`', '')}")
        click.echo(f"    default: {row['default']}; for example {row['example']}")
