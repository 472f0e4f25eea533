"""The ledger on a terminal: live for `otel-distro reports top`, once for `reports report`."""
