"""LangGraph: an agent that calls a tool, two model calls."""

import os

base = os.environ["PROVIDER_URL"]
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

try:
    from langchain.agents import create_agent
except ImportError:
    from langgraph.prebuilt import create_react_agent as create_agent


@tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return "sunny"


model = ChatOpenAI(model="gpt-4o", base_url=base + "/v1", api_key="none", max_retries=0)
create_agent(model, [weather]).invoke({"messages": [("user", "TOOL weather in Paris")]})
