"""A spool file: sound records beside damaged ones are found, whole and in their order."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from fuzz.entry_points.entry_point import EntryPoint
from otel_distro.export.spool.records import (
    HEADER_SIZE,
    Record,
    count_waiting,
    pack_header,
    pack_record,
    read_done,
    read_records,
)

_MARK = pack_record(b"", 1)[:4]


class Spooled(NamedTuple):
    """A file, and the payloads of its sound records."""

    content: bytes
    sound: list[bytes]


@st.composite
def files(draw: Any) -> Spooled:
    """Return a file of records, some flipped, cut or with bytes in between."""
    content, sound = pack_header(), []
    payloads = st.binary(max_size=60) | st.sampled_from([b"", _MARK, pack_record(b"inner", 1)])
    for payload in draw(st.lists(payloads, max_size=6)):
        record = pack_record(payload, draw(st.integers(1, 1000)))
        match draw(st.sampled_from(["sound", "sound", "flipped", "cut", "noise"])):
            case "flipped":
                at = draw(st.integers(0, len(record) - 1))
                record = record[:at] + bytes([record[at] ^ 1]) + record[at + 1 :]
            case "cut":
                # Zeros: the following bytes must not equal the missing ones by chance.
                record = pack_record(bytes(len(payload) + 1), 1)
                record = record[: draw(st.integers(0, len(record) - 1))]
            case "noise":
                record += draw(st.binary(min_size=1, max_size=20))
                sound.append(payload)
            case _:
                sound.append(payload)
        content += record
    if draw(st.integers(0, 5)) == 0:
        damaged = draw(st.binary(min_size=HEADER_SIZE, max_size=HEADER_SIZE))
        content = pack_header(int.from_bytes(damaged[:6], "little")) + content[HEADER_SIZE:]
    return Spooled(content, sound)


def check(file: Spooled) -> None:
    """Reading ends, covers the file, and skips no sound record."""
    content = file.content
    assert count_waiting(content) >= 0
    start = read_done(content)
    assert start is not None
    position, found = start, []
    for each in read_records(content, start):
        assert position < each.end <= len(content)
        position = each.end
        if isinstance(each, Record):
            found.append(each.payload)
    assert position == len(content)
    if start == HEADER_SIZE:
        rest = iter(found)
        assert all(payload in rest for payload in file.sound), (file.sound, found)


ENTRY_POINT = EntryPoint(files(), check, few=60)
