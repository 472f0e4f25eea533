"""People in prose: names, addresses, health; loaded at the first text searched for them."""
