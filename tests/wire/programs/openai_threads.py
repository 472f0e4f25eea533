"""openai from sixteen threads."""

import os
from concurrent.futures import ThreadPoolExecutor
import openai

client = openai.OpenAI(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none", max_retries=0)


def call(_):
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])


with ThreadPoolExecutor(16) as pool:
    list(pool.map(call, range(48)))
