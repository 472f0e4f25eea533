"""The tables of a ledger in PostgreSQL: the same names and columns as in SQLite.

They have their own schema, `otel_distro`. `calls` is partitioned by month of the call, so that
retention drops whole months. The statement that inserts new calls adds them to the sums; a trigger
moves them on a revision by any client.
"""

from __future__ import annotations

from typing import Final

SCHEMA: Final = "otel_distro"

BUCKET: Final = (
    "(SELECT b.bucket FROM latency_buckets b WHERE b.lower_us <= c.latency_us"
    " ORDER BY b.lower_us DESC LIMIT 1)"
)
