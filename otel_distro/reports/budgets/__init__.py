"""Budgets as they stand."""
