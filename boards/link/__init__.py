"""The chip's end of the host link: frames over any pipe of bytes."""
