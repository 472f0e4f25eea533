"""Names, errors, messages and figures that every part of the distribution uses."""
