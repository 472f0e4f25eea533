"""Former place of `otel_host.file_locks`."""

from otel_host.file_locks import try_lock, unlock, wait_and_lock

__all__ = ["try_lock", "unlock", "wait_and_lock"]
