"""`otel-distro redact`: the redactor on plain text."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CHUNK = 1 << 20
_BEGIN, _END = "-----BEGIN", "-----END"


@click.command("redact", epilog="Example: otel-distro redact < app.log")
@click.option("--explain", is_flag=True, help="List kinds and positions instead, never the values.")
def command(*, explain: bool) -> None:
    """Copy standard input to standard output with PII and secrets masked.

    Uses the redaction settings of this environment. With --explain each line is: offset of the
    first character, offset after the last, kind.
    """
    from otel_redaction import find, redact

    loaded = load(process_environment())
    if loaded.problems:
        for problem in loaded.problems:
            output.note(f"otel-distro: {problem}")
        raise output.fail("settings cannot be used, so nothing was written", code=2)
    # Bytes on both sides: line ends and what is no UTF-8 come out as they went in.
    source, target = sys.stdin.buffer, sys.stdout.buffer
    offset = 0
    for part in parts(line.decode("utf-8", "surrogateescape") for line in source):
        if explain:
            for match in find(part, loaded.settings.policy):
                click.echo(f"{offset + match.start}\t{offset + match.end}\t{match.kind}")
        else:
            clean = redact(part, loaded.settings.policy)
            target.write(clean.encode("utf-8", "surrogateescape"))
        offset += len(part)
    target.flush()


def parts(lines: Iterable[str], size: int = _CHUNK) -> Iterator[str]:
    """Yield *lines* joined to parts of about *size* characters, cut where no secret can be.

    They are cut at the end of a line, and not inside a PEM block.
    """
    kept: list[str] = []
    length = 0
    inside = False
    for line in lines:
        kept.append(line)
        length += len(line)
        if _BEGIN in line or _END in line:
            inside = line.rfind(_BEGIN) > line.rfind(_END)
        if length >= size and not inside:
            yield "".join(kept)
            kept, length = [], 0
    if kept:
        yield "".join(kept)
