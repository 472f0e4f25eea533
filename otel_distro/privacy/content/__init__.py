"""Messages to and from models: never exported, stored encrypted for the user's key."""
