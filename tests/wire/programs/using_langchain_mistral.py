"""LangChain with mistral, which calls by httpx."""

import os

base = os.environ["PROVIDER_URL"]
from langchain_mistralai import ChatMistralAI

ChatMistralAI(
    model="mistral-large-latest", endpoint=base + "/v1", api_key="none", max_retries=0
).invoke("hi")
