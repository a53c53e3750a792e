"""The boards that a network can be built for."""

import difflib
from collections.abc import Iterable
from functools import partial

from spikeloom.boards.board import Board, Resources
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration

__all__ = ["BOARDS", "Board", "Resources", "find"]

OWN_USB = "UART over the board's USB"
LFE5U_25F = Resources(lut=24288, ff=24288, block_ram=56, dsp=28)
LFE5U_45F = Resources(lut=43848, ff=43848, block_ram=108, dsp=72)
LFE5U_85F = Resources(lut=83640, ff=83640, block_ram=208, dsp=156)

ecp5 = partial(Board, family="ecp5", block_bits=18432, core_hz=100_000_000, configuration=Configuration(lanes=16))
ulx3s = partial(
    ecp5,
    package="CABGA381",
    speed="6",
    crystal="clk25",
    crystal_hz=25_000_000,
    host=OWN_USB,
    loader="ulx3s",
    usb="0403:6015",
    loads="sram",
)
orangecrab = partial(
    ecp5,
    package="CSFBGA285",
    speed="8",
    crystal="clk",
    crystal_hz=48_000_000,
    host="UART on the header, 3.3 V: pin 0 receives, pin 1 sends",
    loader="orangeCrab",
    usb="1209:5af0",
    loads="flash",  # its USB loader knows nothing else
)
ecpix5 = partial(
    ecp5,
    package="CABGA554",
    speed="8",
    crystal="clk100",
    crystal_hz=100_000_000,
    host=OWN_USB,
    loader="ecpix5",
    usb="0403:6010",
    loads="sram",
)
up5k = partial(
    Board,
    family="ice40",
    device="iCE40UP5K",
    option="--up5k",
    package="sg48",
    crystal="clk12",
    crystal_hz=12_000_000,
    core_hz=42_000_000,
    configuration=Configuration(lanes=8, weights="single-port", pipeline="short"),
    resources=Resources(lut=5280, ff=5280, block_ram=30, dsp=8),
    block_bits=4096,
    single_port_bits=4 << 18,
)
gowin = partial(
    Board,
    family="gowin",
    crystal="clk27",
    crystal_hz=27_000_000,
    block_bits=18432,
    host=OWN_USB,
    usb="0403:6010",
    loads="sram",
)
xilinx7 = partial(
    Board,
    family="xilinx7",
    block_bits=18432,
    core_hz=100_000_000,
    configuration=Configuration(lanes=16),
    usb="0403:6010",
    loads="sram",
)

