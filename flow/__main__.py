"""``python -m spikeloom``."""

from spikeloom.cli import main

main()
