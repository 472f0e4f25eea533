"""Checks of settings and of the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.doctor.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_distro.settings import Loaded


def check_settings(loaded: Loaded) -> Iterator[Check]:
    """Report every setting that cannot be used."""
    for problem in loaded.problems:
        effect = "no content is exported" if problem.withholds else "its default is used"
        yield Check("fail", "settings", f"{problem}; until mended {effect}", "mend or unset it")
    if not loaded.problems:
        yield Check("ok", "settings", "all can be used")


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
    from otel_distro.canary import SECRETS, leaks
    from otel_distro.faults import Faults
    from otel_distro.pipeline import NO_ACCOUNTS, Pipeline
    from otel_redaction import Redactor
    from otel_redaction.shield import Shield

    shield = Shield(Redactor(loaded.settings.policy), withhold=loaded.withholds)
    leaked = leaks(Pipeline(shield, NO_ACCOUNTS, Faults()))
    if leaked:
        yield Check(
            "fail",
            "redaction",
            f"{len(leaked)} of {len(SECRETS)} test secrets came through the guard; "
            "a process with these settings exports nothing",
            "look at the [redaction] rules and allow-lists",
        )
        return
    yield Check("ok", "redaction", "on; test secrets come out masked")
