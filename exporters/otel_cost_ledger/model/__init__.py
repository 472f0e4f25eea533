"""Rows, sums, schema and errors: what every ledger shares."""
