"""Analyses of the ledger that need more than a query."""
