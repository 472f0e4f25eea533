"""`otel-distro demo`: a demonstration in half a minute, without key or network."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.cli.cost_report import OPTIONAL, cost_table
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from otel_cost_ledger.query.costs import CostReport
    from otel_distro.demo.show import Shown

_NEEDED = ("openai", "opentelemetry.instrumentation.genai.openai")


@click.command("demo", epilog="Example: otel-distro demo")
def command() -> None:
    """Run a small real app against a fake provider and show its telemetry.

    The app uses the real openai client and has no telemetry code. Everything stays on this machine:
    the provider and the telemetry receiver are started on loopback and stopped again.
    """
    missing = [name for name in _NEEDED if not _installed(name)]
    if missing:
        raise output.fail(
            f"the demo needs {' and '.join(missing)}; run: pip install 'otel-distro[demo]'"
        )
    from otel_cost_ledger.query.costs import costs
    from otel_distro.cli.reading import reading
    from otel_distro.demo.show import DemoFailedError, run_demo

    usual = load(process_environment()).settings.state_dir / "demo"
    folder = _folder(usual)
    try:
        result = run_demo(folder)
    except DemoFailedError as error:
        raise output.fail(str(error)) from error
    with reading(result.ledger) as opened:
        report = costs(opened)
    page = (
        "otel-distro ui --demo" if folder == usual else f"otel-distro ui --ledger {result.ledger}"
    )
    _show(result, report, page)


def _folder(path: Path) -> Path:
    """Return *path*, or a temporary folder if it is not writable."""
    from otel_host.private_files import make_private_folder

    try:
        make_private_folder(path)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        reason = getattr(error, "strerror", None) or str(error)
        folder = Path(tempfile.mkdtemp(prefix="otel-distro-demo-"))
        output.note(f"cannot write to {path}: {reason}; the demo is stored in {folder}")
        return folder


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _show(shown: Shown, report: CostReport, page: str) -> None:
    click.echo(f"ran a small app: {shown.requests} calls of the openai client, no code changed\n")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(shown.redactions.items()))
    result = (
        f"{len(shown.leaked)} of {shown.planted} planted secrets LEFT the process"
        if shown.leaked
        else f"none of the {shown.planted} planted secrets left the process"
    )
    output.print_table(
        cost_table(report),
        lines_after=[
            "",
            f"redacted: {kinds or 'nothing'}; {result} ({shown.exported_bytes:,} bytes exported)",
            f"stored:   {shown.ledger}",
            f"look:     {page}",
            "next:     otel-distro run -- python your_app.py   then   otel-distro costs --since 1h",
        ],
        optional=OPTIONAL,
        complete_with=f"otel-distro costs --ledger {shown.ledger} --csv",
    )
    if shown.leaked:
        raise click.exceptions.Exit(1)
