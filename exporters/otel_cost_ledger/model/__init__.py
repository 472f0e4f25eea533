"""Rows, sums, schema and errors of all ledgers."""
