"""The writer of a process, and where calls wait for it."""
