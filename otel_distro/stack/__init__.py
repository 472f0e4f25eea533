"""The bundled stack: where its files are, what listens where, and whether it works."""
