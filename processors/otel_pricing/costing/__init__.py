"""What a call costs at a price."""
