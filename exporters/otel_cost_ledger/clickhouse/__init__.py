"""The ledger in ClickHouse: read here, written by a Collector."""
