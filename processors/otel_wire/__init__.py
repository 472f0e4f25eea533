"""HTTP traffic with model providers: recognises calls, reads requests and responses.

The modules of this package are pure: they import neither OpenTelemetry nor a client library.

    if may_call_model(method, path):                         # cheap filter
        request = read_request(host, path, body, headers)    # None: not a model call
        reader = AnswerReader(request, status, headers)      # response headers
        reader.feed(chunk)                                   # raw bytes, chunks of any size
        answer = reader.end()                                # usage, model, tier, ids, never text
"""
