"""The local page over the ledger: what `otel-distro ui` serves and `reports report` writes.

A request goes through four small steps: the URL becomes a `View`, the view's questions are put to
the ledger (opened for reading only), the answers become panels (a chart and the same numbers as a
table), and a template makes a page of them. Charts are SVG drawn on the server; the page works
without JavaScript, which only adds live refresh and values under the pointer.
"""
