"""The keys that say who and what work is for: baggage keys and attributes of one name.

Apart from `contexts`, so that reading settings needs nothing of OpenTelemetry.
"""

SESSION = "session.id"
USER = "user.id"
TENANT = "tenant.id"
FLAG = "feature_flag.key"
VARIANT = "feature_flag.result.variant"

KEYS = (SESSION, USER, TENANT, FLAG, VARIANT)
