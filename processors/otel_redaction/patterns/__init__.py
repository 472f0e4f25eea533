"""Building blocks of detectors: matches, keys, checksums, context words."""
