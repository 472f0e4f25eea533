"""The ledger writer of a process, its queue and its spill file."""
