"""Search for people in prose: names, addresses, health; imported on first use."""
