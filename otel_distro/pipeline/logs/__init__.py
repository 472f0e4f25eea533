"""Redacted log records on the console and in files, beside the app's own handlers."""
