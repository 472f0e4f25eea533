"""Spool files: written records are read back in spite of damaged bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otel_distro.export.spool.records import (
    HEADER_SIZE,
    Damage,
    Record,
    count_waiting,
    pack_done,
    pack_header,
    pack_record,
    read_done,
    read_records,
)

PAYLOADS = st.lists(st.tuples(st.binary(max_size=60), st.integers(1, 1000)), max_size=8)


def file_of(records: list[tuple[bytes, int]]) -> bytes:
    return pack_header() + b"".join(pack_record(payload, count) for payload, count in records)


def valid_records(data: bytes) -> list[tuple[bytes, int]]:
    found = read_records(data, HEADER_SIZE)
    return [(item.payload, item.count) for item in found if isinstance(item, Record)]


@given(PAYLOADS)
def test_written_records_are_read_back(records: list[tuple[bytes, int]]) -> None:
    """In order, with its counts."""
    data = file_of(records)

    assert valid_records(data) == records
    assert count_waiting(data) == sum(count for _, count in records)


@given(PAYLOADS.filter(bool), st.data())
def test_a_file_that_ends_within_a_record_loses_only_that_record(
    records: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    """As after a kill during a write; it is not counted as damage."""
    content = file_of(records)
    start = len(file_of(records[:-1]))
    cut = data.draw(st.integers(start, len(content) - 1))
    found = list(read_records(content[:cut], HEADER_SIZE))

    assert valid_records(content[:cut]) == records[:-1]
    assert all(item.torn for item in found if isinstance(item, Damage))


@given(PAYLOADS.filter(bool), st.data())
def test_a_flipped_bit_costs_no_more_than_its_record(
    records: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    """The reader resynchronises at the next record."""
    content = bytearray(file_of(records))
    place = data.draw(st.integers(HEADER_SIZE, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    hit = next(n for n in range(len(records)) if place < len(file_of(records[: n + 1])))

    assert valid_records(bytes(content)) == records[:hit] + records[hit + 1 :]


@given(st.binary(max_size=300))
def test_no_bytes_stop_the_reader(random_bytes: bytes) -> None:
    """It ends, covers all bytes, and returns written records only."""
    data = pack_header() + random_bytes
    found = list(read_records(data, HEADER_SIZE))

    assert not found or found[-1].end == len(data)
    assert all(isinstance(item, Damage) for item in found)
    count_waiting(data)


def test_a_file_made_of_record_marks_is_read_in_linear_time() -> None:
    """Another program may create such a file; one that takes hours would stop all sending."""
    data = pack_header() + b"\xf5REC" * 500_000

    assert not valid_records(data)


def test_sent_records_are_not_read_again() -> None:
    """The header has the position."""
    data = file_of([(b"first", 1), (b"second", 2)])
    done = len(file_of([(b"first", 1)]))
    marked = pack_header(done) + data[HEADER_SIZE:]

    assert read_done(marked) == done
    assert count_waiting(marked) == 2


def test_a_damaged_position_means_sending_everything() -> None:
    """Twice is better than never."""
    data = bytearray(pack_header(60) + bytes(100))
    data[9] ^= 0xFF

    assert read_done(bytes(data)) == HEADER_SIZE


def test_a_foreign_file_is_not_taken_for_ours() -> None:
    """It lacks our magic number."""
    assert read_done(b"SQLite format 3\0" + bytes(100)) is None
    assert len(pack_done(0)) + 8 == HEADER_SIZE
