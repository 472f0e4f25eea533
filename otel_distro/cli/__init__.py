"""The `otel-distro` command: one file for each subcommand, loaded only when it is used."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "agent-env": "what makes a coding agent send its telemetry to this machine",
    "alerts": "what is wrong now, told once to wherever alerts go",
    "audit": "what was decided about the data, and whether the record of it is whole",
    "budgets": "what cost budgets have left, and when they will run out",
    "calls": "list single model calls from the ledger",
    "consent": "whether programs may record and send anything",
    "content": "keys for stored messages, and reading or deleting them",
    "costs": "what model calls cost, from the local ledger",
    "demo": "run a small app against a fake provider and show what is seen",
    "digest": "the review of a day, a week or a month, against the one before",
    "doctor": "check this installation and say how to mend what is wrong",
    "explain": "which spans of a trace are billed, and why",
    "forget": "take a user out of everything that is stored",
    "golden": "prompts with expected answers, run against a model under a budget",
    "health": "whether memory, errors, latency and budgets are well",
    "import": "fill the ledger from OTLP/JSON Lines files",
    "ledger": "check the ledger, remove or archive old calls, copy it",
    "logs": "find log records in what `serve` keeps",
    "mcp": "let agents ask what was spent and why it is slow, read-only",
    "metrics": "metrics in what `serve` keeps",
    "prices": "what a model costs and where that price comes from",
    "privacy": "every field that can leave or is kept: where, why, for how long",
    "prove-privacy": "run a program with fake secrets planted and show all that would leave",
    "reconcile": "compare the ledger with a provider's usage or cost export",
    "redact": "copy standard input to standard output with PII and secrets masked",
    "report": "volume, errors, latency and cost as text, or as one HTML file",
    "reprice": "price stored calls anew, after a price was added or corrected",
    "run": "run a program under this distribution",
    "serve": "receive OTLP from any program: redact, price, keep, show and forward it",
    "spool": "see or send telemetry that waits on disk",
    "stack": "check the bundled stack, list its addresses, write its files",
    "stats": "error rate, latency, speed and time to first token",
    "top": "watch calls, spend, budgets, latency and errors on a terminal",
    "traces": "find traces in what `serve` keeps, or show one",
    "ui": "a page on this machine: spend, budgets, latency, errors, calls",
    "violations": "spans that exceeded their latency budgets",
    "waste": "what retries, abandoned streams, repeats and missed caches cost",
    "whatif": "what the same calls would cost with another model or more caching",
}
"""Subcommand -> what it does, as `otel-distro --help` lists it."""


class _LazyGroup(click.Group):
    """Imports a subcommand's module when it is called, not to list its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"otel_distro.cli.{cmd_name.replace('-', '_')}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            ctx.fail(f"no such command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: otel-distro costs --since 24h",
)
@click.version_option(package_name="otel-distro", prog_name="otel-distro")
def main() -> None:
    """See what the model calls of your Python programs cost, keep and leak."""
