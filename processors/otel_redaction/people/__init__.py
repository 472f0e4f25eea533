"""People in prose: names, addresses, health. Loaded with the first text that is searched for them."""
