"""Former location of `otel_host.private_files`."""

from otel_host.private_files import make_private_folder, write_private

__all__ = ["make_private_folder", "write_private"]
