"""openai: a stream without requested usage; its cost can only be estimated."""

import os
import openai

client = openai.OpenAI(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none", max_retries=0)
messages = [{"role": "user", "content": "hi"}]
for _ in client.chat.completions.create(model="gpt-4o", messages=messages, stream=True):
    pass
