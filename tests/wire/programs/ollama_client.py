"""ollama: chat and a stream; local models cost nothing."""

import os
from ollama import Client

client = Client(host=os.environ["PROVIDER_URL"])
messages = [{"role": "user", "content": "hi"}]
client.chat(model="llama3.2", messages=messages)
for _ in client.chat(model="llama3.2", messages=messages, stream=True):
    pass
