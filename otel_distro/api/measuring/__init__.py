"""Public API of measurements: operations, business metrics, graph nodes."""
