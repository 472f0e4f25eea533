"""Log records on the console and in files: the redacted view, beside whatever the app does."""
