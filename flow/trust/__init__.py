"""How hard this project tries to break itself: ``make trust`` runs every check and writes one page.

A check is made of parts that run by themselves, each in a process of its own. A part yields rows, which are what was
tried and what came of it; the check's figures are counted from the rows of all its parts, and nothing else.
"""
