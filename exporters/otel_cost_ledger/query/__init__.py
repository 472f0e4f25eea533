"""Questions that a ledger answers."""
