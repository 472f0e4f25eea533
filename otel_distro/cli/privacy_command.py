"""`otel-distro privacy`: recorded data, and decisions about it."""

from __future__ import annotations

import click

from otel_distro.cli import output
from otel_distro.cli.groups import LazyGroup

_FILES = {
    "audit": ("audit", "decisions about the data, and whether their record is intact"),
    "catalogue": ("catalogue", "every exported or stored field: place, purpose, retention"),
    "consent": ("consent", "whether programs may record and send anything"),
    "content": ("content", "keys for stored messages, and reading or deleting them"),
    "forget": ("forget", "remove a user from all stored data"),
    "prove": (
        "prove_privacy",
        "run a program with fake secrets and show every field that would leave",
    ),
    "redact": ("redact", "standard input with PII and secrets masked"),
}


class _PrivacyGroup(LazyGroup):
    """The group; its bare name and its options were the catalogue in earlier versions."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in {"-h", "--help"}):
            output.note(
                "`otel-distro privacy` is now `otel-distro privacy catalogue`; "
                "the old name works for one more release"
            )
            args = ["catalogue", *args]
        return super().parse_args(ctx, args)


@click.group(
    "privacy", cls=_PrivacyGroup, files=_FILES, epilog="Example: otel-distro privacy catalogue"
)
def command() -> None:
    """Fields that leave or are kept, consent, erasure, redaction and its proof."""
