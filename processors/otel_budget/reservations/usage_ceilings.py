"""Usage ceilings of models, learned from ended calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_budget.accounts.schema import Transaction


@dataclass(frozen=True, slots=True)
class UsageCeiling:
    """Maximum and minimum of a measure of one model, over a number of calls."""

    model: str
    kind: str
    calls: int
    most: int
    least: int
    size: int
    """Size of the largest request seen, in bytes."""

    @classmethod
    def of(cls, model: str, kind: str, tokens: int, size: int) -> UsageCeiling:
        """Return the ceiling of one call."""
        return cls(model, kind, 1, tokens, tokens, size)

    def with_(self, other: UsageCeiling | None) -> UsageCeiling:
        """Return this merged with *other*, of the same model and kind."""
        if other is None:
            return self
        return UsageCeiling(
            self.model,
            self.kind,
            self.calls + other.calls,
            max(self.most, other.most),
            min(self.least, other.least),
            max(self.size, other.size),
        )

    @classmethod
    def read(cls, db: Transaction, model: str, kind: str) -> UsageCeiling | None:
        """Return the ceiling learned by all processes; None before the first call."""
        row = db.execute(
            "SELECT calls, most, least, size FROM ceilings WHERE model = ? AND kind = ?",
            (model, kind),
        ).fetchone()
        return None if row is None else cls(model, kind, *row)

    def write(self, db: Transaction) -> UsageCeiling:
        """Merge this into the shared ceiling and return the result."""
        known = UsageCeiling.read(db, self.model, self.kind)
        total = self.with_(known)
        values = (total.calls, total.most, total.least, total.size, total.model, total.kind)
        if known is None:
            db.execute(
                "INSERT INTO ceilings (calls, most, least, size, model, kind)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
        else:
            db.execute(
                "UPDATE ceilings SET calls = ?, most = ?, least = ?, size = ?"
                " WHERE model = ? AND kind = ?",
                values,
            )
        return total


class UsageCeilings:
    """The ceilings known to this process: the shared ones it last read, and its own since."""

    _MOST = 10_000

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], UsageCeiling] = {}
        self._new: dict[tuple[str, str], UsageCeiling] = {}

    def of(self, model: str, kinds: Sequence[str]) -> list[UsageCeiling | None]:
        """Return the known ceiling of each of *kinds* of *model*, without a query."""
        known = self._known
        return [known.get((model, kind)) for kind in kinds]

    def add(self, usage_ceiling: UsageCeiling) -> None:
        """Add *usage_ceiling*; the next `share` writes it."""
        key = usage_ceiling.model, usage_ceiling.kind
        self._known[key] = usage_ceiling.with_(self._known.get(key))
        self._new[key] = usage_ceiling.with_(self._new.get(key))

    @property
    def are_new(self) -> bool:
        """Whether there are ceilings to share."""
        return bool(self._new)

    def share(self, db: Transaction) -> None:
        """Write new ceilings, and read the shared ones of the same models and kinds."""
        if len(self._known) > self._MOST:
            self._known = {}
        new, self._new = self._new, {}
        try:
            for key, usage_ceiling in new.items():
                self._known[key] = usage_ceiling.write(db)
        except BaseException:
            for usage_ceiling in new.values():
                key = usage_ceiling.model, usage_ceiling.kind
                self._new[key] = usage_ceiling.with_(self._new.get(key))
            raise

    def look_up(self, db: Transaction, model: str, kind: str) -> UsageCeiling | None:
        """Return and cache the shared ceiling of *kind* of *model*; None before the first call."""
        found = UsageCeiling.read(db, model, kind)
        if found is not None:
            self._known[model, kind] = found
        return found
