"""What of the generated Verilog a simulation reached: functional bins, lines, and toggles of signals."""
