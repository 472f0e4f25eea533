"""groq: chat and a stream."""

import os
from groq import Groq

client = Groq(api_key="none", base_url=os.environ["PROVIDER_URL"], max_retries=0)
messages = [{"role": "user", "content": "hi"}]
client.chat.completions.create(model="gpt-4o", messages=messages)
for _ in client.chat.completions.create(
    model="llama-3.3-70b-versatile", messages=messages, stream=True
):
    pass
