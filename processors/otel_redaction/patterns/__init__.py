"""Parts that detectors are made of: matches, keys, checksums, context words."""
