"""`otel-distro privacy consent`: the user's decision whether programs may record and send."""

from __future__ import annotations

import click

from otel_distro.cli import output
from otel_distro.cli.options import json_option


@click.group(
    "consent", invoke_without_command=True, epilog="Example: otel-distro privacy consent revoke"
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Decide whether programs may record and send anything; asks without a subcommand.

    Running programs follow a decision within a second. It is stored in the state folder, so
    programs with separate state folders (OTEL_DISTRO_STATE_DIR) have separate decisions.
    """
    if ctx.invoked_subcommand is not None:
        return
    from otel_distro.privacy import consent
    from otel_distro.privacy.consent_prompt import ask, can_ask

    if not can_ask():
        _show(as_json=False)
        output.note(
            "standard input is not a terminal, so nothing is asked; "
            "use `otel-distro privacy consent grant` or `revoke`"
        )
        return
    answer = ask()
    if answer is not None:
        _keep(consent.grant if answer else consent.refuse, "terminal")


@command.command("show", epilog="Example: otel-distro privacy consent show --json")
@json_option
def show_command(*, as_json: bool) -> None:
    """Show the decision and its effect."""
    _show(as_json=as_json)


@command.command("grant", epilog="Example: otel-distro privacy consent grant")
def grant_command() -> None:
    """Consent to recording and sending the fields of `otel-distro privacy catalogue`."""
    from otel_distro.privacy import consent

    _keep(consent.grant, "command")
    if consent.status().do_not_track:
        output.note("DO_NOT_TRACK is set: programs with it still record nothing")


@command.command("revoke", epilog="Example: otel-distro privacy consent revoke")
def revoke_command() -> None:
    """Revoke consent: nothing more is recorded or sent.

    Data on this machine stays until `otel-distro privacy forget` or retention removes it.
    """
    from otel_distro.privacy import consent

    _keep(consent.revoke, "command")


def _keep(decide: object, by: str) -> None:
    from otel_distro.base.errors import OtelDistroError

    assert callable(decide)  # noqa: S101 - one of three functions of this package
    try:
        decide(by)
    except OtelDistroError as error:
        raise output.fail(str(error)) from error
    _show(as_json=False)


def _show(*, as_json: bool) -> None:
    from otel_distro.privacy import consent
    from otel_distro.settings import process_environment
    from otel_distro.settings.environment_variables import OTEL_DISTRO_CONSENT
    from otel_distro.settings.sources import source_of

    status = consent.status()
    source = source_of(process_environment(), OTEL_DISTRO_CONSENT)
    decision = status.decision
    if as_json:
        output.print_json(
            {
                "open": status.open,
                "required": status.required,
                "required_from": source,
                "do_not_track": status.do_not_track,
                "answer": decision.answer if decision else None,
                "at": decision.at if decision else None,
                "by": decision.by if decision else None,
                "notice_version": decision.notice_version if decision else None,
                "state_dir": str(status.state_dir),
            }
        )
        return
    said = f"{decision.answer} at {decision.at} by {decision.by}" if decision else "not decided"
    click.echo(f"consent:   {output.printable(said)}")
    click.echo(f"kept in:   {status.state_dir}")
    required = "required" if status.required else "not required"
    click.echo(f"setting:   {required} ({output.printable(source)})")
    click.echo(f"effect:    {status.effect}")
