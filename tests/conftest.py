"""For all tests."""

import gc

import pytest
from hypothesis.internal.conjecture import providers

# Hypothesis also draws numbers from the sources of our modules that happen to be imported. Without them a seed's cases
# are the same, whichever tests ran before.
pytest.MonkeyPatch().setattr(providers, "_get_local_constants", lambda: providers._local_constants)


def pytest_collection_finish() -> None:
    """Designs are millions of objects that live until they are done with; garbage is looked for less often."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture
def quick_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where so little is simulated that an optimised simulator costs more than it saves."""
    from spikeloom.sim import verilator

    assert "OPT_FAST=-O1" in verilator.MAKEFLAGS
    quick = verilator.MAKEFLAGS.replace("OPT_FAST=-O1", "OPT_FAST=-O0 OPT_SLOW=-O0")
    monkeypatch.setattr(verilator, "MAKEFLAGS", quick)
