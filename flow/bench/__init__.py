"""The figures that the documentation shows, measured: ``make bench`` writes them to ``docs/results/``.

Each file says by which command it was made, with which versions, and of which Verilog; ``make tables`` writes them into
the documents.
"""
