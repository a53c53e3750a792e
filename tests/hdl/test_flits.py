"""Arrays to flits and back, and every way in which a recorded stream can be wrong."""

import numpy as np
import pytest

from spikeloom.golden.network import Refusal
from spikeloom.hdl.flits import Flit, Source, decode, encode

FLIT = Flit(width=16, fields={"source": (0, 2), "tick": (2, 1), "sequence": (3, 2), "index": (5, 4), "value": (9, 5)})
SPIKES = Flit(width=12, fields=FLIT.fields | {"value": (9, 1)})
A, B = Source(name="a", id=1, size=9), Source(name="b", id=2, size=3)


def draw(size, values, seed=0, samples=5, steps=7):
    rng = np.random.default_rng(seed)
    return rng.choice(values, (samples, steps, size)) * (rng.random((samples, steps, size)) < 0.4)


@pytest.mark.parametrize("flit, values", [(SPIKES, [1]), (FLIT, [-16, -3, 1, 15])])
@pytest.mark.parametrize("shuffle", [None, 4])
def test_round_trip_of_interleaved_sources(flit, values, shuffle):
    x = {"a": draw(9, values), "b": draw(3, values, seed=1)}
    words = [encode(flit, source.id, x[source.name], shuffle=shuffle) for source in (A, B)]
    # Interleave at random; each source keeps its order.
    turn = np.random.default_rng(2).permutation(np.repeat([0, 1], [len(w) for w in words]))
    mixed = np.zeros(len(turn), np.uint64)
    for k, w in enumerate(words):
        mixed[turn == k] = w
    assert mixed.max() < 1 << flit.width
    clocks = np.arange(10, 10 + len(mixed))
    decoded = decode(flit, mixed, clocks, (A, B), 5, 7)
    assert decoded.problems == ()
    for source in (A, B):
        assert (decoded.events[source.name] == x[source.name]).all()
        assert decoded.complete[source.name] == 35
        ticks = flit.unpack(mixed, "tick") & (flit.unpack(mixed, "source") == source.id)
        assert (decoded.clocks[source.name] == clocks[ticks == 1]).all()


def test_encoding_by_hand():
    x = np.array([[[0, 1, 1], [0, 0, 0]], [[1, 0, 0], [0, 0, 1]]])
    words = encode(SPIKES, 2, x)
    names = ("source", "tick", "sequence", "index", "value")
    assert [tuple(int(SPIKES.unpack(w, name)) for name in names) for w in words] == [
        (2, 0, 0, 1, 1),
        (2, 0, 0, 2, 1),
        (2, 1, 0, 2, 0),
        (2, 1, 1, 0, 0),
        (2, 0, 0, 0, 1),
        (2, 1, 2, 1, 0),
        (2, 0, 0, 2, 1),
        (2, 1, 3, 1, 0),
    ]
    shuffled = [tuple(encode(SPIKES, 2, np.ones((1, 2, 9)), shuffle=seed)) for seed in range(4)]
    assert len(set(shuffled)) == 4 and len({tuple(sorted(s)) for s in shuffled}) == 1


def spoil(words, what):
    event, tick = FLIT.pack(source=1, index=2, value=1), FLIT.pack(source=1, tick=1, sequence=1, index=3)
    last = np.flatnonzero(FLIT.unpack(words, "tick") == 1)[1]
    return {
        "stray": lambda: np.append(words, FLIT.pack(source=3, tick=1)),
        "missing tick": lambda: words[:-1],
        "extra tick": lambda: np.append(words, tick),
        "late event": lambda: np.append(words, event),
        "no value": lambda: np.insert(words, 0, FLIT.pack(source=1, index=0, value=0)),
        "beyond": lambda: np.insert(words, 0, FLIT.pack(source=1, index=9, value=1)),
        "twice": lambda: np.insert(words, 0, words[0]),
        "lost": lambda: np.delete(words, 0),
        "sequence": lambda: np.where(np.arange(len(words)) == last, words ^ np.uint64(1 << 3), words),
    }[what]()


@pytest.mark.parametrize(
    "what, text",
    [
        ("stray", "1 flits of sources that are not observed, the first of source 3"),
        ("missing tick", "population 'a': 34 ticks came, not 35"),
        ("extra tick", "population 'a': 36 ticks came, not 35"),
        ("late event", "an event came after the last tick (1 such)"),
        ("no value", "sample 0, step 0: an event has no value (1 such)"),
        ("beyond", "sample 0, step 0: an event names a neuron beyond 8 (1 such)"),
        ("twice", "sample 0, step 0: a neuron sent two events (1 such)"),
        ("lost", "sample 0, step 0: the tick's count is not that of its events (1 such)"),
        ("sequence", "sample 0, step 1: the tick is out of sequence (1 such)"),
    ],
)
def test_a_wrong_stream_is_described(what, text):
    words = encode(FLIT, 1, np.maximum(draw(9, [1]), np.eye(9, dtype=int)[[0] * 35].reshape(5, 7, 9)))
    assert decode(FLIT, words, np.arange(len(words)), (A,), 5, 7).problems == ()
    words = spoil(words, what)
    problems = decode(FLIT, words, np.arange(len(words)), (A,), 5, 7).problems
    assert any(text in problem for problem in problems), problems


def test_flits_too_wide_are_refused():
    with pytest.raises(Refusal, match="in at most 64 bits"):
        Flit(width=65, fields=FLIT.fields)
