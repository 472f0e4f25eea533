"""Options and readers shared by the commands over the trace store."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from otel_distro.base.formatting import printable_json
from otel_distro.cli import output
from otel_distro.cli.options import nanoseconds, since_option
from otel_distro.settings import load, process_environment
from otel_trace_store.errors import TraceStoreError
from otel_trace_store.limits import FOLDER, METRICS_FOLDER
from otel_trace_store.reader import StoreReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

T = TypeVar("T")
_QUERY_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 1.0

search_option = click.option(
    "--search", "text", default="", metavar="TEXT", help='Words, or "phrases", to look for.'
)
service_option = click.option("--service", default="", help="Only this service.")
attribute_option = click.option(
    "--attribute", default="", metavar="KEY=VALUE", help="Only with this attribute."
)
follow_option = click.option("--follow", is_flag=True, help="Follow new records as they arrive.")
limit_option = click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="Maximum number, the newest ones.",
)
store_since_option = since_option("Only those that began after this; by default all.")


def store_path() -> Path:
    """Return the folder of the trace store."""
    return load(process_environment()).settings.state_dir / FOLDER


@contextmanager
def reading_metrics() -> Iterator[StoreReader]:
    """Open the stores of received metrics and of metrics that programs stored themselves."""
    settings = load(process_environment()).settings
    with _reading(settings.state_dir / FOLDER, settings.state_dir / METRICS_FOLDER) as reader:
        if not reader.segments:
            raise output.fail(
                "no metrics are stored yet; start `otel-distro serve`, or run a program with "
                "OTEL_METRICS_EXPORTER=sqlite"
            )
        yield reader


@contextmanager
def reading() -> Iterator[StoreReader]:
    """Open the trace store; ends with a message if it is missing or unreadable."""
    folder = store_path()
    with _reading(folder) as reader:
        if not reader.segments:
            raise output.fail(
                f"nothing was received yet: {folder} holds no traces; "
                "start `otel-distro serve` and run a program"
            )
        yield reader


@contextmanager
def _reading(*folders: Path) -> Iterator[StoreReader]:
    try:
        with StoreReader(*folders) as reader:
            reader.limit_time(_QUERY_SECONDS)
            yield reader
    except TraceStoreError as error:
        raise output.fail(str(error)) from error


def microseconds(moment: datetime | None) -> int | None:
    """Return *moment* in microseconds since the Unix epoch, or None."""
    ns = nanoseconds(moment)
    return None if ns is None else ns // 1000


def print_json_line(value: dict[str, Any]) -> None:
    """Print *value* as one line of JSON."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    click.echo(printable_json(text))


def follow(
    find: Callable[[StoreReader], list[T]], key: Callable[[T], str], show: Callable[[T], None]
) -> None:
    """Show the results of *find*, then new ones until Ctrl-C."""
    seen: dict[str, None] = {}
    mark = ""
    try:
        while True:
            try:
                with StoreReader(store_path()) as reader:
                    now = reader.mark()
                    rows = find(reader) if now != mark else []
                    mark = now
            except TraceStoreError as error:
                raise output.fail(str(error)) from error
            for one in reversed(rows):
                if key(one) not in seen:
                    seen[key(one)] = None
                    show(one)
            while len(seen) > 100_000:
                del seen[next(iter(seen))]
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        return
