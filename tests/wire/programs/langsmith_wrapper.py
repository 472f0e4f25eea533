"""LangSmith's wrapper around the openai client."""

import os

os.environ["LANGSMITH_TRACING"] = "false"
import os

base = os.environ["PROVIDER_URL"]
import openai
from langsmith.wrappers import wrap_openai

client = wrap_openai(openai.OpenAI(base_url=base + "/v1", api_key="none", max_retries=0))
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
