"""openai client with another maker's model."""

import os
import openai

client = openai.OpenAI(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none", max_retries=0)
messages = [{"role": "user", "content": "hi"}]
client.chat.completions.create(model="claude-sonnet-4-5", messages=messages)
client.chat.completions.create(model="gemini-2.5-flash", messages=messages)
