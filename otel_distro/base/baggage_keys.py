"""Keys of session, user, tenant and feature flag, as baggage and as attributes.

Separate from `contexts`, so that reading settings does not import OpenTelemetry.
"""

SESSION = "session.id"
USER = "user.id"
TENANT = "tenant.id"
FLAG = "feature_flag.key"
VARIANT = "feature_flag.result.variant"

KEYS = (SESSION, USER, TENANT, FLAG, VARIANT)
