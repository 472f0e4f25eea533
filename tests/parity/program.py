"""Uses every library of `libraries.txt` once, against local servers or none.

Without a server there is still a span: that of the attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

warnings.simplefilter("ignore")
NOWHERE = 9  # a port on which nothing listens
USED: list[str] = []


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        pass


def use(work: Any) -> None:
    """Call *work*, and ignore the library's exception for a missing server."""
    try:
        with contextlib.redirect_stderr(open(os.devnull, "w")):
            result = work()
            if asyncio.iscoroutine(result):
                asyncio.run(asyncio.wait_for(result, 20))
    except ImportError as error:
        print(f"not here: {work.__name__}: {error}", file=sys.stdout)
        return
    except Exception as error:
        USED.append(f"{work.__name__} ({type(error).__name__})")
        return
    USED.append(work.__name__)


def httpx_(url: str) -> None:
    import httpx

    httpx.get(url)


async def httpx_async(url: str) -> None:
    import httpx

    async with httpx.AsyncClient() as client:
        await client.get(url)


def requests_(url: str) -> None:
    import requests

    requests.get(url)


def urllib_(url: str) -> None:
    import urllib.request

    urllib.request.urlopen(url).read()


def urllib3_(url: str) -> None:
    import urllib3

    urllib3.PoolManager().request("GET", url)


async def aiohttp_client(url: str) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(url) as response:
        await response.read()


async def aiohttp_server() -> None:
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    async def answer(_request: Any) -> Any:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/items/{id}", answer)
    async with TestClient(TestServer(app)) as client:
        await client.get("/items/1")


def flask_() -> None:
    from flask import Flask, render_template_string

    app = Flask("shop")
    app.add_url_rule("/items/<id>", "item", lambda id: render_template_string("{{ id }}", id=id))
    app.test_client().get("/items/1")


def fastapi_() -> None:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    app = FastAPI()
    app.get("/items/{id}")(lambda id: {"id": id})
    TestClient(app).get("/items/1")


def starlette_() -> None:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    app = Starlette(routes=[Route("/items/{id}", lambda _: PlainTextResponse("ok"))])
    TestClient(app).get("/items/1")


def falcon_() -> None:
    import falcon
    from falcon import testing

    class Item:
        def on_get(self, req: Any, response: Any, id: str) -> None:
            response.text = "ok"

    app = falcon.App()
    app.add_route("/items/{id}", Item())
    testing.TestClient(app).simulate_get("/items/1")


def pyramid_() -> None:
    from pyramid.config import Configurator
    from pyramid.response import Response
    from werkzeug.test import Client

    config = Configurator()
    config.add_route("item", "/items/{id}")
    config.add_view(lambda _request: Response("ok"), route_name="item")
    Client(config.make_wsgi_app()).get("/items/1")


async def tornado_() -> None:
    from tornado.httpclient import AsyncHTTPClient
    from tornado.testing import bind_unused_port
    from tornado.web import Application, RequestHandler

    class Item(RequestHandler):
        def get(self, id: str) -> None:
            self.write("ok")

    socket, port = bind_unused_port()
    server = Application([(r"/items/(\d+)", Item)]).listen(0)
    server.add_socket(socket)
    await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/items/1")
    server.stop()


def jinja2_() -> None:
    from jinja2 import DictLoader, Environment

    Environment(loader=DictLoader({"page": "{{ x }}"})).get_template("page").render(x=1)


def click_() -> None:
    import click
    from click.testing import CliRunner

    @click.command("greet")
    def greet() -> None:
        click.echo("hello")

    CliRunner().invoke(greet)


async def grpc_() -> None:
    import grpc

    async with grpc.aio.insecure_channel(f"127.0.0.1:{NOWHERE}") as channel:
        await channel.unary_unary("/shop.Items/Get")(b"", timeout=1)


def grpc_sync() -> None:
    import grpc

    with grpc.insecure_channel(f"127.0.0.1:{NOWHERE}") as channel:
        channel.unary_unary("/shop.Items/Get")(b"", timeout=1)


def sqlite3_() -> None:
    import sqlite3

    sqlite3.connect(":memory:").cursor().execute("SELECT 1").fetchall()


def sqlalchemy_() -> None:
    import sqlalchemy

    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))


