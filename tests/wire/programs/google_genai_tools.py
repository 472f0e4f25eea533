"""google-genai: automatic function calling, two requests that the client reports as one."""

import os
from google import genai


def weather(city: str) -> str:
    """Return the weather of a city."""
    return "sunny in " + city


client = genai.Client(api_key="none", http_options={"base_url": os.environ["PROVIDER_URL"]})
client.models.generate_content(
    model="gemini-2.5-flash", contents="TOOL weather", config={"tools": [weather]}
)
