"""The consent prompt on a terminal: at first run, and by `otel-distro privacy consent`.

It appears only if stdin and stderr are a terminal and the program is in its foreground. Otherwise
there is no prompt, and no decision is assumed.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from otel_distro.base import messages
from otel_distro.privacy import consent, consent_state
from otel_distro.privacy.catalogue.notice import QUESTION
from otel_host.file_locks import try_lock
from otel_host.private_files import make_private_folder, open_private

if TYPE_CHECKING:
    from pathlib import Path

ANSWER_SECONDS = 60.0
"""Seconds that a starting program waits for an answer; then it runs without telemetry."""
_LOCK = "consent.asking"
_LONGEST_ANSWER = 256


def first_run() -> None:
    """Ask if the user was never asked, or print one line if consent is missing; never raises."""
    try:
        status = consent.status()
        if not status.undecided:
            return
        if status.decision is None and can_ask() and _ask_alone(status.state_dir):
            return
        messages.warn_once(
            "consent is required and not given, so nothing is exported or stored; "
            "the app runs. To decide: otel-distro privacy consent"
        )
    except Exception as error:  # noqa: BLE001 - the app must run
        messages.warn(
            f"cannot ask for consent ({type(error).__name__}); nothing is exported or stored"
        )


def can_ask() -> bool:
    """Whether a person can answer at this program's terminal."""
    try:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        # In the background, reading would stop the program.
        return not hasattr(os, "tcgetpgrp") or os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (AttributeError, OSError, ValueError):
        return False


def ask(*, timeout: float | None = None) -> bool | None:
    """Show the notice on stderr and read the answer; None without one in *timeout* seconds."""
    _write(f"\n{consent.notice()}\n\n{QUESTION} [y/N] ")
    line = _read_line(timeout)
    if line is None:
        _write("\nno answer; nothing is recorded\n")
        return None
    agreed = line.strip().lower() in {"y", "yes"}
    _write("recorded from now on\n" if agreed else "nothing is recorded\n")
    return agreed


def _ask_alone(state_dir: Path) -> bool:
    """Ask, unless another process is asking; return whether this process asked."""
    make_private_folder(state_dir)
    descriptor = open_private(state_dir / _LOCK, os.O_RDWR | os.O_CREAT)
    try:
        if not try_lock(descriptor) or not consent.status().undecided:
            return False
        try:
            answer = ask(timeout=ANSWER_SECONDS)
        except BaseException:
            # Interrupted: the program ends, and the next run does not ask again.
            _store_unanswered(state_dir)
            raise
        if answer is None:
            _store_unanswered(state_dir)
        elif answer:
            consent.grant("terminal")
        else:
            consent.refuse("terminal")
        return True
    finally:
        os.close(descriptor)


def _store_unanswered(state_dir: Path) -> None:
    with suppress(OSError):
        consent_state.write(state_dir, "unanswered", "terminal")


def _read_line(timeout: float | None) -> str | None:
    # From the descriptor: sys.stdin would read ahead and keep that data from the app.
    descriptor = sys.stdin.fileno()
    if timeout is not None and not select.select([descriptor], [], [], timeout)[0]:
        return None
    data = os.read(descriptor, _LONGEST_ANSWER)
    return data.decode("utf-8", "replace") if data else None


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
