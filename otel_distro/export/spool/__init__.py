"""Spool of undelivered telemetry on disk: redacted, encoded, bounded, sent later.

* `records` one record in a file: length, checksum, number of spans
* `segments` one file: its writer, and how much of it was sent
* `folder` one folder: one app, one signal, one endpoint; its limit
* `spooling_transport`  one exporter's connection; failed requests go to the folder
* `drain`     sends spooled requests, oldest first; one process at a time
* `journal`   optional: every record is written as it ends, against the loss of the last second
"""
