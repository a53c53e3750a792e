"""Bins of the host link, from the line to the accelerator's port."""

from spikeloom.sim.coverage.bins import Bin, machine

__all__ = ["LINK"]

EXECUTOR = r"link\.executor"
RECEIVER = r"link\.receiver"
#: In the order in which the executor names them first.
STATES = (
    "idle",
    "begin",
    "seal",
    "return",
    "carried out",
    "fetch flit",
    "take flit",
    "open",
    "resume",
    "pause",
    "flit",
    "length",
    "verify",
    "verdict",
    "dispatch",
    "finish",
    "address",
    "words",
    "access",
    "page",
    "close",
)
KINDS = {1: "read", 2: "write", 5: "events", 6: "load"}


def _bins(of: str, what: str, *bins: tuple[str, str, str]) -> list[Bin]:
    return [Bin(of=of, name=f"{what}: {title}", about=about, when=when) for title, about, when in bins]


#: The clock after a frame's first byte was looked at.
DISPATCHED = "$past({fsm_state}) == 14 && {fsm_state} != 14 && !$past({rst})"
KIND = "($past({shift}) >> {shift:w}-4)"
LINK = (
    *machine(EXECUTOR, "executor", "fsm_state", STATES, "rst"),
    *machine(r"link\.sender", "sender", "send_state", ("idle", "memory", "register", "byte"), "rst"),
    *(
        Bin(
            of=EXECUTOR,
            name=f"frame: {title}",
            about="a frame of this kind is carried out",
            when=f"{DISPATCHED} && {{fsm_state}} != 15 && {KIND} == {kind}",
        )
        for kind, title in KINDS.items()
    ),
    *_bins(
        EXECUTOR,
        "frame",
        ("of no kind", "it is dropped", f"{DISPATCHED} && {KIND} == 3"),
        ("of a kind that only a chip sends", "it is dropped", f"{DISPATCHED} && {KIND} == 9"),
        ("damaged", "its CRC is wrong", "{fsm_state} == 15 && $past({fsm_state}) == 13"),
        (
            "out of turn",
            "a data frame is dropped",
            f"{DISPATCHED} && {{fsm_state}} == 15 && ({KIND} == 5 || {KIND} == 6)",
        ),
        ("waits for the accelerator", "it has no room for a flit", "{busy} && {fsm_state} == 0 && !{o_flits__ready}"),
    ),
    *_bins(
        RECEIVER,
        "received",
        ("control", "a frame of control is kept", "{control} && !$past({control})"),
        ("data", "a frame of data is kept", "{data} && !$past({data})"),
        ("window is full", "as many frames of data wait as there may", "&{waiting}"),
        ("as one is carried out", "a frame ends in the clock in which another is carried out", "{taken} && {ended}"),
        ("forgotten", "the host wants all frames forgotten while some wait", "{forget} && {data}"),
        ("dropped", "damaged, cut off, too long, or without room", "{dropped}"),
        ("too long", "it has more bytes than a slot", "&{at} && {i__valid} && {i__payload} != 0"),
        ("cut off", "no byte comes for long", "{ended} && !{whole} && $past({beat}) && !$past({i__valid})"),
        ("without room", "a frame of control comes while another is carried out", "{dropped} && $past({control})"),
    ),
    *_bins(
        r"link\.page",
        "page",
        ("forget", "the host asks for it", "{forget}"),
        ("two dropped at once", "by the receiver and the executor", "{dropped} == 3"),
        ("network is noted", "the host writes the register", "{write} && {address} == 6"),
    ),
    *_bins(
        "receiver",
        "UART",
        ("glitch", "a low level that is no start bit", "{left} == 10 && {timer} == 0 && {rx}"),
        ("no stop bit", "the byte is dropped", "{left} == 1 && {timer} == 0 && !{rx}"),
        ("byte begins", "a start bit is there", "{left} == 9"),
        ("byte", "it is received", "{o__valid}"),
        ("reset in a byte", "everything is reset meanwhile", "{rst} && {left} != 0"),
    ),
    *_bins(
        "transmitter",
        "UART",
        ("bytes follow", "a byte waits while another is sent", "{i__valid} && !{i__ready}"),
        ("reset while a byte is sent", "everything is reset meanwhile", "{rst} && {left} != 0"),
    ),
)
