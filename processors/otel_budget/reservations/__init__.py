"""Reservations for calls that have not ended: estimates, leases, admission, clean-up."""
