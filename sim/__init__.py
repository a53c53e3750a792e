"""The hardware in a simulator, beside the golden model: every event of every population at every step."""
