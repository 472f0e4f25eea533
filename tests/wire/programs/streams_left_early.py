"""openai and anthropic: streams that the program leaves before their end."""

import os
import anthropic, openai

base = os.environ["PROVIDER_URL"]
slow = [{"role": "user", "content": "SLOW"}]
client = openai.OpenAI(base_url=base + "/v1", api_key="none", max_retries=0)
for n, _ in enumerate(client.chat.completions.create(model="gpt-4o", messages=slow, stream=True)):
    if n == 3:
        break
other = anthropic.Anthropic(base_url=base, api_key="none", max_retries=0)
with other.messages.create(
    model="claude-sonnet-4-5", max_tokens=100, messages=slow, stream=True
) as stream:
    for n, _ in enumerate(stream):
        if n == 4:
            break
