"""State of budgets."""
