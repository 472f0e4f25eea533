"""Cost of a call at a price."""
