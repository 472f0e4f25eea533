"""The ledger in ClickHouse: read by this package, written by a Collector."""
