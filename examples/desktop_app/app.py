"""A desktop program that asks for consent before it records, and lets the user revoke it.

The window is one small class; everything about telemetry is in `telemetry()` and two calls. With
`--no-window` it needs no display and takes the answer from its argument, which is how it is tested.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from models import openai_client

import otel_distro
from otel_distro.privacy import consent


def telemetry() -> None:
    """Set up telemetry, closed until the user agrees; before the model client is used."""
    otel_distro.configure(config={"consent": "required", "content": "metadata"})


def answer(question: str) -> str:
    """Ask the model; works the same with consent and without."""
    with otel_distro.session(), otel_distro.measure("answer", component="assistant"):
        done = openai_client().chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
        )
        otel_distro.track_event("agent.complete", agent="assistant")
    return str(done.choices[0].message.content)


class Window:
    """A field for the question, a label for the answer, a box for consent."""

    def __init__(self) -> None:
        import tkinter as tk
        from tkinter import messagebox, ttk

        self._messagebox = messagebox
        self.root = tk.Tk()
        self.root.title("Assistant")
        self._question = ttk.Entry(self.root, width=60)
        self._answer = ttk.Label(self.root, text="")
        self._agreed = tk.BooleanVar(value=False)
        box = ttk.Checkbutton(
            self.root,
            text="Record how this program works (never what you write)",
            variable=self._agreed,
            command=self._changed,
        )
        button = ttk.Button(self.root, text="Ask", command=self._ask)
        for widget in (self._question, button, self._answer, box):
            widget.pack(padx=12, pady=6, anchor="w")

    def run(self) -> None:
        """Ask for consent if it is undecided, then wait for the user."""
        self._agreed.set(consent.ask(self._dialog))
        self.root.mainloop()

    def _dialog(self, notice: str) -> bool | None:
        chosen: bool | None = self._messagebox.askyesnocancel("Before we start", notice)
        return chosen

    def _changed(self) -> None:
        decide = consent.grant if self._agreed.get() else consent.revoke
        try:
            decide("settings")
        except otel_distro.OtelDistroError as error:
            self._messagebox.showerror("Assistant", str(error))

    def _ask(self) -> None:
        self._answer.configure(text=answer(self._question.get()))


def main() -> None:
    """Run with a window, or with the answers given as arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-window", choices=["yes", "no", "later"], help="the answer to give")
    chosen: Any = parser.parse_args().no_window
    telemetry()
    if chosen is None:
        Window().run()
        return
    consent.ask(lambda _notice: {"yes": True, "no": False, "later": None}[chosen])
    print(answer("How are you?"))


if __name__ == "__main__":
    main()
