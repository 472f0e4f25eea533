"""Business events of the app, with a catalogue of their attributes."""
