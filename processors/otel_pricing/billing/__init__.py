"""Bills each call once, whatever reports it."""
