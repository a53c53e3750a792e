"""Boards that amaranth-boards lacks, and those whose serial line and lamps it leaves to the user."""
