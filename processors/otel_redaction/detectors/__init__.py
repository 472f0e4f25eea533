"""Detectors; each module finds one family of kinds in a prepared text.

Every detector has the same shape: a cheap anchor found at memory speed, an
anchored and bounded pattern tried only there, and a validator (a checksum, a
range, or the words around it) that decides.
"""
