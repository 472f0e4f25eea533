"""Checks of an installation: findings, and the command that fixes each. Changes nothing."""
