"""The local page over the ledger, served by `otel-distro ui` and written by `reports report`.

A request has four steps: the URL is parsed to a `View`, the view queries the ledger (opened
read-only), the results become panels (a chart and the same numbers as a table), and a template
renders the page. Charts are SVG drawn on the server; the page works without JavaScript, which only
adds live refresh and values under the pointer.
"""
