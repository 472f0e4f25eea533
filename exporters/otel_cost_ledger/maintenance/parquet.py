"""Calls as a Parquet file, for DuckDB, pandas or a warehouse."""

from __future__ import annotations

from importlib import import_module
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_ROWS_A_GROUP: Final = 50_000
_REALS: Final = frozenset({"cost_usd", "latency_ms", "time_to_first_token_ms"})
_INTEGERS: Final = frozenset(
    {"start_ns", "streamed", "billed", "failed", "http_status_code"}
    | {"cost_nano_usd", "exposure_nano_usd", "input_tokens", "output_tokens"}
    | {"cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "max_output_tokens"}
)


def write_parquet(target: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write columns *header* and *rows* of `calls_v` to *target*; return the number of rows."""
    arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    schema = arrow.schema([(name, _type(arrow, name)) for name in header])
    left = iter(rows)
    written = 0
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        while group := list(islice(left, _ROWS_A_GROUP)):
            columns = [list(column) for column in zip(*group, strict=True)]
            arrays = [
                arrow.array(column, field.type)
                for column, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            written += len(group)
    return written


def read_totals(path: Path) -> tuple[int, int, int]:
    """Return calls, nano-USD and input tokens of the file at *path*."""
    file = _pyarrow("pyarrow.parquet").ParquetFile(path)
    cost = tokens = 0
    for batch in file.iter_batches(columns=["cost_nano_usd", "input_tokens"]):
        cost += sum(value or 0 for value in batch.column(0).to_pylist())
        tokens += sum(value or 0 for value in batch.column(1).to_pylist())
    return file.metadata.num_rows, cost, tokens


def _type(arrow: Any, column: str) -> Any:
    if column in _INTEGERS:
        return arrow.int64()
    return arrow.float64() if column in _REALS else arrow.string()


def _pyarrow(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise LedgerError(
            "Parquet needs pyarrow; run: pip install 'otel-distro[parquet]'"
        ) from error
