"""Consent: ask the user, keep the answer, follow it at once.

from otel_distro import consent

consent.ask(my_dialog)      # calls my_dialog(notice) if it is still to be decided
consent.status().open       # may anything leave?
consent.revoke()            # from the settings page of the app
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_distro import settings
from otel_distro.base.errors import OtelDistroError
from otel_distro.privacy import audit, consent_state
from otel_distro.privacy.consent_state import Decision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_distro.privacy.consent_state import Answer
    from otel_distro.settings import Settings

__all__ = ["Decision", "Status", "ask", "grant", "notice", "refuse", "revoke", "status"]


@dataclass(frozen=True, slots=True)
class Status:
    """How it stands with consent."""

    required: bool
    """Whether the program needs it (OTEL_DISTRO_CONSENT=required)."""
    do_not_track: bool
    """Whether DO_NOT_TRACK says no to everything."""
    decision: Decision | None
    state_dir: Path

    @property
    def open(self) -> bool:
        """Whether telemetry may leave and calls be stored."""
        if self.do_not_track:
            return False
        return not self.required or (self.decision is not None and self.decision.granted)

    @property
    def undecided(self) -> bool:
        """Whether the user still has to be asked."""
        if self.do_not_track or not self.required:
            return False
        decided = self.decision
        return decided is None or (
            decided.answer == "unanswered" or (decided.answer == "granted" and not decided.granted)
        )


def status() -> Status:
    """Return how it stands with consent for this program."""
    found = _settings()
    return Status(
        found.consent, found.do_not_track, consent_state.read(found.state_dir), found.state_dir
    )


def notice() -> str:
    """Return what the user is told before being asked; plain text, a few lines."""
    from otel_distro.privacy.catalogue.notice import notice_for

    return notice_for(_settings())


def ask(callback: Callable[[str], bool | None]) -> bool:
    """Have *callback* ask the user, if that is still to be done; return whether consent is given.

    It gets the notice to show and returns True, False, or None for no answer yet. For programs
    with a window; a terminal is asked by `otel-distro consent`.
    """
    found = status()
    if found.undecided:
        answer = callback(notice())
        if answer is not None:
            (grant if answer else refuse)()
    return status().open


def grant(by: str = "program") -> None:
    """Keep that the user has consented; telemetry flows from this moment on.

    Raises OtelDistroError where that cannot be kept.
    """
    _decide("granted", by)


def refuse(by: str = "program") -> None:
    """Keep that the user was asked and said no; the same rules as for `revoke`."""
    _decide("refused", by)


def revoke(by: str = "program") -> None:
    """Keep that the user takes consent back; what still waits to be sent is dropped.

    Raises OtelDistroError where that cannot be kept; this process stops sending all the same.
    """
    _decide("revoked", by)


def _decide(answer: Answer, by: str) -> Decision:
    from otel_distro.base.current_runtime import running

    runtime = running()
    state_dir = _settings().state_dir
    try:
        decision = consent_state.write(state_dir, answer, by)
    except OSError as error:
        if answer != "granted" and runtime is not None:
            runtime.gate.close()
        raise OtelDistroError(
            f"the decision cannot be kept in {state_dir}: {error.strerror}; "
            "OTEL_DISTRO_STATE_DIR names another folder"
        ) from error
    if runtime is not None:
        runtime.gate.look()
    if answer != "granted":
        from otel_distro.export.spool.removal import remove_waiting

        remove_waiting(state_dir)
    audit.record_quietly(
        state_dir, f"consent.{answer}", how=by, notice_version=decision.notice_version
    )
    return decision


def _settings() -> Settings:
    from otel_distro.base.current_runtime import running

    runtime = running()
    if runtime is not None:
        return runtime.settings
    return settings.load(settings.process_environment()).settings
