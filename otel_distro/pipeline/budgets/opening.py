"""Opens the shared books as the settings say: where they are, and what they begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_budget.books import Books
from otel_distro.base import messages
from otel_distro.pipeline.budgets.ledger import spent_by_ledger

if TYPE_CHECKING:
    from otel_budget.book import Book
    from otel_budget.store import Store
    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.settings import Settings


def open_books(settings: Settings, faults: InternalErrors | None = None) -> Books:
    """Return the shared books, which open with what the ledger knows was spent already."""
    budgets = {budget.name: budget for budget in settings.cost_budgets}

    def opening(book: Book) -> int:
        try:
            return spent_by_ledger(settings, budgets[book.budget], book)
        except Exception as error:  # noqa: BLE001 - a ledger in trouble must not stop the budget
            if faults is not None:
                faults.record("budget", error)
            return 0

    return Books(settings.state_dir, store=_store(settings), opening=opening, report=messages.warn)


def _store(settings: Settings) -> Store | None:
    url = settings.budget_store
    if url is None:
        return None
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    from otel_budget.postgres_database import PostgresDatabase

    return PostgresDatabase(url.parameters, str(url), quietly=suppress_instrumentation)
