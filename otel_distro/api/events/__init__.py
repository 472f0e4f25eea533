"""Events: what happened in the app's own terms, from a catalogue that says what each carries."""
