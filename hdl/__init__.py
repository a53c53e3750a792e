"""The accelerator: configuration, mapping of a network onto cores, Amaranth components, generated Verilog."""
