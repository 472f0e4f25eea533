"""`otel-distro mcp`: an MCP server over costs and traces for agents."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.cli.options import ledger_option, ledger_path

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location


@click.command("mcp", epilog="Example: otel-distro mcp")
@ledger_option
def command(ledger: Location | None) -> None:
    """Serve read-only queries of ledger and traces to an agent, on stdin and stdout.

    Register it, as in `claude mcp add otel-distro -- otel-distro mcp`. The agent can query costs,
    budgets, the slowest and the failing operations, traces and log records. It can change nothing,
    and gets only data that was redacted before it was stored.
    """
    if find_spec("mcp") is None:
        raise output.fail("this needs the package mcp; run: pip install 'otel-distro[mcp]'")
    from otel_distro.cli.mcp_tools import make_server
    from otel_distro.settings import load, process_environment

    settings = load(process_environment()).settings
    make_server(settings, ledger_path(ledger)).run("stdio")
