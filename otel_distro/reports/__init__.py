"""Questions that people ask of the ledger and of running programs."""
