"""Host utilities of all packages: private files, file locks, descriptors, fork hooks.

The lowest layer: it imports the standard library only.
"""