BOARDS = {
    board.name: board
    for board in (
        ulx3s(
            name="ulx3s-85f",
            title="ULX3S with LFE5U-85F",
            device="LFE5U-85F",
            option="--85k",
            platform="amaranth_boards.ulx3s:ULX3S_85F_Platform",
            resources=LFE5U_85F,
        ),
        ulx3s(
            name="ulx3s-25f",
            title="ULX3S with LFE5U-25F",
            device="LFE5U-25F",
            option="--25k",
            platform="amaranth_boards.ulx3s:ULX3S_25F_Platform",
            resources=LFE5U_25F,
        ),
        orangecrab(
            name="orangecrab-25f",
            title="OrangeCrab r0.2 with LFE5U-25F",
            device="LFE5U-25F",
            option="--25k",
            platform="spikeloom.boards.platforms.orangecrab:OrangeCrab25FPlatform",
            resources=LFE5U_25F,
        ),
        orangecrab(
            name="orangecrab-85f",
            title="OrangeCrab r0.2 with LFE5U-85F",
            device="LFE5U-85F",
            option="--85k",
            platform="spikeloom.boards.platforms.orangecrab:OrangeCrab85FPlatform",
            resources=LFE5U_85F,
        ),
        ecpix5(
            name="ecpix5-45f",
            title="ECPIX-5 with LFE5UM5G-45F",
            device="LFE5UM5G-45F",
            option="--um5g-45k",
            platform="spikeloom.boards.platforms.ecpix5:Ecpix545FPlatform",
            resources=LFE5U_45F,
        ),
        ecpix5(
            name="ecpix5-85f",
            title="ECPIX-5 with LFE5UM5G-85F",
            device="LFE5UM5G-85F",
            option="--um5g-85k",
            platform="spikeloom.boards.platforms.ecpix5:Ecpix585FPlatform",
            resources=LFE5U_85F,
        ),
        ecp5(
            name="butterstick",
            title="ButterStick with LFE5UM5G-85F",
            device="LFE5UM5G-85F",
            option="--um5g-85k",
            package="CABGA381",
            speed="8",
            platform="spikeloom.boards.platforms.butterstick:ButterStickUartPlatform",
            crystal="clk30",
            crystal_hz=30_000_000,
            resources=LFE5U_85F,
            host="UART on the Qwiic socket, 3.3 V: SCL receives, SDA sends",
            loader="",
            loader_options=("--dfu", "--vid", "0x1209", "--pid", "0x5af1", "--altsetting", "0"),
            usb="1209:5af1",
            loads="flash",
        ),
        up5k(
            name="icebreaker",
            title="iCEBreaker with iCE40UP5K",
            platform="amaranth_boards.icebreaker:ICEBreakerPlatform",
            crystal_at_pll=True,
            host=OWN_USB,
            # Not "icebreaker-bitsy", which is another board with another way to be loaded.
            loader="ice40_generic",
            usb="0403:6010",
            loads="flash",  # its jumpers must be moved before the cable reaches the SRAM
        ),
        up5k(
            name="upduino-v3",
            title="UPduino v3 with iCE40UP5K",
            platform="spikeloom.boards.platforms.upduino:UpduinoV3UartPlatform",
            # Without the jumper it has no clock of a known frequency.
            host="UART over the board's USB, once the jumper OSC is closed",
            loader="ice40_generic",
            loader_options=("--cable", "ft232"),
            usb="0403:6014",
            loads="flash",
        ),
        Board(
            name="ice40-hx8k",
            title="iCE40-HX8K-B-EVN with iCE40HX8K",
            family="ice40",
            device="iCE40HX8K",
            option="--hx8k",
            package="ct256",
            platform="amaranth_boards.ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform",
            crystal="clk12",
            crystal_hz=12_000_000,
            core_hz=48_000_000,
            configuration=Configuration(lanes=8),
            resources=Resources(lut=7680, ff=7680, block_ram=32, dsp=0),
            block_bits=4096,
            host=OWN_USB,
            loader="ice40_generic",
            usb="0403:6010",
            loads="flash",
        ),
        gowin(
            name="tang-nano-9k",
            title="Tang Nano 9K with GW1NR-9C",
            device="GW1NR-9C",
            option="GW1NR-LV9QN88PC6/I5",
            package="QN88P",
            speed="C6/I5",
            platform="amaranth_boards.tang_nano_9k:TangNano9kPlatform",
            core_hz=54_000_000,
            configuration=Configuration(lanes=8),
            resources=Resources(lut=8640, ff=6480, block_ram=26, dsp=20),
            loader="tangnano9k",
            pack_options=("--sspi_as_gpio", "--mspi_as_gpio"),
        ),
        gowin(
            name="tang-primer-20k",
            title="Tang Primer 20K on its dock, with GW2A-18C",
            device="GW2A-18C",
            option="GW2A-LV18PG256C8/I7",
            package="PG256",
            speed="C8/I7",
            platform="amaranth_boards.tang_primer_20k:TangPrimer20kDockPlatform",
            core_hz=81_000_000,
            configuration=Configuration(lanes=16),
            resources=Resources(lut=20736, ff=15552, block_ram=46, dsp=48),
            loader="tangprimer20k",
            pack_options=("--sspi_as_gpio", "--mspi_as_gpio", "--ready_as_gpio", "--done_as_gpio"),
        ),
        Board(
            name="gatemate-evb",
            title="GateMate evaluation board with CCGM1A1",
            family="gatemate",
            device="CCGM1A1",
            option="CCGM1A1",
            platform="spikeloom.boards.platforms.gatemate:GateMateEvaluationPlatform",
            crystal="clk10",
            crystal_hz=10_000_000,
            core_hz=25_000_000,
            configuration=Configuration(lanes=8),
            resources=Resources(lut=40960, ff=40960, block_ram=64, dsp=0),
            block_bits=20480,
            host="UART on PMOD A, at the level of its pin 6: pin 3 receives, pin 2 sends",
            loader="gatemate_evb_jtag",
            usb="0403:6010",
            loads="sram",
        ),
        xilinx7(
            name="arty-a7",
            title="Arty A7-35T with XC7A35T",
            device="xc7a35ti",
            option="xc7a35ticsg324-1L",
            package="csg324",
            speed="1L",
            platform="amaranth_boards.arty_a7:ArtyA7_35Platform",
            crystal="clk100",
            crystal_hz=100_000_000,
            resources=Resources(lut=20800, ff=41600, block_ram=100, dsp=90),
            host=OWN_USB,
            loader="arty_a7_35t",
        ),
        xilinx7(
            name="arty-z7",
            title="Arty Z7-20 with XC7Z020",
            device="xc7z020",
            option="xc7z020clg400-1",
            package="clg400",
            speed="1",
            platform="amaranth_boards.arty_z7:ArtyZ720Platform",
            crystal="clk125",
            crystal_hz=125_000_000,
            resources=Resources(lut=53200, ff=106400, block_ram=280, dsp=220),
            transport="axi",
            host="AXI from the chip's own processors",
            loader="arty_z7_20",
        ),
    )
}


def find(name: str, also: Iterable[str] = ()) -> Board:
    """The board of that name. Raises :class:`Refusal` that offers the nearest names, of boards and of ``also``."""
    if name in BOARDS:
        return BOARDS[name]
    names = (*BOARDS, *also)
    near = difflib.get_close_matches(str(name).lower(), names, n=3, cutoff=0.4)
    offer = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(names)}"
    raise Refusal(f"There is no board {name!r}; {offer}")
