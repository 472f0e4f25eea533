"""Consent: request, storage and enforcement of the user's decision.

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
    """State of consent."""

    required: bool
    """Whether the program requires consent (OTEL_DISTRO_CONSENT=required)."""
    do_not_track: bool
    """Whether DO_NOT_TRACK refuses all telemetry."""
    decision: Decision | None
    state_dir: Path

    @property
    def open(self) -> bool:
        """Whether telemetry may leave and calls be stored."""
        if self.do_not_track:
            return False
        return not self.required or (self.decision is not None and self.decision.granted)

    @property
    def effect(self) -> str:
        """The consequence of the decision, in one sentence."""
        if self.do_not_track:
            return "DO_NOT_TRACK is set: nothing is exported or stored"
        if not self.required:
            return "none here: OTEL_DISTRO_CONSENT=required makes programs wait for it"
        happens = "telemetry is recorded" if self.open else "nothing is exported or stored"
        return f"{happens} by programs with OTEL_DISTRO_CONSENT=required"

    @property
    def undecided(self) -> bool:
        """Whether the user has yet to be asked."""
        if self.do_not_track or not self.required:
            return False
        decided = self.decision
        return decided is None or (
            decided.answer == "unanswered" or (decided.answer == "granted" and not decided.granted)
        )


def status() -> Status:
    """Return the state of consent for this program."""
    return status_of(_settings())


def status_of(settings: Settings) -> Status:
    """Return the state of consent for programs with *settings*."""
    return Status(
        settings.consent,
        settings.do_not_track,
        consent_state.read(settings.state_dir),
        settings.state_dir,
    )


def notice() -> str:
    """Return the notice shown before the request for consent; plain text, a few lines."""
    return notice_of(_settings())


def notice_of(settings: Settings) -> str:
    """Return the notice of programs with *settings*."""
    from otel_distro.privacy.catalogue.notice import notice_for

    return notice_for(settings)


def ask(callback: Callable[[str], bool | None]) -> bool:
    """Ask the user through *callback*, unless already asked; return whether consent is given.

    It receives the notice and returns True, False, or None without an answer. For programs with a
    GUI; on a terminal `otel-distro privacy consent` asks.
    """
    consent_status = status()
    if consent_status.undecided:
        answer = callback(notice())
        if answer is not None:
            (grant if answer else refuse)()
    return status().open


def grant(by: str = "program") -> None:
    """Store the user's consent; telemetry is sent from now on.

    Raises OtelDistroError if it cannot be stored.
    """
    _decide("granted", by)


def refuse(by: str = "program") -> None:
    """Store the user's refusal, under the same rules as `revoke`."""
    _decide("refused", by)


def revoke(by: str = "program") -> None:
    """Store the user's withdrawal of consent; waiting records are dropped.

    Raises OtelDistroError if it cannot be stored; this process stops sending in any case.
    """
    _decide("revoked", by)


def decide(settings: Settings, answer: Answer, by: str, **detail: str) -> Decision:
    """Store *answer* for the programs with the state folder of *settings*.

    *by* is its source; *detail* goes to the audit trail beside it. Raises OtelDistroError if it
    cannot be stored; this process stops sending in any case unless consent was granted.
    """
    from otel_distro.base.current_runtime import running

    runtime = running()
    state_dir = settings.state_dir
    try:
        decision = consent_state.write(state_dir, answer, by)
    except OSError as error:
        if answer != "granted" and runtime is not None:
            runtime.gate.close()
        raise OtelDistroError(
            f"the decision cannot be stored in {state_dir}: {error.strerror}; "
            "OTEL_DISTRO_STATE_DIR names another folder"
        ) from error
    if runtime is not None:
        runtime.gate.refresh()
    if answer != "granted":
        from otel_distro.export.spool.removal import remove_waiting

        remove_waiting(state_dir)
    audit.record_quietly(
        state_dir, f"consent.{answer}", how=by, notice_version=decision.notice_version, **detail
    )
    return decision


def _decide(answer: Answer, by: str) -> Decision:
    return decide(_settings(), answer, by)


def _settings() -> Settings:
    from otel_distro.base.current_runtime import running

    runtime = running()
    if runtime is not None:
        return runtime.settings
    return settings.load(settings.process_environment()).settings
