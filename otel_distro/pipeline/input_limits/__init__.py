"""The public entry points of OpenTelemetry, made so that no value handed to them does harm.

Nothing raises into the app, no neighbour in the batch is lost, and limits hold before memory is
used. Plain values, which are nearly all, are only checked.
"""
