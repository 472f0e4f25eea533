"""Queries of a ledger."""
