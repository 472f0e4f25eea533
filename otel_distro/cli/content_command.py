"""`otel-distro privacy content`: keys for stored messages, and reading or deleting them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.privacy import audit
from otel_distro.settings import load, process_environment
from otel_host.private_files import create_private

if TYPE_CHECKING:
    from otel_distro.privacy.content.store import Sealed


@click.group("content", epilog="Example: otel-distro privacy content keygen ~/content.key")
def command() -> None:
    """Manage messages stored under OTEL_DISTRO_CONTENT=full.

    They are encrypted for a key pair: programs have the public key and can only write; reading
    requires the user's private key. Without it they cannot be read.
    """


@command.command("keygen", epilog="Example: otel-distro privacy content keygen ~/content.key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def keygen_command(file: Path) -> None:
    """Write a new private key to FILE and print the public one.

    The public key goes into OTEL_DISTRO_CONTENT_KEY; keep FILE elsewhere.
    """
    from otel_distro.privacy.content.sealing import ContentKeyError, new_key_pair

    try:
        private_key, public_key = new_key_pair()
        with os.fdopen(create_private(file, os.O_WRONLY), "w") as opened:
            opened.write(private_key + "\n")
    except ContentKeyError as error:
        raise output.fail(str(error)) from error
    except FileExistsError as error:
        raise output.fail(f"{file} already exists; a key is never overwritten") from error
    except OSError as error:
        raise output.fail(f"cannot write {file}: {error.strerror}") from error
    audit.record_quietly(_state_dir(), "content.keygen", public_key=public_key)
    click.echo(public_key)
    output.note(f"private key in {file}; stored messages cannot be read without it")
    output.note(f"next: export OTEL_DISTRO_CONTENT=full OTEL_DISTRO_CONTENT_KEY={public_key}")


@command.command("show", epilog="Example: otel-distro privacy content show --key ~/content.key")
@click.option(
    "--key", "key_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--trace", metavar="TRACE_ID", help="Only calls of this trace.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@json_option
def show_command(key_file: Path, trace: str | None, limit: int, *, as_json: bool) -> None:
    """Decrypt and print stored messages, latest first; recorded in the audit trail."""
    from otel_distro.privacy.content import sealing, store

    path = _state_dir() / store.FILE_NAME
    try:
        open_sealed = sealing.opener(key_file.read_text(errors="replace"))
        rows = store.read(path, trace_id=_trace(trace), limit=limit)
        messages = [_opened(row, open_sealed) for row in rows]
    except (sealing.ContentKeyError, OSError) as error:
        raise output.fail(str(error)) from error
    audit.record_quietly(_state_dir(), "content.read", calls=len(messages))
    if as_json:
        output.print_json({"calls": messages})
        return
    if not messages:
        output.note(f"nothing is stored in {path}")
    for call in messages:
        click.echo(f"{call['time']}  trace {call['trace_id']}  span {call['span_id']}")
        for name, value in call["content"].items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            click.echo(f"    {name}: {output.printable(text)}")


@command.command("purge", epilog="Example: otel-distro privacy content purge --yes")
@click.confirmation_option(prompt="Delete all stored messages?")
def purge_command() -> None:
    """Delete all stored messages, beyond recovery. Costs and calls stay."""
    from otel_distro.privacy.content import store

    deleted = store.delete_all(_state_dir() / store.FILE_NAME)
    audit.record_quietly(_state_dir(), "content.purged", calls=deleted)
    click.echo(f"messages of {deleted:,} calls deleted")


def _opened(row: Sealed, open_sealed: Any) -> dict[str, Any]:
    at = datetime.fromtimestamp(row.start_ns / 1e9, UTC)
    return {
        "time": at.isoformat(timespec="milliseconds"),
        "trace_id": row.trace_id.hex(),
        "span_id": f"{row.span_id:016x}",
        "content": json.loads(open_sealed(row.sealed, row.ids)),
    }


def _trace(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        trace_bytes = bytes.fromhex(text)
    except ValueError:
        trace_bytes = b""
    if len(trace_bytes) != 16:
        raise output.fail(f"{text!r} is not a trace id of 32 hexadecimal digits", code=2)
    return trace_bytes


def _state_dir() -> Path:
    return load(process_environment()).settings.state_dir
