"""Cost budgets inside a program and in the commands; `otel_budget` does the arithmetic."""
