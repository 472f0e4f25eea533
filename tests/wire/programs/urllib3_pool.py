"""urllib3 alone."""

import json, os, urllib3

pool = urllib3.PoolManager()
body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]})
for _ in range(3):
    pool.request(
        "POST",
        os.environ["PROVIDER_URL"] + "/v1/chat/completions",
        body=body,
        headers={"Content-Type": "application/json"},
    )
