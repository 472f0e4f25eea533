"""The import that each instrumentor waits for, so that no library is loaded only to instrument it.

Instrumentors import the libraries they instrument. A program that uses none of them pays tenths
of a second and tens of megabytes for that. Instrumentors without an entry here are activated at
start-up. So are those for which the import is too late: Django's instrumentor reads the program's
settings, which may be half imported at that moment.
"""

from __future__ import annotations

from typing import Final

_OF_ONE_NAME: Final = (
    "aio_pika aiokafka aiopg anthropic asyncclick asyncpg boto botocore cassandra celery "
    "chromadb click cohere confluent_kafka dspy elasticsearch falcon fastapi flask groq httpx "
    "httpx2 jinja2 kafka litellm mistralai ollama openai pika pinecone psycopg psycopg2 "
    "pymemcache pymilvus pymongo pymssql pymysql pyramid redis remoulade replicate requests "
    "smolagents sqlalchemy sqlite3 starlette together tornado transformers urllib3 valkey "
    "vertexai weaviate"
)

WAITS_FOR: Final[dict[str, str]] = {
    **{name: name for name in _OF_ONE_NAME.split()},
    "aio-pika": "aio_pika",
    "aiohttp-client": "aiohttp",
    "aiohttp-server": "aiohttp",
    "bedrock": "botocore",
    "boto3": "boto3",
    "google_genai": "google.genai",
    "grpc_aio_client": "grpc",
    "grpc_aio_server": "grpc",
    "grpc_client": "grpc",
    "grpc_server": "grpc",
    "langchain": "langchain_core",
    "milvus": "pymilvus",
    "mysql": "mysql.connector",
    "mysqlclient": "MySQLdb",
    "openai_agents": "agents",
    "tortoiseorm": "tortoise",
    "urllib": "urllib.request",
}
"""Entry point -> module whose import activates it."""
