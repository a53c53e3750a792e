"""Random networks, in families that share a binary, compared with golden by whatever simulates them."""
