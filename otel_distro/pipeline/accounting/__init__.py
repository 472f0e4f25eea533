"""What calls cost: settled, counted, written to the ledger."""
