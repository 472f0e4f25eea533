"""openai: a call that fails three times with 500; each request reached the provider."""

import os
import openai

client = openai.OpenAI(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none", max_retries=2)
try:
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "BREAK"}])
except openai.InternalServerError:
    pass
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
