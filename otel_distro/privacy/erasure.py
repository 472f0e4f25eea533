"""Erasure of a user's data on this machine, with a receipt."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from otel_cost_ledger.model.location import spill_path
from otel_cost_ledger.model.privacy import Pseudonyms, format_pseudonym
from otel_distro.base.errors import OtelDistroError
from otel_distro.base.installation_key import FILE_NAME as KEY_FILE
from otel_distro.base.installation_key import existing_key
from otel_distro.export.spool.removal import waiting_files
from otel_distro.privacy import audit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_distro.settings import Settings


@dataclass(frozen=True, slots=True)
class Receipt:
    """Result of the erasure of one user's data."""

    number: str
    at: str
    """ISO 8601, UTC."""
    pseudonym: str
    """The user's pseudonym; meaningless once the key is deleted."""
    how: str
    """`unlinked` or `erased`."""
    done: Mapping[str, int]
    """Number of changed or removed records, by place."""
    remains: tuple[str, ...]
    """Data that remains or is out of reach, with remedies."""

    def data(self) -> dict[str, Any]:
        """Return the receipt for JSON, with its hash in the audit trail."""
        body = {
            "receipt": self.number,
            "at": self.at,
            "user": self.pseudonym,
            "how": self.how,
            "done": dict(self.done),
            "remains": list(self.remains),
        }
        return {**body, "sha256": _sha256(body)}


def forget(settings: Settings, user: str, environ: Mapping[str, str], *, erase: bool) -> Receipt:
    """Erase the data of *user*, a name or pseudonym; raises OtelDistroError or LedgerError.

    Repeatable, for calls that a program had not stored yet.
    """
    key = existing_key(settings.state_dir)
    if key is None:
        raise OtelDistroError(
            f"there is no {KEY_FILE} in {settings.state_dir}, so no user was ever stored there; "
            "OTEL_DISTRO_STATE_DIR names the folder of another program"
        )
    user_id = Pseudonyms(key).of("user", user)
    if user_id is None:
        raise OtelDistroError("an empty user id matches no user; pass the id that the app uses")
    done = dict(_forget_everywhere(settings, user_id, erase=erase))
    receipt = Receipt(
        number=secrets.token_hex(8),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        pseudonym=f"user_{format_pseudonym(user_id)}",
        how="erased" if erase else "unlinked",
        done=done,
        remains=tuple(_remains(settings, user_id, environ)),
    )
    audit.record(
        settings.state_dir,
        "user.forgotten",
        receipt=receipt.number,
        how=receipt.how,
        done=done,
        sha256=receipt.data()["sha256"],
    )
    return receipt


def _forget_everywhere(
    settings: Settings, user_id: int, *, erase: bool
) -> Iterator[tuple[str, int]]:
    if settings.ledger is not None:
        from otel_cost_ledger.maintenance.forgetting import forget_user

        spill = spill_path(settings.ledger, settings.state_dir)
        forgotten = forget_user(settings.ledger, user_id, erase=erase, spill=spill)
        yield "ledger_calls_unlinked", forgotten.unlinked_calls
        yield "ledger_calls_deleted", forgotten.deleted_calls
        yield "waiting_calls", forgotten.waiting_calls
    from otel_trace_store.forgetting import forget_person
    from otel_trace_store.limits import FOLDER

    person = f"user_{format_pseudonym(user_id)}"
    yield "trace_store_records_deleted", forget_person(settings.state_dir / FOLDER, person)
    from otel_distro.privacy.content import store

    path = settings.state_dir / store.FILE_NAME
    yield "stored_messages_deleted", store.delete_user(path, user_id)
    if settings.log_file is not None:
        from otel_distro.pipeline.logs.forgetting import forget_in_files

        pseudonym = f"user_{format_pseudonym(user_id)}"
        yield "log_lines_deleted", forget_in_files(settings.log_file, pseudonym)


def _remains(settings: Settings, user_id: int, environ: Mapping[str, str]) -> Iterator[str]:
    from otel_distro.privacy.catalogue.places import exports

    pseudonym = f"user_{format_pseudonym(user_id)}"
    places = sorted({export.place for export in exports(environ) if export.leaves})
    if places:
        yield f"sent earlier to {', '.join(places)}: ask there for user.id = {pseudonym}"
    if waiting_files(settings.state_dir):
        yield ("telemetry spooled on disk: `otel-distro privacy consent revoke` deletes all of it")
    if settings.ledger is not None:
        yield "daily sums over all users, without names"
        yield "archives of the ledger: delete those of the user's time"
    if any(budget.scope == "user" for budget in settings.cost_budgets):
        yield "the user's spending of a budget, under the pseudonym, until its window ends"
    yield "running programs may still store pending calls: forget again"


def _sha256(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
