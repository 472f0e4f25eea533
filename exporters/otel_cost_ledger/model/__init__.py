"""Rows, sums, schema and errors of every kind of ledger."""
