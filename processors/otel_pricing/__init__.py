"""What a model call cost: span -> usage -> price -> billed once."""
