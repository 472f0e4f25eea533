"""Billing of each call once, for any number of spans that report it."""
