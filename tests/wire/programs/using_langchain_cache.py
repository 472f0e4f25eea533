"""LangChain with an LLM cache: five questions, two of them different; three answers cost nothing."""

import os

base = os.environ["PROVIDER_URL"]
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_openai import ChatOpenAI

set_llm_cache(InMemoryCache())
model = ChatOpenAI(model="gpt-4o", base_url=base + "/v1", api_key="none", max_retries=0)
for question in ("a", "b", "a", "b", "a"):
    model.invoke(question)
