"""openai: chat, a stream with usage, responses, embeddings, a refused and a cached call."""

import os
import openai

client = openai.OpenAI(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none", max_retries=0)
messages = [{"role": "user", "content": "hi"}]
client.chat.completions.create(model="gpt-4o", messages=messages)
client.chat.completions.create(
    model="gpt-4o-mini", messages=[{"role": "user", "content": "CACHED"}]
)
for _ in client.chat.completions.create(
    model="gpt-4o", messages=messages, stream=True, stream_options={"include_usage": True}
):
    pass
client.responses.create(model="gpt-4o", input="hi")
for _ in client.responses.create(model="gpt-4o", input="hi", stream=True):
    pass
client.embeddings.create(model="text-embedding-3-small", input="hi")
try:
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "REFUSE"}])
except openai.RateLimitError:
    pass
