"""LangChain with openai: invoke, a stream, a batch, embeddings."""

import os

base = os.environ["PROVIDER_URL"]
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

model = ChatOpenAI(
    model="gpt-4o", base_url=base + "/v1", api_key="none", max_retries=0, stream_usage=True
)
model.invoke("hi")
for _ in model.stream("hi"):
    pass
model.batch(["a", "b", "c"])
OpenAIEmbeddings(
    model="text-embedding-3-small",
    base_url=base + "/v1",
    api_key="none",
    check_embedding_ctx_length=False,
).embed_query("hi")
