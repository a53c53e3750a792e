"""The catalogue as a command: what there is, and how a network fits each board, without any tool."""

import dataclasses
import re

import pytest

import small
import spikeloom
from spikeloom import fitting
from spikeloom.boards import tools
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.fit import check_fit
from spikeloom.golden.network import Refusal


@pytest.fixture(autouse=True)
def no_tools(monkeypatch):
    monkeypatch.setattr(tools, "find", lambda name: pytest.fail(f"{name} was called"))


def test_every_board_is_listed(run):
    document = run.json("boards")
    assert [board["name"] for board in document["boards"]] == list(BOARDS)
    assert all(board["fit"] is None and board["host"] and board["memory_bits"] for board in document["boards"])
    text = run("boards").stdout
    assert all(name in text for name in BOARDS)


def test_a_network_fits_or_not_as_a_build_would_say(run):
    """Large enough that some boards hold it and some do not."""
    network = small.network([784, 64, 10])
    network.save("net.loom")
    document = run.json("boards", "net.loom")
    fits = {board["name"]: board["fit"]["fits"] for board in document["boards"]}
    assert set(fits) == set(BOARDS) and len(set(fits.values())) == 2
    for name, said in fits.items():
        try:
            check_fit(network, BOARDS[name].configuration, name)
        except Refusal:
            assert not said
        else:
            assert said
    for board in document["boards"]:
        fit, estimated = board["fit"], board["flow"] == "open"
        assert set(fit["margins"]) == ({"lut", "ff"} if estimated else set())
        assert all((fit["needs"][name][0] is not None) == estimated for name in ("lut", "ff", "dsp"))
    shares = [[used / of for used, of in b["fit"]["needs"].values() if used] for b in document["boards"]]
    holds = [max(share) for share, b in zip(shares, document["boards"], strict=True) if b["fit"]["fits"]]
    assert holds == sorted(holds, reverse=True) and max(holds) <= 1, "the tightest that holds it comes first"
    text = run("boards", "net.loom").stdout
    assert "? is not known before synthesis." in text and "block RAM: " in text
    assert re.search(r"~ is estimated. Designs .* were off by up to .*\d+% \(ECP5\)", text) and re.search(
        r" ~\d+% ", text
    )


def test_an_estimate_decides_with_its_margin(monkeypatch):
    """Beyond what there is it does not fit; so near it that it might not is said."""
    board = BOARDS["icebreaker"]
    sizes = {"over": board.resources.lut + 1, "near": board.resources.lut - 1, "far": board.resources.lut // 2}
    said = {}
    for name, lut in sizes.items():
        needs = {"lut": lut, "ff": 1, "block_ram": 1, "dsp": 0}
        monkeypatch.setattr(fitting, "predicted", lambda parameters, board, needs=needs: needs)
        offer = next(o for o in spikeloom.offers(small.network([20, 16, 10])) if o.name == board.name)
        said[name] = (offer.fit.fits, offer.fit.about)
    assert [fits for fits, _ in said.values()] == [False, True, True]
    text = r"logic cells: ~5,28\d of 5,280, an estimate that may be \d+% off|logic cells: ~5,279 of 5,280, .*"
    assert re.fullmatch(text, said["over"][1]) and re.fullmatch(text, said["near"][1]) and said["far"][1] == ""


def test_a_configuration_holds_for_every_board():
    found = spikeloom.offers(small.network([20, 16, 10]), config={"lanes": 2})
    assert {offer.fit.lanes for offer in found} == {2}
    assert dataclasses.asdict(found[0])["fit"]["lanes"] == 2


def test_refusals(run):
    assert "give the network too" in run.refused("boards", "--config", "c.yaml")
    assert "none.loom" in run.refused("boards", "none.loom")
    run.folder.joinpath("n.nir").write_bytes(b"\x89HDF")
    hint = "make one first: spikeloom convert n.nir --data X.npz -o n.loom"
    assert hint in run.refused("boards", "n.nir")
    assert hint in run.refused("build", "n.nir", "--board", "icebreaker", "-o", "out")
