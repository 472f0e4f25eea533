"""Makes OpenTelemetry's public entry points safe against any argument.

Nothing raises into the app, no other record of the batch is lost, and limits apply before memory is
used. Plain values, the usual case, are only checked.
"""
