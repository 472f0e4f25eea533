"""LangChain with ollama."""

import os

base = os.environ["PROVIDER_URL"]
from langchain_ollama import ChatOllama

ChatOllama(model="llama3.2", base_url=base).invoke("hi")
