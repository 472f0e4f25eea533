"""Checks of settings and of the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.base.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_distro.settings import Loaded


def check_settings(loaded: Loaded) -> Iterator[Check]:
    """Report every invalid setting."""
    for problem in loaded.problems:
        effect = "no content is exported" if problem.withholds else "its default is used"
        yield Check("fail", "settings", f"{problem}; until fixed {effect}", "correct or unset it")
    if not loaded.problems:
        yield Check("ok", "settings", "all can be used")


def check_standard_variables(environ: Mapping[str, str]) -> Iterator[Check]:
    """Report invalid OpenTelemetry variables."""
    from otel_distro.bootstrap import standard_variables
    from otel_distro.export.exporter_names import drop_unknown_exporters
    from otel_distro.export.otlp.credentials import malformed_headers

    unusable = [*standard_variables.found, *drop_unknown_exporters(dict(environ))]
    for message in (*unusable, malformed_headers(environ)):
        if message is not None:
            yield Check("fail", "settings", message, "correct or unset it")
    config_file = environ.get("OTEL_CONFIG_FILE", "").strip()
    if config_file:
        from otel_distro.bootstrap.boot import config_file_problem

        if problem := config_file_problem(config_file):
            detail = f"OTEL_CONFIG_FILE: {problem}; until then no content is exported"
            yield Check("fail", "settings", detail, "correct the file or unset the variable")


def check_consent(loaded: Loaded) -> Iterator[Check]:
    """Check whether export is permitted, the most likely cause of missing telemetry."""
    settings = loaded.settings
    if settings.do_not_track:
        yield Check(
            "warn",
            "consent",
            "DO_NOT_TRACK is set; nothing is exported and no call is stored",
            "unset DO_NOT_TRACK if that is not intended",
        )
    elif not settings.consent:
        yield Check("ok", "consent", "not required")
    else:
        from otel_distro.privacy import consent_state

        decision = consent_state.read(settings.state_dir)
        if decision is not None and decision.granted:
            yield Check("ok", "consent", f"granted at {decision.at}")
            return
        detail = decision.answer if decision is not None else "not given"
        yield Check(
            "warn",
            "consent",
            f"required and {detail}; nothing is exported and no call is stored",
            "otel-distro privacy consent",
        )


def check_redaction(loaded: Loaded) -> Iterator[Check]:
    """Send the canary through a guard made from these settings."""
    if not loaded.settings.redaction:
        yield Check(
            "warn",
            "redaction",
            "switched off by OTEL_DISTRO_REDACTION; PII and secrets leave as they are",
            "unset OTEL_DISTRO_REDACTION",
        )
        return
    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.pipeline.canary import SECRETS, leaks
    from otel_distro.pipeline.pipeline import NO_ACCOUNTS, Pipeline
    from otel_redaction import Redactor
    from otel_redaction.shield import Shield

    shield = Shield(Redactor(loaded.settings.policy), withhold=loaded.withholds)
    leaked = leaks(Pipeline(shield, NO_ACCOUNTS, InternalErrors()))
    if leaked:
        yield Check(
            "fail",
            "redaction",
            f"{len(leaked)} of {len(SECRETS)} test secrets were not masked by the guard; "
            "a process with these settings exports nothing",
            "look at the [redaction] rules and allow-lists",
        )
        return
    yield Check("ok", "redaction", "on; test secrets are masked")
