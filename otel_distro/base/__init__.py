"""Names, errors, messages and formatting shared by all parts of the distribution."""
