"""`otel-distro stack`: the bundled Collector, Jaeger, Prometheus, Alertmanager and Grafana."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.cli.groups import LazyGroup
from otel_distro.cli.options import json_option

if TYPE_CHECKING:
    from otel_distro.base.check import Check

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}
_FOLDER = click.argument(
    "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("otel-stack")
)


_FILES = {
    "clickhouse": ("clickhouse", "create, upgrade and check the ledger's tables in ClickHouse")
}


@click.group("stack", cls=LazyGroup, files=_FILES, epilog="Example: otel-distro stack check")
def command() -> None:
    """Run and check the bundled stack: Collector, Jaeger, Prometheus, Grafana."""


@command.command("check", epilog="Example: otel-distro stack check")
@click.option(
    "--at",
    "addresses",
    multiple=True,
    metavar="NAME=URL",
    help="URL of a part that is not on this host: otlp, collector, jaeger, prometheus...",
)
@json_option
def check(addresses: tuple[str, ...], *, as_json: bool) -> None:
    """Check the health of every part; suggest fixes.

    Exit code 1 if a check has failed.
    """
    from otel_distro.stack.probes import check_stack

    checks = list(check_stack(_addresses(addresses)))
    if as_json:
        output.print_json({"checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            _show(check)
    if any(check.status == "fail" for check in checks):
        raise click.exceptions.Exit(1)


@command.command("urls", epilog="Example: otel-distro stack urls")
@json_option
def urls(*, as_json: bool) -> None:
    """List the URLs of all parts."""
    from otel_distro.stack.places import OTLP_HTTP, PLACES

    rows = [(OTLP_HTTP, "programs send here by default")]
    rows += [(place.url, f"{place.service}: {place.purpose}") for place in PLACES]
    if as_json:
        output.print_json({"urls": [{"url": url, "purpose": purpose} for url, purpose in rows]})
        return
    for url, purpose in rows:
        click.echo(f"{url:<24}  {purpose}")


@command.command("config", epilog="Example: otel-distro stack config otel-stack")
@_FOLDER
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def config(folder: Path, *, overwrite: bool) -> None:
    """Write docker-compose.yml and all its files into FOLDER."""
    from otel_distro.stack.files import StackError, write_files

    try:
        written = write_files(folder, overwrite=overwrite)
    except StackError as error:
        raise output.fail(str(error)) from error
    click.echo(f"{len(written)} files written to {folder}")
    click.echo(f"next: otel-distro stack up {folder}")


@command.command("up", epilog="Example: otel-distro stack up")
@_FOLDER
def up(folder: Path) -> None:
    """Start the stack of FOLDER with docker compose, writing its files first if missing."""
    from otel_distro.stack.files import COMPOSE_FILE, StackError, write_files, write_password

    docker = _docker()
    try:
        if not (folder / COMPOSE_FILE).exists():
            write_files(folder)
        if write_password(folder):
            output.note(f"{folder / '.env'} holds a new password for Grafana's user admin")
    except StackError as error:
        raise output.fail(str(error)) from error
    _compose(docker, folder, "up", "--detach", "--wait")
    click.echo("next: otel-distro stack check")


@command.command("down", epilog="Example: otel-distro stack down")
@_FOLDER
def down(folder: Path) -> None:
    """Stop the stack of FOLDER; its stored data is kept."""
    from otel_distro.stack.files import COMPOSE_FILE

    if not (folder / COMPOSE_FILE).exists():
        raise output.fail(f"there is no {COMPOSE_FILE} in {folder}")
    _compose(_docker(), folder, "down")


def _docker() -> str:
    docker = shutil.which("docker")
    if docker is None:
        raise output.fail(
            "docker is not installed here; with another engine run its compose on the files that "
            "`otel-distro stack config DIR` writes"
        )
    return docker


def _compose(docker: str, folder: Path, *arguments: str) -> None:
    done = subprocess.run([docker, "compose", *arguments], cwd=folder, check=False)
    if done.returncode:
        raise click.exceptions.Exit(1)


def _addresses(pairs: tuple[str, ...]) -> dict[str, str]:
    from otel_distro.stack.places import PLACES

    known = ["otlp", *(place.service for place in PLACES)]
    addresses = {}
    for pair in pairs:
        name, _, url = pair.partition("=")
        if name not in known or not url.startswith(("http://", "https://")):
            raise click.BadParameter(
                f"{pair!r} is not NAME=URL with a name among {', '.join(known)}", param_hint="--at"
            )
        addresses[name] = url.rstrip("/")
    return addresses


def _show(check: Check) -> None:
    status = click.style(f"{check.status:<4}", fg=_COLORS[check.status])
    click.echo(f"{status}  {check.subject:<14}  {output.printable(check.found)}")
    if check.remedy:
        prefix = "run: " if check.remedy.startswith(("docker ", "promtool ")) else ""
        click.echo(f"      {'':<14}  {prefix}{check.remedy}")
