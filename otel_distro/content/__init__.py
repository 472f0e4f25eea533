"""What models are told and answer: kept away from exporters, and stored only for who has the key."""
