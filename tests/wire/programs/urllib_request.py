"""urllib.request of the standard library."""

import json, os, urllib.request

body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}).encode()
for _ in range(3):
    request = urllib.request.Request(
        os.environ["PROVIDER_URL"] + "/v1/chat/completions",
        body,
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        response.read()
