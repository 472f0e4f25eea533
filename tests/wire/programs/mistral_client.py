"""mistralai: chat and a stream."""

import os

try:
    from mistralai import Mistral
except ImportError:
    from mistralai.client import Mistral
client = Mistral(api_key="none", server_url=os.environ["PROVIDER_URL"])
messages = [{"role": "user", "content": "hi"}]
client.chat.complete(model="mistral-large-latest", messages=messages)
for _ in client.chat.stream(model="mistral-large-latest", messages=messages):
    pass
