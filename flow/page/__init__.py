"""One page that shows a network's hardware to people: what was compared, what it costs, what it is made of.

``folder`` reads and checks what the commands wrote, ``measure`` runs it, ``fit`` says which boards could hold it,
``drawings`` makes the pictures, ``render`` the page.
"""
