"""Usage ceilings of models, learned from ended calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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

    def write(self, db: Transaction) -> None:
        """Merge this into the shared ceiling."""
        db.execute(_ADD, (self.model, self.kind, self.calls, self.most, self.least, self.size))


_READ = "SELECT calls, most, least, size FROM ceilings WHERE model = ? AND kind = ?"
# One statement, because two processes may insert the same model.
_ADD = (
    "INSERT INTO ceilings (model, kind, calls, most, least, size) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (model, kind) DO UPDATE SET calls = ceilings.calls + excluded.calls,"
    " most = CASE WHEN excluded.most > ceilings.most THEN excluded.most ELSE ceilings.most END,"
    " least = CASE WHEN excluded.least < ceilings.least THEN excluded.least"
    " ELSE ceilings.least END,"
    " size = CASE WHEN excluded.size > ceilings.size THEN excluded.size ELSE ceilings.size END"
)
_Key = tuple[str, str]


class CeilingRows:
    """Shared ceilings, as one transaction reads them.

    The constructor queues the statements; the first `get` fetches all rows.
    """

    def __init__(self, db: Transaction, keys: Iterable[_Key]) -> None:
        self._asked = {key: db.execute(_READ, key) for key in dict.fromkeys(keys)}
        self._found: dict[_Key, UsageCeiling | None] = {}

    def get(self, key: _Key) -> UsageCeiling | None:
        """Return the shared ceiling of *key*, a model and a kind.

        None before the first call, and if it was not queried.
        """
        if len(self._found) < len(self._asked):
            for each, found in self._asked.items():
                row = found.fetchone()
                self._found[each] = None if row is None else UsageCeiling(*each, *row)
        return self._found.get(key)


class UsageCeilings:
    """The ceilings known to this process: the shared ones it last read, and its own since."""

    _MOST = 10_000

    def __init__(self) -> None:
        self._known: dict[_Key, UsageCeiling] = {}
        self._new: dict[_Key, UsageCeiling] = {}
        self._sent: dict[_Key, UsageCeiling] = {}
        """Ceilings written by a transaction that may not have been committed."""
        self.are_urgent = False
        """Whether a new ceiling changes the estimates of other processes."""

    def of(self, model: str, kinds: Sequence[str]) -> list[UsageCeiling | None]:
        """Return the known ceiling of each of *kinds* of *model*, without a query."""
        known = self._known
        return [known.get((model, kind)) for kind in kinds]

    def add(self, usage_ceiling: UsageCeiling) -> None:
        """Add *usage_ceiling*; the next `share` writes it."""
        key = usage_ceiling.model, usage_ceiling.kind
        known = self._known.get(key)
        self._known[key] = total = usage_ceiling.with_(known)
        # Another call within the known bounds waits for the next write.
        if known is None or (total.most, total.least) != (known.most, known.least):
            self.are_urgent = True
        self._new[key] = usage_ceiling.with_(self._new.get(key))

    @property
    def are_new(self) -> bool:
        """Whether there are ceilings to share."""
        return bool(self._new or self._sent)

    def read(self, db: Transaction, model: str = "", kinds: Sequence[str] = ()) -> CeilingRows:
        """Query the shared ceilings of *kinds* of *model*, and of new ceilings."""
        self._take_back()
        return CeilingRows(db, [*((model, kind) for kind in kinds), *self._new])

    def share(self, db: Transaction, rows: CeilingRows) -> None:
        """Write new ceilings, and merge the shared ones of the same models and kinds in *rows*.

        Until `shared` is called, they are written again with the next `share`.
        """
        if len(self._known) > self._MOST:
            self._known = {}
        new, self._new = self._new, {}
        self._sent = new
        # In order, so that no two transactions wait for each other.
        for key in sorted(new):
            found = rows.get(key)
            if found is not None:
                self._known[key] = new[key].with_(found)
            self._known.setdefault(key, new[key])
            new[key].write(db)

    def shared(self) -> None:
        """Mark the ceilings of the last `share` as committed."""
        self._sent = {}
        self.are_urgent = False

    def _take_back(self) -> None:
        sent, self._sent = self._sent, {}
        for key, usage_ceiling in sent.items():
            self._new[key] = usage_ceiling.with_(self._new.get(key))

    def look_up(self, rows: CeilingRows, model: str, kind: str) -> UsageCeiling | None:
        """Return and cache the shared ceiling of *kind* of *model*, merged with a new one.

        None before the first call.
        """
        key = model, kind
        found, new = rows.get(key), self._new.get(key)
        found = found if new is None else new.with_(found)
        if found is not None:
            self._known[key] = found
        return found
