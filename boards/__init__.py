"""Real boards: their catalogue, the logic around the accelerator, and the way to a bitstream."""
