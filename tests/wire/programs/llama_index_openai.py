"""LlamaIndex with openai: complete, chat, a stream."""

import os

base = os.environ["PROVIDER_URL"]
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI

model = OpenAI(model="gpt-4o", api_base=base + "/v1", api_key="none", max_retries=0)
model.complete("hi")
model.chat([ChatMessage(role="user", content="hi")])
for _ in model.stream_chat([ChatMessage(role="user", content="hi")]):
    pass
