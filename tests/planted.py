"""Faults in components, planted while they are elaborated."""

from amaranth.hdl import Signal, Value

__all__ = ["plant"]


class _Named:
    """Makes signals, and remembers them by name."""

    def __init__(self):
        self.found = {}

    def _keep(self, signal):
        self.found[Value.cast(signal).name] = signal
        return signal

    def __call__(self, *args, **options):
        return self._keep(Signal(*args, src_loc_at=1, **options))

    def like(self, *args, **options):
        return self._keep(Signal.like(*args, src_loc_at=1, **options))


def plant(monkeypatch, module, component, fault):
    """Give the component that ``module`` defines statements more, which come last and win.

    fault: adds them, from the Amaranth module, the component, and its signals by name.
    """
    signals = _Named()
    elaborate = getattr(module, component).elaborate

    def faulty(self, platform):
        signals.found.clear()
        m = elaborate(self, platform)
        fault(m, self, signals.found)
        return m

    monkeypatch.setattr(module, "Signal", signals)
    monkeypatch.setattr(getattr(module, component), "elaborate", faulty)
