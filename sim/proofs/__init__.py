"""Small parts of the hardware, proven; for each proof a bug is planted that it must find.

A statement is an Amaranth module around the part: what is assumed of the part's users, what is claimed of it, and an
example that shows that the assumptions let something happen. Yosys makes a graph of gates and registers of it, and ABC
proves that no input ever breaks a claim.
"""