def redis_() -> None:
    import redis

    redis.Redis(port=NOWHERE).get("key")


def pymongo_() -> None:
    import pymongo

    client: Any = pymongo.MongoClient(port=NOWHERE, serverSelectionTimeoutMS=200)
    client.shop.items.find_one({})


def pymysql_() -> None:
    import pymysql

    pymysql.connect(port=NOWHERE).cursor().execute("SELECT 1")


def psycopg_() -> None:
    import psycopg

    psycopg.connect(f"host=127.0.0.1 port={NOWHERE} connect_timeout=2").execute("SELECT 1")


def psycopg2_() -> None:
    import psycopg2

    psycopg2.connect(f"host=127.0.0.1 port={NOWHERE} connect_timeout=2").cursor()


async def asyncpg_() -> None:
    import asyncpg

    await asyncpg.connect(port=NOWHERE, host="127.0.0.1")


def pymemcache_() -> None:
    from pymemcache.client.base import Client

    Client(("127.0.0.1", NOWHERE)).get("key")


def mysql_() -> None:
    import mysql.connector

    mysql.connector.connect(port=NOWHERE).cursor().execute("SELECT 1")


def celery_() -> None:
    from celery import Celery

    app = Celery("shop", broker="memory://")
    app.conf.task_always_eager = True

    @app.task(name="pack")
    def pack() -> int:
        return 1

    pack.delay()


def pika_() -> None:
    import pika

    pika.BlockingConnection(pika.ConnectionParameters(port=NOWHERE, socket_timeout=1))


def kafka_() -> None:
    from kafka import KafkaProducer

    KafkaProducer(
        bootstrap_servers=f"127.0.0.1:{NOWHERE}", api_version=(2, 0), max_block_ms=300
    ).send("t", b"x")


def confluent_() -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": f"127.0.0.1:{NOWHERE}", "log_level": 0})
    producer.produce("t", b"x")


def elasticsearch_() -> None:
    from elasticsearch import Elasticsearch

    Elasticsearch(f"http://127.0.0.1:{NOWHERE}", max_retries=0).search(index="items")


def botocore_(url: str) -> None:
    import boto3

    named = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "eu-west-1"}
    client: Any = boto3.client("s3", endpoint_url=url, **named)
    client.list_buckets()


def sqs_(url: str) -> None:
    import boto3

    named = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "eu-west-1"}
    client: Any = boto3.client("sqs", endpoint_url=url, **named)
    client.send_message(QueueUrl=url + "/q", MessageBody="x")


async def tortoise_() -> None:
    from tortoise import Tortoise, connections

    await Tortoise.init(db_url="sqlite://:memory:", modules={"models": []})
    await connections.get("default").execute_query("SELECT 1")
    await Tortoise.close_connections()


def threading_() -> None:
    thread = threading.Thread(target=sqlite3_)
    thread.start()
    thread.join()


async def asyncio_() -> None:
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))


def django_() -> None:
    import django
    from django.conf import settings
    from django.http import HttpResponse
    from django.test import Client
    from django.urls import path

    django.setup()
    module = type(sys)("shop_urls")
    module.urlpatterns = [path("items/<int:id>", lambda _request, id: HttpResponse("ok"))]  # type: ignore[attr-defined]
    sys.modules["shop_urls"] = module
    settings.ROOT_URLCONF = "shop_urls"
    settings.ALLOWED_HOSTS = ["*"]
    Client().get("/items/1")


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with_url = (httpx_, httpx_async, requests_, urllib_, urllib3_, aiohttp_client, botocore_, sqs_)
    for work in with_url:

        def bound(work: Any = work) -> Any:
            return work(url)

        bound.__name__ = work.__name__
        use(bound)
    for work in (
        aiohttp_server, flask_, fastapi_, starlette_, falcon_, pyramid_, tornado_, jinja2_, click_,
        grpc_, grpc_sync, sqlite3_, sqlalchemy_, redis_, pymongo_, pymysql_, psycopg_, psycopg2_,
        asyncpg_, pymemcache_, mysql_, celery_, pika_, kafka_, confluent_, elasticsearch_,
        tortoise_, threading_, asyncio_, django_,
    ):  # fmt: skip
        use(work)
    server.shutdown()
    print(f"used {len(USED)}: {', '.join(USED)}")


if __name__ == "__main__":
    main()
