"""The audit trail: decisions about data, in a tamper-evident file.

Each line is a JSON object with the hash of the previous line, so a line cannot be altered, removed
or inserted without breaking the chain. A second file has the hash of the last line, so that removal
of the last lines is detected too. An attacker who can write both files can still create a new
chain: to prevent that, keep the last hash elsewhere, for `otel-distro privacy audit verify --expect
HASH`.

Several processes append at the same time; a file lock orders them.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from otel_distro.base import messages
from otel_distro.base.errors import OtelDistroError
from otel_host.file_locks import wait_and_lock
from otel_host.private_files import make_private_folder, open_private, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_NAME = "audit.jsonl"
_HEAD = "audit.head"
_BEGINNING = "0" * 64
_LARGEST_LINE = 64 * 1024


class AuditError(OtelDistroError):
    """The audit trail cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the trail."""

    number: int
    at: str
    """ISO 8601, UTC."""
    action: str
    """The action, such as `consent.granted`."""
    by: str
    detail: dict[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of a verification."""

    entries: int
    last_hash: str
    problems: tuple[str, ...]


def record(state_dir: Path, action: str, *, by: str = "", **detail: Any) -> Entry:
    """Append an action durably to the trail in *state_dir*; raises AuditError."""
    try:
        with _locked(state_dir) as descriptor:
            return _append(state_dir, descriptor, action, by or _user(), detail)
    except OSError as error:
        raise AuditError(
            f"cannot write the audit trail {state_dir / FILE_NAME}: {error.strerror}; "
            "OTEL_DISTRO_STATE_DIR names another folder"
        ) from error


def record_quietly(state_dir: Path, action: str, *, by: str = "", **detail: Any) -> None:
    """Append an action without raising; a failure is reported once on stderr."""
    try:
        record(state_dir, action, by=by, **detail)
    except AuditError as error:
        messages.warn_once(str(error))


def entries(state_dir: Path) -> Iterator[Entry]:
    """Yield the readable entries, oldest first; raises AuditError."""
    for line in _lines(state_dir):
        entry = _parse(line)
        if entry is not None:
            yield entry


def verify(state_dir: Path, expect: str | None = None) -> Verdict:
    """Check the whole chain; *expect* is an earlier hash that must be in it."""
    problems: list[str] = []
    previous, count, met = _BEGINNING, 0, expect is None
    for number, line in enumerate(_lines(state_dir), start=1):
        entry = _parse(line)
        if entry is None:
            problems.append(f"line {number} is not an entry")
            continue
        count += 1
        if entry.number != count:
            problems.append(f"line {number} has number {entry.number}, expected {count}")
            count = entry.number
        if entry.previous != previous:
            problems.append(f"line {number} does not follow the line before it")
        if entry.hash != _hash(_body(entry)):
            problems.append(f"line {number} was changed")
        previous = entry.hash
        met = met or entry.hash == expect
    head = _head(state_dir)
    if head is not None and head != previous:
        problems.append("the end of the trail is missing or was replaced")
    if head is None and count:
        problems.append(f"{_HEAD} is missing, so lines may be missing at the end")
    if not met:
        problems.append(f"no entry has the expected hash {expect}")
    return Verdict(count, previous, tuple(problems))


def _append(
    state_dir: Path, descriptor: int, action: str, by: str, detail: dict[str, Any]
) -> Entry:
    size = _whole_lines(descriptor)
    last = _last(descriptor, size)
    body: dict[str, Any] = {
        "number": last.number + 1 if last else 1,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "action": action,
        "by": by,
        "detail": detail,
        "previous": last.hash if last else _BEGINNING,
    }
    entry = Entry(**body, hash=_hash(body))
    line = json.dumps({**body, "hash": entry.hash}, ensure_ascii=True, default=str) + "\n"
    data = line.encode()
    if len(data) > _LARGEST_LINE:
        raise AuditError(f"an audit entry of {len(data)} bytes is too large")
    os.lseek(descriptor, size, os.SEEK_SET)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    write_private(state_dir / _HEAD, entry.hash.encode())
    return entry


def _whole_lines(descriptor: int) -> int:
    """Return the end of the last complete line; a partial line from a crash is truncated."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    tail = _read_before(descriptor, size)
    end = size - len(tail) + tail.rfind(b"\n") + 1 if b"\n" in tail else 0
    if end != size:
        os.ftruncate(descriptor, end)
    return end


def _last(descriptor: int, size: int) -> Entry | None:
    lines = _read_before(descriptor, size).splitlines()
    return _parse(lines[-1].decode("utf-8", "replace")) if lines else None


def _read_before(descriptor: int, end: int) -> bytes:
    start = max(0, end - _LARGEST_LINE)
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, end - start)


def _parse(line: str) -> Entry | None:
    try:
        entry = Entry(**json.loads(line))
    except (ValueError, TypeError):
        return None
    return entry if isinstance(entry.number, int) and isinstance(entry.hash, str) else None


def _body(entry: Entry) -> dict[str, Any]:
    return {
        name: getattr(entry, name)
        for name in ("number", "at", "action", "by", "detail", "previous")
    }


def _hash(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(state_dir: Path) -> Iterator[str]:
    path = state_dir / FILE_NAME
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from file
    except FileNotFoundError:
        return
    except OSError as error:
        raise AuditError(f"cannot read the audit trail {path}: {error.strerror}") from error


def _head(state_dir: Path) -> str | None:
    try:
        return (state_dir / _HEAD).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None


@contextmanager
def _locked(state_dir: Path) -> Iterator[int]:
    make_private_folder(state_dir)
    descriptor = open_private(state_dir / FILE_NAME, os.O_RDWR | os.O_CREAT)
    try:
        wait_and_lock(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
