"""instructor over openai."""

import os

base = os.environ["PROVIDER_URL"]
import instructor, openai
from pydantic import BaseModel


class Weather(BaseModel):
    city: str


client = instructor.from_openai(openai.OpenAI(base_url=base + "/v1", api_key="none", max_retries=0))
try:
    client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "hi"}],
        response_model=Weather,
        max_retries=0,
    )
except Exception:
    pass  # the provider's response is not a Weather; it is still charged
