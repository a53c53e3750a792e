"""The search for a network's best hardware, and for the quantisation that goes with it.

Imports of optuna, plotly and dask are inside the functions that need them: nothing else of Spikeloom does.
"""
