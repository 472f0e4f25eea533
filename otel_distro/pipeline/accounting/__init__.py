"""Cost accounting of model calls: settlement, metrics, ledger."""
