"""Spool of undelivered telemetry on disk: redacted, encoded, bounded, sent later.

* `records`   one record in a file: length, checksum, how many spans it holds
* `segments`  one file: who writes it, how much of it was sent
* `folder`    one folder: what one app sends of one signal to one place; its limit
* `spooling_transport`  one exporter's connection; failed requests go to the folder
* `drain`     sends spooled requests, oldest first; one process at a time
* `journal`   optional: every record is written as it ends, against the loss of the last second
"""
