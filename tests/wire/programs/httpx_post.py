"""httpx: chat completions, one of them streamed, with no client library."""

import os, httpx

url = os.environ["PROVIDER_URL"] + "/v1/chat/completions"
body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
httpx.post(url, json=body)
with httpx.Client() as client:
    client.post(url, json=body)
    streamed = body | {"stream": True, "stream_options": {"include_usage": True}}
    with client.stream("POST", url, json=streamed) as response:
        for _ in response.iter_lines():
            pass
