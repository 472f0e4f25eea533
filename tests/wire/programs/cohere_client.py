"""cohere: chat of the second version of the API, and a stream."""

import os
import cohere

client = cohere.ClientV2(api_key="none", base_url=os.environ["PROVIDER_URL"])
messages = [{"role": "user", "content": "hi"}]
client.chat(model="command-a-03-2025", messages=messages)
for _ in client.chat_stream(model="command-a-03-2025", messages=messages):
    pass
