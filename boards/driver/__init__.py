"""The host's side of the link: frames, a pipe that carries them, a client, and the chip behind it.

Needs numpy, pyserial and cobs, and nothing else.
"""
