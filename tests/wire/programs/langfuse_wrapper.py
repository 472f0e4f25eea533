"""Langfuse's drop-in for the openai client."""

import os

os.environ["LANGFUSE_TRACING_ENABLED"] = "false"
import os

base = os.environ["PROVIDER_URL"]
from langfuse.openai import OpenAI

client = OpenAI(base_url=base + "/v1", api_key="none", max_retries=0)
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
