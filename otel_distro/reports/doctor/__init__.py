"""Checks of an installation: what was found, and the command that mends it. Changes nothing."""
