"""`otel-distro ui`: the page over the ledger."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from otel_distro.cli import output
from otel_distro.cli.options import ledger_option, ledger_path
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location

_NEEDED = ("starlette", "jinja2", "uvicorn")


@click.command("ui", epilog="Example: otel-distro ui --port 4320 --no-browser")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to serve on, 0 for any; by default 4320, or a free one if it is taken.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to serve on; other machines only with OTEL_DISTRO_UI_TOKEN set.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Another host name of the page; repeat for more.",
)
@click.option(
    "--jaeger", metavar="URL", help="Where Jaeger's page is; by default http://localhost:16686."
)
@click.option(
    "--read-only", is_flag=True, help="Disable changing consent on the page, even with the token."
)
@click.option("--demo", is_flag=True, help="Show what `otel-distro demo` has stored.")
@ledger_option
def command(
    port: int | None,
    host: str,
    hosts: tuple[str, ...],
    jaeger: str | None,
    ledger: Location | None,
    *,
    no_browser: bool,
    read_only: bool,
    demo: bool,
) -> None:
    """Serve a page over the ledger on this machine; Ctrl-C ends it.

    Spend, budgets, latency, errors, tokens, calls, traces and settings; nothing is fetched from
    elsewhere. The page writes only consent, and only if OTEL_DISTRO_UI_TOKEN is set. Set it also if
    other people log in to this machine.
    """
    check_parts()
    from otel_distro.ui.app import JAEGER, Site, make_app
    from otel_distro.ui.security import Access
    from otel_distro.ui.serving import CannotServeError, address_of, check_host, listen, serve

    settings = load(process_environment()).settings
    if demo:
        settings = replace(settings, state_dir=settings.state_dir / "demo")
        if not (settings.state_dir / "ledger.db").exists():
            raise output.fail("there is no demo to show yet; run: otel-distro demo")
    location = settings.state_dir / "ledger.db" if demo else ledger_path(ledger)
    names = frozenset(name.lower() for name in hosts)
    access = Access(settings.ui_token, names, read_only=read_only or demo)
    try:
        check_host(host, settings.ui_token)
        app = make_app(Site(location, settings, access, _web_address(jaeger or JAEGER)))
        listener = listen(host, port)
    except CannotServeError as error:
        raise output.fail(str(error)) from error
    url = address_of(listener, host, settings.ui_token)
    click.echo(f"{url}  (ledger {output.printable(str(location))}; Ctrl-C ends it)")

    def opened() -> None:
        if not no_browser:
            import webbrowser

            webbrowser.open(url)

    serve(app, listener, opened)


def check_parts(needed: tuple[str, ...] = _NEEDED) -> None:
    """End with the packages to install if the page lacks one."""
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise output.fail(
            f"the page needs {', '.join(missing)}; run: pip install 'otel-distro[ui]'"
        )


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise click.BadParameter(
            f"{text!r} is not a web address such as http://localhost:16686", param_hint="--jaeger"
        )
    return text.rstrip("/")
