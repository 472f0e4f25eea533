"""Telemetry that cannot be delivered waits on disk: redacted, encoded, bounded, sent later.

* `records`   one record in a file: length, checksum, how many spans it holds
* `segments`  one file: who writes it, how much of it was sent
* `folder`    one folder: what one app sends of one signal to one place; its limit
* `courier`   stands between an exporter and the wire; what fails goes to the folder
* `drain`     sends what waits, oldest first; one process at a time
* `journal`   for those to whom the last second matters: everything is written as it ends
"""
