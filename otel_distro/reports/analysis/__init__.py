"""Questions to the ledger that need more than a query."""
