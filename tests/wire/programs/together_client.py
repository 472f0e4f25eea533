"""together: chat."""

import os
from together import Together

client = Together(api_key="none", base_url=os.environ["PROVIDER_URL"] + "/v1")
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
