"""http.client of the standard library, also a stream read line by line."""

import http.client, json, os

host = os.environ["PROVIDER_URL"].removeprefix("http://")
body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
streamed = body | {"stream": True, "stream_options": {"include_usage": True}}
for each in (body, body, streamed):
    connection = http.client.HTTPConnection(host)
    connection.request(
        "POST", "/v1/chat/completions", json.dumps(each), {"Content-Type": "application/json"}
    )
    response = connection.getresponse()
    while response.readline():
        pass
    connection.close()
