"""Runs a program with planted canaries, and reports the fields that would have left the process."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_distro.base.errors import OtelDistroError
from otel_distro.bootstrap.launch import launch_environment
from otel_distro.demo.receiver import Receiver
from otel_distro.privacy.proof.canaries import VARIABLE, make_canaries, marks
from otel_distro.privacy.proof.fields import text_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PLACEHOLDER = "{canary}"
"""Replaced by the canaries in the program's arguments."""


class ProofFailedError(OtelDistroError):
    """The program could not be run."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field that would leave, with one of its exported values."""

    signal: str
    where: str
    count: int
    sample: str
    leaks: bool
    """Whether a canary was found in any value of this field."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The findings."""

    fields: tuple[Field, ...]
    leaked: int
    """Number of canaries found in payloads and stored files."""
    planted: int
    returncode: int
    """Exit code of the program itself."""
    stored: tuple[str, ...]
    """Files of the state folder in which a canary was found."""


def prove(command: Sequence[str], environ: Mapping[str, str]) -> Proof:
    """Run *command* under this distribution with canaries planted; raises ProofFailedError."""
    canaries = make_canaries(secrets.randbits(64))
    text = " ".join(canaries)
    with tempfile.TemporaryDirectory(prefix="otel-distro-proof-") as folder, Receiver() as receiver:
        planted = _planted(environ, text, folder, receiver.url)
        program = shutil.which(command[0], path=planted.get("PATH"))
        if program is None:
            raise ProofFailedError(f"command not found: {command[0]}")
        arguments = [word.replace(PLACEHOLDER, text) for word in command[1:]]
        done = subprocess.run([program, *arguments], env=planted, check=False)
        results = _found(receiver, canaries)
        stored = dict(_files(Path(folder)))
        exported = receiver.everything()
    in_files = tuple(sorted(p for p, data in stored.items() if _seen(data, canaries)))
    everything = exported + b"".join(stored.values())
    leaked = sum(1 for canary in canaries if _seen(everything, (canary,)))
    return Proof(results, leaked, len(canaries), done.returncode, in_files)


def _planted(environ: Mapping[str, str], text: str, folder: str, url: str) -> dict[str, str]:
    resource = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    mail = text.split(" ", 1)[0]
    return launch_environment(environ) | {
        VARIABLE: text,
        "OTEL_RESOURCE_ATTRIBUTES": f"{resource},privacy.canary={mail}".lstrip(","),
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT",
        "OTEL_DISTRO_STATE_DIR": folder,
        "NO_PROXY": "127.0.0.1",
    }


def _found(receiver: Receiver, canaries: Sequence[str]) -> tuple[Field, ...]:
    seen: dict[tuple[str, str], Field] = {}
    for signal, bodies in receiver.bodies.items():
        for body in bodies:
            for where, value in text_fields(signal, body):
                leaks = _seen(value.encode(), canaries)
                before = seen.get((signal, where))
                seen[signal, where] = Field(
                    signal,
                    where,
                    before.count + 1 if before else 1,
                    "(a canary)" if leaks else before.sample if before else value,
                    leaks or bool(before and before.leaks),
                )
    return tuple(seen[key] for key in sorted(seen))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()


def _seen(data: bytes, canaries: Sequence[str]) -> bool:
    return any(mark.encode() in data for canary in canaries for mark in marks(canary))
