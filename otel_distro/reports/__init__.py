"""Reports on the ledger and on running programs."""
