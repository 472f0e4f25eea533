"""StatsD in the bundled Collector, from real clients to Prometheus."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from stack.running import Stack, eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.stack, pytest.mark.process, pytest.mark.slow]


def test_metrics_of_both_clients_arrive_by_udp_and_by_the_socket(tmp_path: Path) -> None:
    """Counters and gauges, timers as native histograms, rates; secrets in tags are masked."""
    statsd = pytest.importorskip("statsd")
    dogstatsd = pytest.importorskip("datadog.dogstatsd")
    stack = Stack(tmp_path)
    stack.prepare()
    try:
        stack.prometheus().start()
        stack.collector().start()
        plain = statsd.StatsClient("127.0.0.1", stack.port("statsd"))
        tagged = dogstatsd.DogStatsd(
            socket_path=str(stack.statsd_socket), disable_telemetry=True, disable_buffering=True
        )
        plain.incr("shop.orders", 3)
        plain.timing("shop.took", 12)
        plain.gauge("shop.queue", 7)
        plain.gauge("shop.queue", -2, delta=True)
        tagged.increment("shop.paid", 2, tags=["country:pt", "card:4111-1111-1111-1111"])
        tagged.gauge("shop.temperature", 21.5)

        assert eventually(lambda: stack.value('shop_orders_total{job="statsd"}') == 3)
        assert eventually(lambda: stack.value("shop_queue") == 5)
        assert eventually(lambda: stack.value("histogram_count(shop_took)") == 1)
        assert eventually(lambda: stack.value('shop_paid_total{country="pt"}') == 2)
        assert eventually(lambda: stack.value("shop_temperature") == 21.5)
        (paid,) = stack.query("shop_paid_total")
        assert "4111" not in str(paid)
        plain.incr("shop.orders", 2)
        assert eventually(lambda: stack.value("shop_orders_total") == 5)
        assert stat.S_IMODE(stack.statsd_socket.stat().st_mode) == 0o600
        plain.close()
        tagged.stop()
    finally:
        stack.stop()
    assert not stack.statsd_socket.exists()
