"""Messages to and from models: kept from exporters, stored only for the holder of the key."""
