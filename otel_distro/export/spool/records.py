"""Format of a spool file: pure functions over bytes.

A file begins with a header with the number of bytes sent. Records follow: a mark, the number of
spans (log records, exports) in the payload, its length, a CRC-32 over all of that, the payload. A
reader skips damage up to the next mark, so one flipped bit loses one record.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE: Final = struct.Struct("<8sQI")
_RECORD: Final = struct.Struct("<4sIII")
_COUNTED: Final = struct.Struct("<II")
_DONE: Final = struct.Struct("<QI")
_FILE_MARK: Final = b"otelspl1"
_RECORD_MARK: Final = b"\xf5REC"

HEADER_SIZE: Final = _FILE.size
DONE_AT: Final = len(_FILE_MARK)
"""Offset of the field with the position up to which the file has been sent."""
_MOST_PLAUSIBLE: Final = 10_000_000
_MOST_CANDIDATES: Final = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """An intact record."""

    end: int
    """Position in the file after the record."""
    count: int
    """Spans, log records or metric exports in the payload."""
    payload: bytes
    """One encoded OTLP export request."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a file that is no intact record."""

    end: int
    count: int
    """Lost spans or records, if the damaged record shows their number; at least 1."""
    torn: bool
    """The file ends within the record: its writer was stopped, nothing was damaged."""


def pack_header(done: int = HEADER_SIZE) -> bytes:
    """Return the header of a file sent up to *done*."""
    return _FILE_MARK + pack_done(done)


def pack_done(done: int) -> bytes:
    """Return the header field with the number of bytes sent; it is written in place."""
    return _DONE.pack(done, zlib.crc32(done.to_bytes(8, "little")))


def pack_record(payload: bytes, count: int) -> bytes:
    """Return *payload* with *count* spans as a record."""
    checksum = zlib.crc32(payload, zlib.crc32(_COUNTED.pack(count, len(payload))))
    return _RECORD.pack(_RECORD_MARK, count, len(payload), checksum) + payload


def read_done(data: bytes) -> int | None:
    """Return the position up to which the file was sent; None if *data* has no header of ours.

    A damaged position counts as the start: sending twice is better than never.
    """
    if len(data) < HEADER_SIZE or not data.startswith(_FILE_MARK):
        return None
    _, done, checksum = _FILE.unpack_from(data)
    sound = zlib.crc32(done.to_bytes(8, "little")) == checksum
    return done if sound and HEADER_SIZE <= done <= len(data) else HEADER_SIZE


def read_records(data: bytes, start: int) -> Iterator[Record | Damage]:
    """Yield the records and damage in *data* from *start* on."""
    position = start
    while position < len(data):
        record: Record | Damage = _record_at(data, position) or _damage_at(data, position)
        yield record
        position = record.end


def _record_at(data: bytes, position: int) -> Record | None:
    if position + _RECORD.size > len(data):
        return None
    mark, count, length, checksum = _RECORD.unpack_from(data, position)
    begins = position + _RECORD.size
    if mark != _RECORD_MARK or begins + length > len(data):
        return None
    payload = data[begins : begins + length]
    if zlib.crc32(payload, zlib.crc32(_COUNTED.pack(count, length))) != checksum:
        return None
    return Record(begins + length, count, payload)


def _damage_at(data: bytes, position: int) -> Damage:
    following = _next_sound(data, position)
    if following is not None:
        return Damage(following, _count_at(data, position), torn=False)
    expected = _RECORD_MARK[: len(data) - position]
    torn = data.startswith(expected, position) and _short(data, position)
    return Damage(len(data), _count_at(data, position), torn=torn)


def _next_sound(data: bytes, position: int) -> int | None:
    # A mark may occur in a payload by chance, so only an intact record counts as the next one. The
    # limit prevents quadratic time for a file of marks only.
    for _ in range(_MOST_CANDIDATES):
        position = data.find(_RECORD_MARK, position + 1)
        if position == -1:
            return None
        if _record_at(data, position) is not None:
            return position
    return None


def _short(data: bytes, position: int) -> bool:
    if position + _RECORD.size > len(data):
        return True
    length: int = _RECORD.unpack_from(data, position)[2]
    return position + _RECORD.size + length > len(data)


def _count_at(data: bytes, position: int) -> int:
    if position + _RECORD.size > len(data):
        return 1
    mark, count, _, _ = _RECORD.unpack_from(data, position)
    return count if mark == _RECORD_MARK and 0 < count < _MOST_PLAUSIBLE else 1


def count_waiting(data: bytes) -> int:
    """Return the number of unsent spans in a whole file, without checking them all."""
    done = read_done(data)
    if done is None:
        return 0
    total, position = 0, done
    while position + _RECORD.size <= len(data):
        mark, count, length, _ = _RECORD.unpack_from(data, position)
        if mark != _RECORD_MARK:
            break
        position += _RECORD.size + length
        if position > len(data):
            break
        total += count
    return total
