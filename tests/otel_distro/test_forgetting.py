"""`otel-distro privacy forget USER`: no stored data identifies the user, and sums stay exact."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.model.privacy import Pseudonyms, person_name
from otel_cost_ledger.query.ledger import open_ledger
from otel_cost_ledger.query.queries import costs
from otel_cost_ledger.write.spill import SpillFile
from otel_cost_ledger.write.writer import LedgerWriter
from otel_distro.base.installation_key import installation_key
from otel_distro.cli import main
from otel_distro.privacy import audit
from otel_distro.privacy.content import store
from otel_pricing import CostStatus, ModelCall, PricedCall, Usage

ADA, BOB = "ada@lovelace.example", "bob"
NOON = 1_763_000_000_000_000_000


def call(number: int, user: str | None, session: str | None) -> PricedCall:
    made = ModelCall(
        trace_id=number + 1,
        span_id=number + 1,
        start_ns=NOON + number * 1_000_000,
        end_ns=NOON + number * 1_000_000 + 500_000,
        scope="test",
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        usage=Usage(input_tokens=100, output_tokens=10),
        user=user,
        session=session,
    )
    return PricedCall(call=made, status=CostStatus.PRICED, cost_nano_usd=1_000)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder with calls of two users, and one that shares a session with Ada."""
    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(tmp_path))
    key = installation_key(tmp_path)
    writer = LedgerWriter(tmp_path / "ledger.db", pseudonym_key=key)
    writer.write(
        [call(n, ADA, "a") for n in range(700)]
        + [call(700 + n, BOB, "b") for n in range(3)]
        + [call(800, None, "a")]
    )
    writer.shutdown()
    return tmp_path


def people(state: Path) -> dict[tuple[bool, bool], int]:
    """Return the number of calls with (a user, a session)."""
    with open_ledger(state / "ledger.db") as ledger:
        rows = ledger.rows(
            "SELECT user_id IS NOT NULL, session_id IS NOT NULL, count(*) FROM calls GROUP BY 1, 2"
        )
        return {(bool(user), bool(session)): count for user, session, count in rows}


def stored_bytes(state: Path) -> bytes:
    return b"".join(path.read_bytes() for path in state.glob("ledger.db*"))


