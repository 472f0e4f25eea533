"""`otel-distro privacy redact`: redaction of plain text."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

import click

from otel_distro.cli import output
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_redaction import Policy
    from otel_redaction.scoring import Score

_CHUNK = 1 << 20
_BEGIN, _END = "-----BEGIN", "-----END"


@click.command("redact", epilog="Example: otel-distro privacy redact < app.log")
@click.option("--explain", is_flag=True, help="List kinds and positions instead, never the values.")
@click.option(
    "--score",
    "labelled",
    type=click.File(encoding="utf-8"),
    help="Score the settings on your own lines, JSON objects with `text` and `spans`.",
)
@click.option("--json", "as_json", is_flag=True, help="With --score: print JSON.")
def command(*, explain: bool, labelled: TextIO | None, as_json: bool) -> None:
    """Copy standard input to standard output with PII and secrets masked.

    Uses the redaction settings of this environment. With --explain each line is: offset of the
    first character, offset after the last, kind. With --score nothing is copied: recall, false
    alarms and each miss are listed, its value masked to its form.
    """
    from otel_redaction import find, redact

    loaded = load(process_environment())
    if loaded.problems:
        for problem in loaded.problems:
            output.note(f"otel-distro: {problem}")
        raise output.fail("settings cannot be used, so nothing was written", code=2)
    if labelled is not None:
        _score(labelled, loaded.settings.policy, as_json=as_json)
        return
    # Bytes in and out: line ends and invalid UTF-8 are unchanged.
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


def _score(labelled: TextIO, policy: Policy, *, as_json: bool) -> None:
    from otel_redaction import find
    from otel_redaction.scoring import LabelError, read_labelled, score

    try:
        rows = read_labelled(labelled)
    except (LabelError, UnicodeDecodeError) as error:
        raise output.fail(
            f"{labelled.name}: {error}; each line is a JSON object with text and spans", code=2
        ) from error
    result = score(rows, lambda text: find(text, policy))
    if as_json:
        click.echo(json.dumps(asdict(result) | _rates(result), indent=2))
        return
    click.echo(f"{result.lines} lines")
    for name, rate in _rates(result).items():
        click.echo(f"{name.replace('_', ' '):18}{'-' if rate is None else f'{rate:.3f}'}")
    for label, tally in sorted(result.labels.items()):
        click.echo(f"  {label:24}{tally.found:>6} of {tally.values}")
    for miss in result.misses:
        click.echo(miss)


def _rates(result: Score) -> dict[str, float | None]:
    return {
        "recall": result.recall,
        "false_alarm_rate": result.false_alarm_rate,
        "precision": result.precision,
    }


def parts(lines: Iterable[str], size: int = _CHUNK) -> Iterator[str]:
    """Yield *lines* joined to parts of about *size* characters, never cut within a secret.

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
