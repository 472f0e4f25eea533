"""anthropic: messages, two kinds of streams, a cached call."""

import os
import anthropic

client = anthropic.Anthropic(base_url=os.environ["PROVIDER_URL"], api_key="none", max_retries=0)
request = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "hi"}],
}
client.messages.create(**request)
client.messages.create(**(request | {"messages": [{"role": "user", "content": "CACHED"}]}))
for _ in client.messages.create(**request, stream=True):
    pass
with client.messages.stream(**request) as stream:
    stream.get_final_message()
