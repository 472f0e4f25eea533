"""Consent, audit trail and erasure."""
