"""Arrays to flits and back, and every way in which a recorded stream can be wrong."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from spikeloom.golden.network import Refusal
from spikeloom.hdl.flits import Flit, Numbering, Share, Source, decode, encode

FLIT = Flit(width=16, fields={"source": (0, 2), "tick": (2, 1), "sequence": (3, 2), "index": (5, 4), "value": (9, 5)})
SPIKES = Flit(width=12, fields=FLIT.fields | {"value": (9, 1)})
A = Source(name="a", id=1, observed=1, size=9, channels=9, padded=9)
B = Source(name="b", id=2, observed=2, size=3, channels=3, padded=4)
#: Two channels of three positions, padded to four: neurons 0..5 have the numbers 0, 4, 8, 1, 5, 9.
WIDE = Source(name="wide", id=1, observed=1, size=6, channels=2, padded=4)


def draw(size, values, seed=0, samples=5, steps=7):
    rng = np.random.default_rng(seed)
    return rng.choice(values, (samples, steps, size)) * (rng.random((samples, steps, size)) < 0.4)


@pytest.mark.parametrize("flit, values", [(SPIKES, [1]), (FLIT, [-16, -3, 1, 15])])
@pytest.mark.parametrize("shuffle", [None, 4])
def test_round_trip_of_interleaved_sources(flit, values, shuffle):
    x = {"a": draw(9, values), "b": draw(3, values, seed=1)}
    words = [encode(flit, source, x[source.name], shuffle=shuffle) for source in (A, B)]
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
    words = encode(SPIKES, B, x)
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
    shuffled = [tuple(encode(SPIKES, A, np.ones((1, 2, 9)), shuffle=seed)) for seed in range(4)]
    assert len(set(shuffled)) == 4 and len({tuple(sorted(s)) for s in shuffled}) == 1


def test_numbers_by_hand():
    assert (WIDE.positions, WIDE.numbers) == (3, 12)
    assert WIDE.to_hardware(np.arange(6)).tolist() == [0, 4, 8, 1, 5, 9]
    assert WIDE.to_golden(np.arange(-1, 13)).tolist() == [-1, 0, 3, -1, -1, 1, 4, -1, -1, 2, 5, -1, -1, -1]
    words = encode(SPIKES, WIDE, np.array([[[0, 1, 0, 1, 0, 1]]]))
    assert SPIKES.unpack(words, "index").tolist() == [4, 1, 9, 3]


@pytest.mark.parametrize("seed", range(20))
def test_numbers_of_channels_side_by_side(seed):
    """Every neuron has a number of its own, and what comes by these in any order is in the integer model's order."""
    rng = np.random.default_rng(seed)
    channels, positions = rng.integers(1, 12, 2).tolist()
    padded = channels + int(rng.integers(0, 6))
    source = Source(name="a", id=1, observed=1, size=channels * positions, channels=channels, padded=padded)
    cube = np.full((positions, padded), -1)
    cube[:, :channels] = np.arange(source.size).reshape(channels, positions).T
    assert (source.to_golden(np.arange(source.numbers)) == cube.ravel()).all()
    assert (source.to_golden(source.to_hardware(np.arange(source.size))) == np.arange(source.size)).all()

    flit = Flit(width=19, fields=FLIT.fields | {"index": (5, 9), "value": (14, 5)})
    x = draw(source.size, [-16, -3, 1, 15], seed)
    words = encode(flit, source, x, shuffle=seed)
    events = flit.unpack(words, "tick") == 0
    assert len(set(flit.unpack(words[events], "index"))) == len(np.unique(x.nonzero()[2]))
    decoded = decode(flit, words, np.arange(len(words)), (source,), 5, 7)
    assert decoded.problems == ()
    assert (decoded.events["a"] == x).all() and x.any()


def test_one_position_has_the_same_numbers_in_both():
    numbering = Numbering(size=9, channels=9, padded=16)
    assert (numbering.to_hardware(np.arange(9)) == np.arange(9)).all()
    assert (numbering.to_golden(np.arange(16)) == [*range(9), *[-1] * 7]).all()


