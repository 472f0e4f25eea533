"""Serves the project's fake model provider until Ctrl-C; `python fake_provider.py [PORT]`."""

import sys
import time
from contextlib import suppress

from otel_distro.demo.provider import FakeProvider


def main() -> None:
    """Print the address and serve."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8377
    with FakeProvider(port) as provider, suppress(KeyboardInterrupt):
        print(f"export PROVIDER_URL={provider.url}", flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
