"""voyageai: embeddings through requests."""

import os
import voyageai

client = (
    voyageai.Client(api_key="none", base_url=os.environ["PROVIDER_URL"] + "/v1")
    if "base_url" in voyageai.Client.__init__.__code__.co_varnames
    else None
)
if client is None:
    voyageai.api_base = os.environ["PROVIDER_URL"] + "/v1"
    client = voyageai.Client(api_key="none")
client.embed(["hi"], model="text-embedding-3-small")
