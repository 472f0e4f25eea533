"""LangChain with groq."""

import os

base = os.environ["PROVIDER_URL"]
from langchain_groq import ChatGroq

ChatGroq(model="gpt-4o", base_url=base, api_key="none", max_retries=0).invoke("hi")
