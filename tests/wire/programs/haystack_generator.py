"""Haystack: a chat generator, also streaming."""

import os

base = os.environ["PROVIDER_URL"]
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret

key = Secret.from_token("none")
OpenAIChatGenerator(model="gpt-4o", api_base_url=base + "/v1", api_key=key, max_retries=0).run(
    [ChatMessage.from_user("hi")]
)
OpenAIChatGenerator(
    model="gpt-4o",
    api_base_url=base + "/v1",
    api_key=key,
    max_retries=0,
    streaming_callback=lambda _: None,
).run([ChatMessage.from_user("hi")])
