"""The embedded collector: receives OTLP, redacts, prices, stores, shows and forwards it."""
