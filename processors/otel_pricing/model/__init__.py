"""Model calls, their usage and attribute names."""
