"""huggingface_hub: chat_completion of the inference client."""

import os
from huggingface_hub import InferenceClient

client = InferenceClient(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none")
client.chat_completion(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
for _ in client.chat_completion(
    model="gpt-4o",
    messages=[{"role": "user", "content": "hi"}],
    stream=True,
    stream_options={"include_usage": True},
):
    pass
