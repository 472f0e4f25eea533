"""StatsD in the embedded collector: real clients, every metric type, and hostile lines."""

from __future__ import annotations

import socket
import stat
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.server import statsd_aggregation as aggregation
from otel_distro.server.collector import Collector
from otel_distro.server.requests import Outcome
from otel_distro.server.statsd_aggregation import Aggregator
from otel_distro.server.statsd_lines import LineError, parse
from otel_distro.server.statsd_receiver import StatsdError, StatsdReceiver
from otel_distro.settings import Settings
from otel_trace_store import StoreReader
from otel_trace_store.metric_list import MetricSeries, list_metrics, read_metric
from support.otlp_messages import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class RecordingIngest:
    """Stores submitted metrics in place of the collector's ingest."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[bytes] = []

    def submit(self, _signal: str, body: bytes, _kind: str) -> Future[Outcome]:
        self.bodies.append(body)
        outcome: Future[Outcome] = Future()
        outcome.set_result(Outcome(self.statuses.pop(0) if self.statuses else 200))
        return outcome


def aggregated(*lines: str) -> dict[str, Any]:
    """Aggregate *lines* as of one interval; return the metrics by name."""
    aggregator = Aggregator()
    for line in lines:
        sample = parse(line)
        assert sample is not None
        aggregator.add(sample)
    data = aggregator.take(1, 2)
    assert data is not None
    return {
        metric.name: metric
        for group in data.resource_metrics
        for scope in group.scope_metrics
        for metric in scope.metrics
    }


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """An embedded collector without sockets."""
    made = Collector(Settings(state_dir=tmp_path))
    yield made
    made.close()


@pytest.fixture
def listen(collector: Collector) -> Iterator[Callable[..., StatsdReceiver]]:
    """Open receivers in front of the collector."""
    opened = []

    def make(port: int | None = 0, path: Path | None = None) -> StatsdReceiver:
        opened.append(StatsdReceiver(collector.ingest, port, path, flush_seconds=60))
        return opened[-1]

    yield make
    for one in opened:
        one.close(5)


def stored(state_dir: Path, name: str, service: str = "") -> MetricSeries:
    with StoreReader(state_dir / "traces") as reader:
        (series,) = read_metric(reader, name, service=service)
    return series


def received(one: StatsdReceiver, lines: int) -> None:
    """Wait until *lines* have been read, then close, which stores them."""
    eventually(lambda: one.counters.lines >= lines)
    one.close(10)


def test_the_statsd_client_by_udp(listen: Callable[..., StatsdReceiver], tmp_path: Path) -> None:
    """Counters up and down, timers, gauges with signs, sets, several in one datagram."""
    statsd = pytest.importorskip("statsd")
    one = listen()
    client = statsd.StatsClient("127.0.0.1", one.port, prefix="shop")
    client.incr("orders", 3)
    client.incr("orders")
    client.decr("stock", 2)
    client.timing("took", 12)
    client.gauge("queue", 7)
    client.gauge("queue", 2, delta=True)
    client.gauge("queue", -3, delta=True)
    with client.pipeline() as several:
        several.set("users", "ada")
        several.set("users", "bob")
        several.set("users", "ada")
    client.close()
    received(one, 10)

    assert [point.value for point in stored(tmp_path, "shop.orders").points] == [4]
    assert stored(tmp_path, "shop.orders").monotonic
    assert [point.value for point in stored(tmp_path, "shop.stock").points] == [-2]
    assert not stored(tmp_path, "shop.stock").monotonic
    took = stored(tmp_path, "shop.took")
    assert (took.unit, took.points[0].value, took.points[0].more["count"]) == ("ms", 12, 1)
    assert [point.value for point in stored(tmp_path, "shop.queue").points] == [6]
    assert [point.value for point in stored(tmp_path, "shop.users").points] == [2]


@pytest.mark.parametrize("transport", ["udp", "unix"])
def test_the_datadog_client(
    listen: Callable[..., StatsdReceiver], tmp_path: Path, transport: str
) -> None:
    """Tags are attributes, those of the service its resource; personal data is masked."""
    dogstatsd = pytest.importorskip("datadog.dogstatsd")
    path = tmp_path / "statsd.sock"
    one = listen(0, path) if transport == "udp" else listen(None, path)
    where = (
        {"host": "127.0.0.1", "port": one.port}
        if transport == "udp"
        else {"socket_path": str(path)}
    )
    client = dogstatsd.DogStatsd(
        **where, constant_tags=["service:shop", "env:test"], disable_telemetry=True,
        disable_aggregation=True, disable_buffering=True,
    )  # fmt: skip
    client.increment("orders", 2, tags=["country:pt", "paid:4111-1111-1111-1111", "fast"])
    client.histogram("size", 3.5)
    client.distribution("weight", 2)
    client.gauge("temperature", -4)
    client.set("users", "ada@lovelace.example")
    client.timing("took", 30)
    received(one, 6)
    client.stop()

    orders = stored(tmp_path, "orders", "shop")
    assert orders.attributes == {"country": "pt", "paid": "[CARD]", "fast": ""}
    assert [point.value for point in orders.points] == [2]
    assert [point.value for point in stored(tmp_path, "temperature", "shop").points] == [-4]
    assert [point.value for point in stored(tmp_path, "users", "shop").points] == [1]
    for name in ("size", "weight", "took"):
        assert stored(tmp_path, name, "shop").points[0].more["count"] == 1
    kept = b"".join(each.read_bytes() for each in (tmp_path / "traces").iterdir())
    assert b"lovelace" not in kept
    assert b"1111-1111" not in kept


def test_sample_rates_scale_the_counts() -> None:
    found = aggregated("orders:1|c|@0.1", "orders:2|c", "took:20|ms|@0.25", "took:4:6|ms")

    assert found["orders"].sum.data_points[0].as_int == 12
    (took,) = found["took"].histogram.data_points
    assert (took.count, took.sum, took.min, took.max) == (6, 90, 4, 20)
    assert sum(took.bucket_counts) == 6


def test_a_gauge_with_a_sign_is_added_to_and_one_without_is_set() -> None:
    """As in StatsD, a gauge below zero is first set to zero."""
    found = aggregated("a:5|g", "a:+2|g", "a:-4|g", "b:-3|g", "c:9|g", "c:1|g")

    assert [found[name].gauge.data_points[0].as_int for name in "abc"] == [3, -3, 1]


def test_a_gauge_is_remembered_from_one_interval_to_the_next() -> None:
    aggregator = Aggregator()
    for lines, expected in ((["queue:5|g"], 5), (["queue:-2|g"], 3)):
        for line in lines:
            sample = parse(line)
            assert sample is not None
            aggregator.add(sample)
        data = aggregator.take(1, 2)
        assert data is not None
        points = data.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
        assert points[0].as_int == expected


@pytest.mark.parametrize(
    "line",
    [
        "orders", "orders:|c", ":1|c", "orders:1", "orders:1|", "orders:1|x", "orders:nan|g",
        "orders:inf|c", "orders:1e400|c", "orders:1_0|c", "orders:one|c", "orders:1|c|@0",
        "orders:1|c|@2", "orders:1|c|@-1", "orders:1|c|@nan", "orders:1|c|@1e-300", "users:|s",
        "a\x1b[31m:1|c", "orders:1|c|#a\x07:b", "_e{5,4}:title|text", "_sc|name|0",
        "o" * 300 + ":1|c", "orders:1|c|#" + ",".join(f"t{n}:1" for n in range(65)),
        "orders:1|c|#k:" + "v" * 600, "orders" + ":1" * 2000 + "|c", "x" * 9000 + ":1|c",
    ],
)  # fmt: skip
def test_an_invalid_line_is_refused_without_being_quoted(line: str) -> None:
    """The message is one of a fixed set, without text of the line."""
    with pytest.raises(LineError) as refused:
        parse(line)
    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 60


@given(st.text(max_size=200), st.binary(max_size=200))
def test_no_text_breaks_the_reader(text: str, data: bytes) -> None:
    aggregator = Aggregator()
    for line in (text, data.decode("utf-8", "replace"), f"a:{text}|c", f"a:1|g|{text}"):
        try:
            sample = parse(line)
        except LineError:
            continue
        if sample is not None:
            aggregator.add(sample)
    aggregator.take(1, 2)


@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from(["c", "g", "ms", "h"]),
            st.sampled_from(["", "|@0.000001", "|@0.1"]),
        ),
        max_size=12,
    )
)
def test_no_number_breaks_the_sums(measured: list[tuple[float, str, str]]) -> None:
    """Sums may overflow."""
    aggregator = Aggregator()
    for value, kind, rate in [*measured, (1.7e308, "c", "|@0.1"), (1.7e308, "g", "")]:
        for sign in ("", "+"):
            number = repr(value) if repr(value).startswith("-") else f"{sign}{value!r}"
            sample = parse(f"a:{number}|{kind}{rate}")
            assert sample is not None
            aggregator.add(sample)
    data = aggregator.take(1, 2)
    assert data is not None
    assert data.SerializeToString()


def test_series_and_members_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids in names or tags do not grow memory."""
    monkeypatch.setattr(aggregation, "_MOST_SERIES", 10)
    monkeypatch.setattr(aggregation, "_MOST_MEMBERS", 5)
    aggregator = Aggregator()
    for number in range(50):
        for line in (f"orders:1|c|#order:{number}", f"queue.{number}:-1|c", f"users:{number}|s"):
            sample = parse(line)
            assert sample is not None
            aggregator.add(sample)

    assert aggregator.dropped == 91
    data = aggregator.take(1, 2)
    assert data is not None
    assert len(aggregator._decreasing) <= 10


