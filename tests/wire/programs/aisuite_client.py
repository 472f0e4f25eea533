"""aisuite over openai."""

import os

base = os.environ["PROVIDER_URL"]
import aisuite

client = aisuite.Client({"openai": {"api_key": "none", "base_url": base + "/v1"}})
client.chat.completions.create(model="openai:gpt-4o", messages=[{"role": "user", "content": "hi"}])
