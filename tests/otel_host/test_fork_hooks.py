"""Fork hooks run in the order of their stages."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import os, sys
from otel_host import fork_hooks
from otel_host.fork_hooks import Stage

calls = []
def named(name):
    return {
        when: lambda when=when: calls.append(f"{when} {name}")
        for when in ("before", "after_in_parent", "after_in_child")
    }

class Aware:
    def before_fork(self): calls.append("before object")
    def after_fork_in_parent(self): calls.append("after_in_parent object")
    def after_fork_in_child(self): calls.append("after_in_child object")

def fail(): raise RuntimeError

aware, gone = Aware(), Aware()
fork_hooks.register(Stage.RUNTIME, **named("runtime"))
fork_hooks.register(Stage.DATABASES, before=fail, after_in_parent=fail, after_in_child=fail)
fork_hooks.watch(Stage.DATABASES, aware)
fork_hooks.watch(Stage.ACCOUNTS, gone)
del gone
fork_hooks.register(Stage.ACCOUNTS, **named("accounts"))
fork_hooks.register(Stage.DATABASES, **named("database"))
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
print(", ".join(calls), flush=True)
os._exit(0)
"""


def test_stages_go_down_before_a_fork_and_up_after_it() -> None:
    gc.collect()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    child, parent = done.stdout.splitlines()
    before = "before runtime, before accounts, before database, before object"
    for line, after in ((child, "after_in_child"), (parent, "after_in_parent")):
        order = ", ".join(f"{after} {name}" for name in ("database", "object", "accounts"))
        assert line == f"{before}, {order}, {after} runtime"


def test_there_is_one_place_that_registers_with_the_interpreter() -> None:
    found = [
        str(path.relative_to(ROOT))
        for folder in ("otel_distro", "processors", "exporters")
        for path in (ROOT / folder).rglob("*.py")
        if "os.register_at_fork(" in path.read_text(encoding="utf-8")
    ]
    assert found == ["processors/otel_host/fork_hooks.py"]
