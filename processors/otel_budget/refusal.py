"""HTTP response to a refused call, which every client turns into its own error type."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from otel_budget.cost_budget import NANO_PER_USD, CostBudget, Unit

if TYPE_CHECKING:
    from otel_budget.accounts.account import Denied


@dataclass(frozen=True, slots=True)
class Refusal:
    """Reason for a refusal."""

    reason: str
    """One human-readable sentence; names no scope value, which may be personal."""
    model: str
    budget: str = ""
    unit: str = ""
    limit: str = ""
    spent: str = ""
    reserved: str = ""
    resets_at: str = ""

    @classmethod
    def of(cls, budget: CostBudget, denied: Denied, model: str, now_ns: int) -> Refusal:
        """Describe the refusal of a call that exceeds *budget*."""
        until = budget.calendar.window(now_ns).until_ns
        limit, spent = amount(budget.unit, budget.limit), amount(budget.unit, denied.state.spent)
        reset = datetime.fromtimestamp(until / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return cls(
            reason=(
                f"budget {budget.name!r} has no room for this call: "
                f"{share(budget.unit, denied.state.spent, budget.limit)} spent; "
                f"it resets at {reset}"
            ),
            model=model,
            budget=budget.name,
            unit=budget.unit.value,
            limit=limit,
            spent=spent,
            reserved=amount(budget.unit, denied.state.reserved),
            resets_at=reset,
        )

    def body(self) -> bytes:
        """Return the JSON body, in the shape of OpenAI's and Anthropic's errors at once."""
        error = {
            "message": self.reason,
            "type": "budget_exceeded",
            "code": "budget_exceeded",
            "param": None,
            "budget": self.budget,
            "unit": self.unit,
            "limit": self.limit,
            "spent": self.spent,
            "reserved": self.reserved,
            "resets_at": self.resets_at,
        }
        return json.dumps({"type": "error", "error": error}).encode()


class Refused(Exception):  # an outcome, not an error
    """A call is refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def share(unit: Unit, spent: int, limit: int) -> str:
    """Return the spending of a limit for display: `$0.25 of $5` or `3 of 10 calls`."""
    if unit is Unit.USD:
        return f"${amount(unit, spent)} of ${amount(unit, limit)}"
    return f"{spent:,} of {limit:,} {unit}"


def amount(unit: Unit, value: int) -> str:
    """Return an amount of *unit* as an exact decimal, dollars for money."""
    if unit is not Unit.USD:
        return str(value)
    whole, nano = divmod(value, NANO_PER_USD)
    return f"{whole}.{nano:09d}".rstrip("0").rstrip(".")
