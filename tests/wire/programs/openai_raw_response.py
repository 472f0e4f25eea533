"""openai: raw and streaming responses, whose bodies the app reads itself."""

import os
import openai

client = openai.OpenAI(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="none", max_retries=0)
messages = [{"role": "user", "content": "hi"}]
client.chat.completions.with_raw_response.create(model="gpt-4o", messages=messages).parse()
with client.chat.completions.with_streaming_response.create(
    model="gpt-4o", messages=messages
) as response:
    response.read()