def forget(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["privacy", "forget", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("named_by", ["name", "pseudonym"])
def test_calls_lose_their_user_and_costs_stay(state: Path, named_by: str) -> None:
    """Also their session, which would identify them; other users keep theirs."""
    key = installation_key(state)
    assert key is not None
    receipt = forget(ADA if named_by == "name" else person_name(key, ADA))

    assert people(state) == {(False, False): 701, (True, True): 3}
    assert receipt["how"] == "unlinked"
    assert receipt["done"]["ledger_calls_unlinked"] == 701
    with open_ledger(state / "ledger.db") as ledger:
        assert check_integrity(ledger).ok
        assert costs(ledger).total.cost_nano_usd == 704_000


def test_erased_calls_are_gone_and_the_daily_sums_stay(state: Path) -> None:
    """As after retention; the bytes are overwritten."""
    key = installation_key(state)
    stored = Pseudonyms(key).of("user", ADA)
    assert stored is not None
    assert stored.to_bytes(6, "big") in stored_bytes(state)

    receipt = forget(ADA, "--erase")

    assert people(state) == {(False, False): 1, (True, True): 3}
    assert receipt["done"]["ledger_calls_deleted"] == 700
    with open_ledger(state / "ledger.db") as ledger:
        (days,) = ledger.rows("SELECT sum(cost_nano_usd) FROM daily_costs")
    assert days == (704_000,)
    assert stored.to_bytes(6, "big") not in stored_bytes(state)


def test_the_receipt_names_no_name_and_is_vouched_for_by_the_audit_trail(state: Path) -> None:
    """It names the data out of reach, with the request to make there."""
    receipt = forget(ADA)

    assert ADA not in json.dumps(receipt)
    (entry,) = audit.entries(state)
    assert entry.action == "user.forgotten"
    assert entry.detail["sha256"] == receipt["sha256"]
    assert any(f"user.id = {receipt['user']}" in line for line in receipt["remains"])


def test_waiting_calls_messages_and_log_lines_are_found_too(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All data on this machine."""
    key = installation_key(state)
    assert key is not None
    shown, stored = person_name(key, ADA), Pseudonyms(key).of("user", ADA)
    spill = SpillFile(state / "ledger.db.spill.jsonl")
    spill_calls(state, key)
    rows = [store.Sealed(1, 1, bytes(16), stored, b"x"), store.Sealed(2, 2, bytes(16), 7, b"x")]
    store.write(state / "content.db", rows)
    log = state / "app.jsonl"
    log.write_text(f'{{"user.id":"{shown}"}}\n{{"message":"other"}}\n')
    with gzip.open(state / "app.jsonl.1.gz", "wt") as older:
        older.write(f'{{"user.id":"{shown}"}}\n')
    monkeypatch.setenv("OTEL_DISTRO_LOG_FILE", str(log))

    done = forget(ADA)["done"]

    assert (done["waiting_calls"], done["stored_messages_deleted"], done["log_lines_deleted"]) == (
        2,
        1,
        2,
    )
    assert log.read_text() == '{"message":"other"}\n'
    assert spill.exists()
    assert str(stored) not in spill.path.read_text()


def spill_calls(state: Path, key: bytes) -> None:
    """Leave two calls of Ada's and one of Bob's in the spill file."""
    from otel_cost_ledger.model.entries import Entry
    from otel_cost_ledger.model.row_maker import RowMaker

    rows = RowMaker(str, Pseudonyms(key))
    entries = [Entry("insert", rows.row(call(900 + n, who, "s"))) for n, who in
               enumerate((ADA, ADA, BOB))]  # fmt: skip
    SpillFile(state / "ledger.db.spill.jsonl").append(entries)


def test_forgetting_an_unknown_user_succeeds(state: Path) -> None:
    """The answer must not reveal whether the user exists."""
    assert forget("nobody")["done"]["ledger_calls_unlinked"] == 0
    assert people(state) == {(True, True): 703, (False, True): 1}


def test_a_ledger_without_users_reports_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is probably wrong."""
    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(tmp_path / "other"))
    result = CliRunner().invoke(main, ["privacy", "forget", ADA])

    assert result.exit_code == 1
    assert "OTEL_DISTRO_STATE_DIR" in result.output
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("option", ["--session", "--user"])
def test_the_calls_of_a_session_or_user_are_found_by_id_and_by_pseudonym(
    state: Path, option: str
) -> None:
    """Across traces."""
    given = {"--session": "b", "--user": BOB}[option]
    found = [call for who in (given, None) for call in listed(option, who or shown_of(option))]

    assert [call["trace_id"][-3:] for call in found] == ["2bf", "2be", "2bd"] * 2


def listed(option: str, who: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(main, ["calls", option, who, "--json"])
    found: list[dict[str, Any]] = json.loads(result.stdout)["calls"]
    return found


def shown_of(option: str) -> str:
    given = {"--session": "b", "--user": BOB}[option]
    return str(listed(option, given)[0][option.removeprefix("--")])


@pytest.mark.postgres
@pytest.mark.parametrize("erase", [False, True])
def test_a_user_is_forgotten_in_postgresql_too(
    postgres_server: str, tmp_path: Path, erase: bool
) -> None:
    """With the same sums afterwards."""
    from otel_cost_ledger.maintenance.forgetting import forget_user
    from otel_cost_ledger.model.location import PostgresUrl

    url = PostgresUrl.parse(postgres_server)
    key = b"k" * 32
    writer = LedgerWriter(url, pseudonym_key=key, spill_to=tmp_path / "spill")
    writer.write([call(5000 + n, "eve-of-postgres", "s") for n in range(3)])
    writer.shutdown()
    user_id = Pseudonyms(key).of("user", "eve-of-postgres")
    assert user_id is not None

    done = forget_user(url, user_id, erase=erase)

    assert (done.unlinked_calls, done.deleted_calls) == ((0, 3) if erase else (3, 0))
    with open_ledger(url) as ledger:
        (left,) = ledger.rows("SELECT count(*) FROM calls WHERE user_id = ?", [user_id])
        assert left == (0,)
        assert costs(ledger).total.cost_nano_usd == 3_000
