"""Billing of each call once, however many spans report it."""
