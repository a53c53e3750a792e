"""A host at the ports of a design, in Amaranth's simulator."""

from amaranth.sim import Simulator

from spikeloom.hdl.accelerator import Accelerator
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.memory_map import REGISTERS

__all__ = ["ADDRESS", "Host"]

ADDRESS = {name: address for name, (address, *_) in REGISTERS.items()}


class Host:
    """Drives the ports of a design in Amaranth's simulator."""

    def __init__(self, net, configuration, parameters=None):
        mapping = map_network(net, configuration)
        self.images = mapping.images(parameters or mapping.parameters)
        self.dut = Accelerator(parameters or mapping.parameters, images=self.images)

    def simulator(self):
        made = Simulator(self.dut)
        made.add_clock(1e-6)
        return made

    def run(self, bench, simulator=None):
        simulator = simulator or self.simulator()

        async def start(ctx):
            self.ctx = ctx
            ctx.set(self.dut.o.ready, 1)
            while await self.read(ADDRESS["status"]) & 1:
                pass
            await bench(self)

        simulator.add_testbench(start)
        simulator.add_testbench(self.record, background=True)
        simulator.run()

    async def record(self, ctx):
        """The sources of all flits, in order, and beside them the flits."""
        self.recorded, self.flits = [], []
        async for _, _, valid, ready, flit in ctx.tick().sample(self.dut.o.valid, self.dut.o.ready, self.dut.o.payload):
            if valid and ready:
                self.recorded.append(flit.source)
                self.flits.append((flit.source, flit.tick, flit.index))

    async def access(self, address, data=None):
        port, ctx = self.dut.port, self.ctx
        ctx.set(port.address, address)
        ctx.set(port.write_data, data or 0)
        ctx.set(port.write, data is not None)
        ctx.set(port.request, 1)
        done = 0
        while not done:
            _, _, done, word = await ctx.tick().sample(port.done, port.read_data)
        ctx.set(port.request, 0)
        await ctx.tick()
        return word

    async def read(self, address):
        return await self.access(address)

    async def write(self, address, data):
        await self.access(address, data)

    async def send(self, **flit):
        ctx, stream = self.ctx, self.dut.i
        ctx.set(stream.payload, flit)
        ctx.set(stream.valid, 1)
        ready = 0
        while not ready:
            _, _, ready = await ctx.tick().sample(stream.ready)
        ctx.set(stream.valid, 0)

    async def settle(self):
        for _ in range(300):
            await self.ctx.tick()
