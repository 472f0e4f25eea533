"""The bundled stack: its files, addresses and health checks."""
