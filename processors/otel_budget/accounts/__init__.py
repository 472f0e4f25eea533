"""Accounts of budgets, in a file that all processes of a host share or in PostgreSQL."""
