"""What is shown on a terminal while a command works, and that nothing is where there is none."""

import io
from types import SimpleNamespace

from rich.console import Console

from spikeloom.show import console


def drawn(monkeypatch, said, *, terminal=True, tables=True):
    text = io.StringIO()
    made = Console(file=text, force_terminal=terminal, width=100, height=40, highlight=False)
    monkeypatch.setattr(console, "_console", lambda **options: made)
    with console.progress("tune", tables=tables) as progress:
        for one in said:
            progress(*one)
    return text.getvalue()


SAID = [
    ("explore: best latency 10", 3, 16),
    (SimpleNamespace(heads=("trial", "latency (µs)"), rows=(("3", "10"), ("1", "[red]\x1b[2J"))),),
    ("explore: best latency 9", 7, 16),
]


def test_a_table_is_below_the_progress(monkeypatch):
    text = drawn(monkeypatch, SAID)
    last = text[text.rindex("explore: best latency 9") :]
    assert "7 of 16" in last and "latency (µs)" in last
    assert "[red]⟨U+001B⟩[2J" in last, "words from files are neither markup nor commands"


def test_nothing_is_shown_where_there_is_no_terminal(monkeypatch):
    assert drawn(monkeypatch, SAID, terminal=False) == ""
    text = drawn(monkeypatch, SAID, tables=False)
    assert "7 of 16" in text and "latency (µs)" not in text, "beside a JSON document"
