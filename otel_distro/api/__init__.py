"""Functions and contexts that programs import."""
