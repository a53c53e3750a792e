"""For all tests."""

import gc


def pytest_collection_finish() -> None:
    """Designs are millions of objects that live until they are done with; garbage is looked for less often."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
