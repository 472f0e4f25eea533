"""`otel-distro serve`: the embedded collector and the page, in one process."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_distro.base import messages
from otel_distro.base.errors import SettingsError
from otel_distro.cli import output
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_distro.server.serving import Serving

_NEEDED = ("starlette", "jinja2", "uvicorn")


@click.command("serve", epilog="Example: otel-distro serve --forward http://collector:4318")
@click.option(
    "--otlp-http-port",
    "http_port",
    type=click.IntRange(0, 65535),
    default=4318,
    show_default=True,
    help="Port for OTLP/HTTP, 0 for any.",
)
@click.option(
    "--otlp-grpc-port",
    "grpc_port",
    type=click.IntRange(0, 65535),
    default=4317,
    show_default=True,
    help="Port for OTLP/gRPC, 0 for any; requires grpcio.",
)
@click.option(
    "--ui-port",
    type=click.IntRange(0, 65535),
    help="Port of the page, 0 for any; by default 4320, or a free one if it is taken.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option(
    "--forward", metavar="URL", help="Also send everything, redacted, to this OTLP/HTTP address."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to serve on; others than loopback need both tokens (below).",
)
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="Another name of this server."
)
@click.option(
    "--statsd-port",
    type=click.IntRange(0, 65535),
    help="Also receive StatsD by UDP on loopback at this port (usually 8125), 0 for any.",
)
@click.option(
    "--statsd-socket",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also receive StatsD at this Unix datagram socket.",
)
@click.option(
    "--read-only", is_flag=True, help="Disable changing consent on the page, even with the token."
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Origin whose web pages may send, such as http://localhost:3000.",
)
def command(
    http_port: int,
    grpc_port: int,
    ui_port: int | None,
    host: str,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    forward: str | None,
    statsd_port: int | None,
    statsd_socket: Path | None,
    *,
    no_browser: bool,
    read_only: bool,
) -> None:
    """Receive traces, logs and metrics from any program, and show them; Ctrl-C ends it.

    Telemetry is redacted, priced, written to the ledger and kept for 7 days. Programs that export
    OTLP to the default endpoint need no setting. For other machines set OTEL_DISTRO_SERVE_TOKEN
    (senders) and OTEL_DISTRO_UI_TOKEN (the page).
    """
    _check_parts()
    from otel_distro.server.forwarding import ForwardError
    from otel_distro.server.serving import ServeOptions, serve
    from otel_distro.server.statsd_receiver import StatsdError
    from otel_distro.ui.serving import CannotServeError
    from otel_trace_store.errors import TraceStoreError

    loaded = load(process_environment())
    if loaded.problems:
        messages.warn(str(SettingsError(loaded.problems)))
    settings = replace(loaded.settings, forward=forward or loaded.settings.forward)
    options = ServeOptions(
        host,
        http_port,
        grpc_port,
        ui_port,
        frozenset(name.lower() for name in hosts),
        frozenset(origin.lower().rstrip("/") for origin in origins),
        read_only=read_only,
        statsd_port=statsd_port,
        statsd_socket=statsd_socket,
    )

    def started(serving: Serving) -> None:
        for line in _lines(serving):
            click.echo(line)
        if not no_browser:
            import webbrowser

            webbrowser.open(serving.page)

    try:
        serve(settings, options, withhold=loaded.withholds, started=started)
    except (CannotServeError, ForwardError, StatsdError, TraceStoreError) as error:
        raise output.fail(str(error)) from error


def _lines(serving: Serving) -> Iterator[str]:
    yield f"page       {serving.page}"
    yield f"OTLP/HTTP  {serving.http}"
    if serving.grpc:
        yield f"OTLP/gRPC  {serving.grpc}"
    else:
        yield f"OTLP/gRPC  not received: {output.printable(serving.why_no_grpc)}"
    if serving.statsd:
        yield f"StatsD     {output.printable(serving.statsd)}"
    if serving.forward:
        yield f"forwards   {output.printable(serving.forward)}"
    yield "Ctrl-C ends it"


def _check_parts() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise output.fail(
            f"serve needs {', '.join(missing)}; run: pip install 'otel-distro[serve]'"
        )
