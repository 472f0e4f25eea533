"""Golden sets: prompts with expected properties, run against a model and compared over time."""
