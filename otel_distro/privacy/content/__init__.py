"""What models are told and answer: kept from exporters, stored only for who has the key."""
