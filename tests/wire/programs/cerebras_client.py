"""cerebras: chat."""

import os
from cerebras.cloud.sdk import Cerebras

client = Cerebras(
    api_key="none", base_url=os.environ["PROVIDER_URL"], max_retries=0, warm_tcp_connection=False
)
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