def test_samples_that_cannot_be_stored_are_submitted_again() -> None:
    """At the next flush; a permanent refusal is final."""
    kept: Any = RecordingIngest(503, 200, 403)
    one = StatsdReceiver(kept, None, None, flush_seconds=0.05)
    one.take(b"orders:1|c")
    eventually(lambda: len(kept.bodies) == 2)
    assert kept.bodies[0] == kept.bodies[1]
    one.take(b"orders:2|c")
    eventually(lambda: len(kept.bodies) == 3)
    one.close(5)
    assert len(kept.bodies) == 3


def test_a_port_in_use_is_reported(listen: Callable[..., StatsdReceiver]) -> None:
    one = listen()
    with pytest.raises(StatsdError, match="--statsd-port"):
        listen(one.port)


def test_the_socket_is_private_and_goes_with_the_server(
    listen: Callable[..., StatsdReceiver], tmp_path: Path
) -> None:
    path = tmp_path / "statsd.sock"
    one = listen(None, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    one.close(5)
    assert not path.exists()


def test_a_socket_that_a_killed_server_left_is_replaced_and_nothing_else_is(
    listen: Callable[..., StatsdReceiver], tmp_path: Path
) -> None:
    """Neither a socket in use nor another file, nor a link."""
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
        killed.bind(str(left))
    listen(None, left)
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("mine")
    link.symlink_to(file)

    for path in (left, file, link, tmp_path / "no" / "folder"):
        with pytest.raises(StatsdError, match="--statsd-socket"):
            listen(None, path)
    assert file.read_text() == "mine"
    assert left.exists()


def test_a_crowd_of_lines_is_counted_in_full(
    listen: Callable[..., StatsdReceiver], tmp_path: Path
) -> None:
    """Several senders at a time, by the socket, which blocks them instead of losing lines."""
    path = tmp_path / "statsd.sock"
    one = listen(None, path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(path))
        for _ in range(500):
            sender.send(b"\n".join([b"orders:1|c"] * 20))
    received(one, 10_000)

    assert [point.value for point in stored(tmp_path, "orders").points] == [10_000]


def test_lines_are_not_taken_before_consent(tmp_path: Path) -> None:
    """The consent gate of the collector applies to them too."""
    made = Collector(Settings(state_dir=tmp_path, consent=True))
    one = StatsdReceiver(made.ingest, None, None, flush_seconds=60)
    one.take(b"orders:1|c")
    one.close(5)
    made.close()

    with StoreReader(tmp_path / "traces") as reader:
        assert list_metrics(reader) == []


@pytest.mark.process
@pytest.mark.slow
def test_serve_receives_statsd_on_loopback_and_a_socket(tmp_path: Path) -> None:
    """With the options only; lines before Ctrl-C are stored."""
    import signal
    import subprocess

    from support.process import BIN, clean_environment

    path = tmp_path / "statsd.sock"
    process = subprocess.Popen(
        [
            str(BIN / "otel-distro"), "serve", "--no-browser", "--otlp-http-port", "0",
            "--otlp-grpc-port", "0", "--ui-port", "0", "--statsd-port", "0",
            "--statsd-socket", str(path),
        ],
        env=clean_environment(tmp_path, OTEL_DISTRO_STATE_DIR=str(tmp_path / "state")),
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    line = next(line for line in process.stdout if line.startswith("StatsD"))
    port = int(line.partition("127.0.0.1:")[2].partition(",")[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"by.udp:1|c", ("127.0.0.1", port))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"by.unix:2|c", str(path))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert not path.exists()
    assert [point.value for point in stored(tmp_path / "state", "by.udp").points] == [1]
    assert [point.value for point in stored(tmp_path / "state", "by.unix").points] == [2]
