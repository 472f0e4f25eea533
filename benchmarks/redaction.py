"""Speed of redaction, beside every peer that is installed.

Run `python benchmarks/redaction.py` for the table, `--quick` for a shorter one.
The unit is megabytes of text a second on one core, best of several runs; the
last columns are how many times faster this package is than each peer. Missing
peers are named.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module

from otel_redaction import Redactor

_VOCABULARY = (
    "the of and to in is you that it was for on are as with his they at be this have from or one "
    "had by word but not what all were we when your can said there use an each which she do how "
    "their if will up other about out many then them these so some her would make like him into "
    "time has look two more write go see number no way could people my than first water been call "
    "who oil its now find long down day did get come made may part please summarise the following "
    "request response model answer question customer support order account issue product service "
    "team meeting schedule deadline report budget forecast analysis database function variable "
    "package deployment cluster latency throughput regression pipeline token embedding retrieval"
)

_WORDS = _VOCABULARY.split()

_PERSONAL = (
    "maria.lopez{n}@example.org",
    "+1 415 555 {n:04d}",
    "4111 1111 1111 1111",
    "GB29 NWBK 6016 1331 9268 19",
    "192.168.{m}.{k}",
    "sk-proj-{h}",
    "password=hunter{n}!",
)


def prose(characters: int, *, personal: float = 0.0, seed: int = 1) -> str:
    """Return prose of that length in which the share *personal* of characters is personal data."""
    source = random.Random(seed)
    parts: list[str] = []
    length = hidden = 0
    while length < characters:
        if hidden < personal * length:
            part = source.choice(_PERSONAL).format(
                n=source.randrange(10000),
                m=source.randrange(256),
                k=source.randrange(256),
                h="".join(source.choices("abcdefghijkmnopqrstuvwxyzABCDEFGH23456789", k=32)),
            )
            hidden += len(part)
        else:
            sentence = " ".join(source.choices(_WORDS, k=source.randrange(6, 16)))
            part = sentence.capitalize() + source.choice([".", ".", ".", "?", ",", ":"])
            if source.random() < 0.1:
                part += f" In {source.randrange(1990, 2026)} there were {source.randrange(5000)}."
        parts.append(part)
        length += len(part) + 1
    return " ".join(parts)[:characters]


def conversation(characters: int, *, personal: float = 0.0, seed: int = 2) -> str:
    """Return a chat as the JSON that model instrumentations record, of about that length."""
    text = prose(characters, personal=personal, seed=seed)
    messages = [
        {"role": ("user", "assistant")[start // 1500 % 2], "content": text[start : start + 1500]}
        for start in range(0, characters, 1500)
    ]
    return json.dumps(messages)


Redact = Callable[[str], object]

_PLAIN = "stdlib"
_HOSTILE = ("a@", "1.", "0 ", "password=", "token=x", "key", "://", "GB29 ", "+1", "4111 ", "::")
_SHORT_CLEAN = ("checkout-service", "GET /api/v1/orders", "the quick brown fox jumps over the dog")
_SHORT_DIRTY = (
    "mail bob{n}@example.com please",
    "call me at 415-555-{n:04d} or mail bob{n}@example.com please",
    "card 4111 1111 1111 1111, client 10.0.{m}.7, key sk-proj-abcdEFGH1234abcdEFGH{n:04d} thanks",
)


def ours() -> dict[str, Redact]:
    """Return this package, and once more with the search for people."""
    redact = Redactor().text  # texts over 1 KB are not remembered
    return {_PLAIN: redact, "people": partial(redact, content=True)}


def peers() -> tuple[dict[str, Redact], list[str]]:
    """Return the installed peers by name, and the names of those that are not."""
    found: dict[str, Redact] = {}
    missing = []
    for name, make in _PEERS.items():
        try:
            found[name] = make()
        except Exception as error:
            missing.append(f"{name} ({type(error).__name__})")
    return found, missing


def _presidio() -> Redact:
    # Only its patterns: with a language model it would be slower still.
    engine = import_module("presidio_analyzer.nlp_engine").SpacyNlpEngine()
    engine.nlp = {"en": import_module("spacy").blank("en")}
    analyzer = import_module("presidio_analyzer").AnalyzerEngine(
        nlp_engine=engine, supported_languages=["en"]
    )
    return lambda text: analyzer.analyze(text=text, language="en")


def _logfire() -> Redact:
    scrubber = import_module("logfire._internal.scrubbing").Scrubber([])
    return lambda text: scrubber.scrub_value(("attributes", "prompt"), text)


def _scrubadub() -> Redact:
    scrubber = import_module("scrubadub").Scrubber()
    return scrubber.clean  # type: ignore[no-any-return]  # an untyped package


def _detect_secrets() -> Redact:
    settings = import_module("detect_secrets.settings")
    scan = import_module("detect_secrets.core.scan")

    def find(text: str) -> object:
        with settings.default_settings():
            return [list(scan.scan_line(line)) for line in text.splitlines()]

    return find


def _presidio_rs() -> Redact:
    return import_module("presidio_rs").Analyzer().analyze  # type: ignore[no-any-return]


_PEERS: dict[str, Callable[[], Redact]] = {
    "presidio-analyzer": _presidio,
    "logfire": _logfire,
    "scrubadub": _scrubadub,
    "detect-secrets": _detect_secrets,
    "presidio-rs": _presidio_rs,
}


def seconds(redact: Redact, text: str, budget: float) -> float:
    """Return the shortest processor time of *redact* over *text* within the time *budget*."""
    best = float("inf")
    until = time.perf_counter() + budget
    while True:
        began = time.process_time()
        redact(text)
        best = min(best, time.process_time() - began)
        if time.perf_counter() > until:
            return best


def compare(budget: float) -> None:
    """Print megabytes a second for each text and each package."""
    texts = {
        "4 KB prompt, clean": prose(4096),
        "4 KB prompt, 1 % PII": prose(4096, personal=0.01),
        "200 KB conversation, clean": conversation(200_000),
        "200 KB conversation, 1 % PII": conversation(200_000, personal=0.01),
    }
    installed, missing = peers()
    engines = {**ours(), **installed}
    print(f"{'MB/s':30}" + "".join(f"{name:>19}" for name in engines))
    for label, text in texts.items():
        rates = {}
        for name, redact in engines.items():
            try:
                rates[name] = len(text) / 1e6 / seconds(redact, text, budget)
            except Exception as error:
                print(f"  {name} failed on {label}: {error}")
        cells = "".join(f"{rate:>9.1f} ({rates[_PLAIN] / rate:>6.1f}x)" for rate in rates.values())
        print(f"{label:30}{cells}")
    print(f"not installed: {', '.join(missing) or 'none'}")


def short_values(count: int) -> None:
    """Print microseconds for values never seen before, and for one seen before."""
    redactor = Redactor()
    source = random.Random(3)
    for label, forms in (("clean", _SHORT_CLEAN), ("dirty", _SHORT_DIRTY)):
        for form in forms:
            suffixes = ("", *("abcdefghijklmnop"[i : i + 1] for i in range(15)))
            values = [
                form.format(n=source.randrange(10_000), m=source.randrange(256))
                if "{" in form
                else form + source.choice(suffixes)
                for _ in range(count)
            ]
            began = time.process_time()
            for value in values:
                redactor._redact(value, people=False)
            new = (time.process_time() - began) / count
            began = time.process_time()
            for _ in range(count):
                redactor.text(values[0])
            again = (time.process_time() - began) / count
            size = f"short, {label}, {len(values[0]):3} B"
            print(f"{size} {new * 1e6:6.1f} us, again {again * 1e6:.1f} us")


def hostile() -> None:
    """Print the worst text of 200 KB, and how much longer 1 MB of it takes."""
    redactor = Redactor()
    took = {unit: seconds(redactor.find, (unit * 200_000)[:200_000], 0.1) for unit in _HOSTILE}
    worst = max(took, key=lambda unit: took[unit])
    large = seconds(redactor.find, (worst * 1_000_000)[:1_000_000], 0.1)
    print(
        f"hostile text: worst {worst!r}, 200 KB in {took[worst] * 1e3:.0f} ms, "
        f"1 MB takes {large / took[worst]:.1f} times that"
    )


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    quick = parser.parse_args().quick
    compare(0.2 if quick else 2.0)
    short_values(500 if quick else 5000)
    hostile()


if __name__ == "__main__":
    main()
