"""LangChain with anthropic."""

import os

base = os.environ["PROVIDER_URL"]
from langchain_anthropic import ChatAnthropic

model = ChatAnthropic(model="claude-sonnet-4-5", base_url=base, api_key="none", max_retries=0)
model.invoke("hi")
for _ in model.stream("hi"):
    pass
