"""Alerts: one message when an incident begins and one when it ends."""
