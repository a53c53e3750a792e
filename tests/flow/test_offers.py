"""The catalogue as a command: what there is, and how a network fits each board, without any tool."""

import dataclasses

import pytest

import small
import spikeloom
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
    shares = [b["fit"]["needs"]["block_ram"] for b in document["boards"]]
    assert all(b["fit"]["needs"]["lut"][0] is None for b in document["boards"])
    holds = [used / of for (used, of), b in zip(shares, document["boards"], strict=True) if b["fit"]["fits"]]
    assert holds == sorted(holds, reverse=True) and max(holds) <= 1, "the tightest that holds it comes first"
    text = run("boards", "net.loom").stdout
    assert "? is not known before synthesis." in text and "block RAM: " in text


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
