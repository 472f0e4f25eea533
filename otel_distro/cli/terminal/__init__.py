"""The ledger on a terminal: what `otel-distro top` shows live and `otel-distro report` once."""