@pytest.mark.parametrize(
    "size, channels, padded, text",
    [
        (9, 2, 4, "9 neurons cannot be 2 channels padded to 4"),
        (9, 3, 2, "9 neurons cannot be 3 channels padded to 2"),
        (9, 0, 4, "9 neurons cannot be 0 channels padded to 4"),
        (0, 1, 4, "0 neurons cannot be 1 channels padded to 4"),
    ],
)
def test_neurons_that_are_no_channels_are_refused(size, channels, padded, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        Numbering(size=size, channels=channels, padded=padded)


def parts(*cuts):
    """Of a population of three channels of 8 positions, some padded."""
    return tuple(
        Source(
            name=f"all[{k}]", id=k + 1, observed=1, size=3 * (end - first), channels=3, padded=3 + k,
            share=Share(population="all", size=24, first=first, span=end - first, stride=8),
        )
        for k, (first, end) in enumerate(pairwise((0, *cuts, 8)))
    )  # fmt: skip


@pytest.mark.parametrize("late", [0, 1])
def test_parts_are_put_together(late):
    """In the population's numbers, with the clocks of the later tick, and no further than both came."""
    flit = Flit(width=19, fields=FLIT.fields | {"index": (5, 9), "value": (14, 5)})
    x, sources = draw(24, [-16, -3, 1, 15]), parts(3)
    assert [s.neurons[:4].tolist() for s in sources] == [[0, 1, 2, 8], [3, 4, 5, 6]]
    words = [encode(flit, source, x[..., source.neurons]) for source in sources]
    words[late] = words[late][:-1]
    clocks = [np.arange(len(w)) * (3 + k) + 10 for k, w in enumerate(words)]
    decoded = decode(flit, np.concatenate(words), np.concatenate(clocks), sources, 5, 7)
    assert decoded.problems == (f"population 'all[{late}]': 34 ticks came, not 35",)
    assert list(decoded.events) == list(decoded.complete) == ["all"] and decoded.complete["all"] == 34
    assert (decoded.events["all"] == x).all()
    ticks = [c[flit.unpack(w, "tick") == 1][:34] for c, w in zip(clocks, words, strict=True)]
    assert decoded.clocks["all"].tolist() == [*np.maximum(*ticks), 0]


@pytest.mark.parametrize(
    "change",
    [{"first": -1}, {"first": 6}, {"span": 0}, {"span": 4}, {"stride": 7}, {"stride": 12}, {"size": 16}, {"size": 0}],
)
def test_shares_that_are_none_are_refused(change):
    source = parts(3)[0]
    with pytest.raises(ValueError, match="are no part of|are not what"):
        replace(source, share=replace(source.share, **change))


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
        ("beyond", "sample 0, step 0: an event names the number 9, which no neuron has (1 such)"),
        ("twice", "sample 0, step 0: a neuron sent two events (1 such)"),
        ("lost", "sample 0, step 0: the tick's count is not that of its events (1 such)"),
        ("sequence", "sample 0, step 1: the tick is out of sequence (1 such)"),
    ],
)
def test_a_wrong_stream_is_described(what, text):
    words = encode(FLIT, A, np.maximum(draw(9, [1]), np.eye(9, dtype=int)[[0] * 35].reshape(5, 7, 9)))
    assert decode(FLIT, words, np.arange(len(words)), (A,), 5, 7).problems == ()
    words = spoil(words, what)
    problems = decode(FLIT, words, np.arange(len(words)), (A,), 5, 7).problems
    assert any(text in problem for problem in problems), problems


@pytest.mark.parametrize("number", [2, 3, 6, 11, 12, 15])
def test_a_number_that_no_neuron_has_is_reported(number):
    """Between the channels of two positions as well as beyond the last."""
    words = encode(FLIT, WIDE, draw(6, [1]))
    assert decode(FLIT, words, np.arange(len(words)), (WIDE,), 5, 7).problems == ()
    event = np.flatnonzero(FLIT.unpack(words, "tick") == 0)[-1]
    words[event] = FLIT.pack(source=1, index=number, value=1)
    problems = decode(FLIT, words, np.arange(len(words)), (WIDE,), 5, 7).problems
    assert problems == (
        f"population 'wide', sample 4, step 6: an event names the number {number}, which no neuron has (1 such)",
    )


def test_flits_too_wide_are_refused():
    with pytest.raises(Refusal, match="in at most 64 bits"):
        Flit(width=65, fields=FLIT.fields)
