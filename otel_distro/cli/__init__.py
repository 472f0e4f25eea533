"""The `otel-distro` command: one file per subcommand, loaded on use."""

from __future__ import annotations

import click

from otel_distro.cli.groups import LazyGroup, closest, load_command

_START = {
    "run": "run a program under this distribution",
    "demo": "run a small app against a fake provider and show the result",
    "doctor": "check this installation and suggest fixes",
    "serve": "receive OTLP from any program, show it on a page, forward it",
    "ui": "a page on this machine: spend, budgets, latency, errors, calls",
    "costs": "cost of model calls, from the local ledger",
    "calls": "list single model calls",
    "budgets": "remaining cost budgets, and when they will run out",
    "explain": "which spans of a trace are billed, and why",
}
_MORE = {
    "traces": "find traces in the store of `serve`, or show one",
    "logs": "find log records in the store of `serve`",
    "metrics": "metrics in the store of `serve`",
    "mcp": "read-only access to costs and traces for agents",
    "agent-env": "variables that make a coding agent send its telemetry here",
    "golden": "prompts with expected answers, run against a model",
}
_GROUPS = {
    "ledger": "check, archive, copy, import, reprice, reconcile, prices",
    "privacy": "catalogue, consent, content, forget, audit, redact, prove",
    "reports": "stats, report, top, digest, waste, whatif, alerts, health",
    "spool": "show or send undelivered telemetry on disk",
    "stack": "run the bundled Collector, Jaeger, Prometheus and Grafana",
}

COMMANDS = _START | _MORE | _GROUPS
"""Subcommand -> description, in the order of `otel-distro --help`."""

MOVED = {
    **{name: ("ledger", name) for name in ("import", "reprice", "reconcile", "prices")},
    **{name: ("privacy", name) for name in ("consent", "content", "forget", "audit", "redact")},
    "prove-privacy": ("privacy", "prove"),
    **{
        name: ("reports", name)
        for name in (
            *("stats", "report", "top", "digest", "violations", "waste", "whatif"),
            *("alerts", "health"),
        )
    },
}
"""Names of earlier versions -> current group and name; they work for one more release."""


class _TopGroup(LazyGroup):
    """The groups and commands of the first level, and names of earlier versions."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # One screen of 80 by 24, with the commands a newcomer needs first.
        formatter.write("Usage: otel-distro [-h] [--version] COMMAND [ARGS]...\n\n")
        formatter.write(f"  {self.help}\n")
        width = max(map(len, _START | _GROUPS))
        _write_section(formatter, "Start here:", _START, width)
        formatter.write(f"More: {', '.join(_MORE)}\n")
        _write_section(formatter, "Groups (otel-distro GROUP --help):", _GROUPS, width)
        formatter.write("Example: otel-distro costs --since 24h\n")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in MOVED:
            from otel_distro.cli import output

            group, name = MOVED[args[0]]
            output.note(
                f"`otel-distro {args[0]}` is now `otel-distro {group} {name}`; "
                "the old name works for one more release"
            )
            parent = load_command(group)
            assert isinstance(parent, click.Group)  # noqa: S101 - for type checkers
            return f"{group} {name}", parent.get_command(ctx, name), args[1:]
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no such command {args[0]!r}{_suggestion(args[0])}")
        return super().resolve_command(ctx, args)


def _write_section(
    formatter: click.HelpFormatter, heading: str, commands: dict[str, str], width: int
) -> None:
    formatter.write(f"{heading}\n")
    for name, meaning in commands.items():
        formatter.write(f"  {name:{width}}  {meaning}\n")


def _suggestion(word: str) -> str:
    names = {name: name for name in COMMANDS}
    names |= {name: " ".join(path) for name, path in MOVED.items()}
    return closest(word, names)


@click.group(cls=_TopGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="otel-distro", prog_name="otel-distro")
def main() -> None:
    """See what the model calls of your Python programs cost, keep and leak."""
