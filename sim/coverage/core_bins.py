"""Bins of the cores and of what is around them, but for routers and neurons."""

from spikeloom.sim.coverage.bins import Bin, machine

__all__ = ["CORE"]

SCHEDULER = r"core\d+\.(scatter\.)?scheduler"
LISTS = r"core\d+\.event_lists"
LANES = r"core\d+\.lanes"
UNITS = r"core\d+\.neuron_units"
SCATTER = r"core\d+\.scatter"
FAN_OUT = r"core\d+\.scatter\.fan_out"
SUMS = r"core\d+\.scatter\.ring"
TOKENS = r"(.*\.)?(ticks|credits)"
BUFFER = r"(.*\.)?buffer|arriving|leaving"
ACTIVITIES = ("tick", "credit", "scheduler", "rows", "hand over", "step end", "neuron unit", "output")

#: An item that a stream gives in this clock.
TAKEN = "{i__valid} && {i__ready}"
#: A tick that the event lists take in this clock; an event, and a tick, in the clock in which its ring is moved.
TICKED = f"{TAKEN} && {{i__payload.tick}}"
EVENT = "$past({arrived} && {source.valid}) && !$past({i__payload.tick}, 2)"

SCHEDULER_BINS = [
    *machine(SCHEDULER, "search for a population", "find_state", ("next", "look", "check", "offer"), "restart"),
    *machine(SCHEDULER, "run of a population", "run_state", ("idle", "load", "fetch", "hand out"), "restart"),
    Bin(
        of=SCHEDULER,
        name="scheduler: credit is all that lacks",
        about="a population has all of its inputs and waits for room at a reader of its events",
        when="{no_credit} != 0",
    ),
    Bin(
        of=SCHEDULER,
        name="scheduler: steps follow at once",
        about="a population starts in the clock after another's last segment",
        when="{start} && $past({run_state} == 3 && {last_of_step})",
    ),
    Bin(
        of=SCHEDULER,
        name="scheduler: before the first step",
        about="a delay reaches back before the sample, where its events count as none",
        when="{run_state} == 3 && {before}",
    ),
    Bin(
        of=SCHEDULER,
        name="scheduler: list without events",
        about="a list of the sample itself is handed out, and empty",
        when="{run_state} == 3 && !{before} && $signed({left}) == -1",
    ),
    Bin(
        of=SCHEDULER,
        name="scheduler: list with one event",
        about="a list with one event is handed out",
        when="{run_state} == 3 && {left} == 0",
    ),
    Bin(
        of=SCHEDULER,
        name="scheduler: ring of slots goes round",
        about="the reader of a list moves from the last slot to the first",
        when="{readers/write} && !{loading} && {reader_next.slot} == 0 && {slot}[{reader_next.slot:w}-1:0] != 0",
    ),
    Bin(
        of=SCHEDULER,
        name="scheduler: waits for its reader",
        about="a segment is ready and not taken",
        when="{o__valid} && !{o__ready}",
    ),
    Bin(
        of=SCHEDULER,
        name="scheduler: endless sample",
        about="a population starts a step of a sample without end",
        when="{start} && {steps} == 0",
    ),
    Bin(
        of=SCHEDULER,
        name="scheduler: sample of one step",
        about="a population starts a step that is its sample's only one",
        when="{start} && {steps} == 1",
    ),
    Bin(
        of=SCHEDULER,
        name="scheduler: held by the host",
        about="the host holds the core while it would look for a population",
        when="!{enable} && !{fault} && !{initialise} && {find_state} == 0",
    ),
    *(
        Bin(
            of=SCHEDULER,
            name=f"scheduler: delay {title}",
            about="a projection starts with so many steps that are there already",
            when=f"{{ticks/load}} != 0 && {{ticks/value}} {test}",
        )
        for title, test in (("none", "== 0"), ("of one step", "== 1"), ("of several steps", "> 1"))
    ),
]

TOKENS_BINS = [
    Bin(of=TOKENS, name=f"tokens: {title}", about=about, when=when)
    for title, about, when in (
        ("come and go at once", "a counter is counted up and down in one clock", "({add} & {take}) != 0"),
        ("last one goes", "the last token is taken", "{take}[0] && !{add}[0] && {tokens0} == 1"),
        ("several", "more than one token waits", "{tokens0} > 1"),
        ("reset with some", "everything is reset while tokens are there", "{restart} && {tokens0} != 0"),
    )
]

LISTS_BINS = [
    Bin(of=LISTS, name=f"event lists: {title}", about=about, when=when)
    for title, about, when in (
        ("two events in a row", "events come in two clocks after each other", f"{TAKEN} && $past({TAKEN})"),
        (
            "two sources in a row",
            "flits of different sources come in two clocks after each other",
            f"{TAKEN} && $past({TAKEN}) && {{i__payload.source}} != $past({{i__payload.source}})",
        ),
        ("back-to-back ticks", "ticks come as fast as they can, two clocks apart", f"{TICKED} && $past({TICKED}, 2)"),
        ("flit waits behind a tick", "a flit waits in the clock after a tick", "{i__valid} && !{i__ready}"),
        ("source that nobody reads", "a flit of it is consumed", "{arrived} && !{source.valid}"),
        ("step without an event", "a tick closes an empty slot", "{counts/write} && {counts/write_data} == 0"),
        ("step with one event", "a tick closes a slot with one event", "{counts/write} && {counts/write_data} == 1"),
        (
            "slot at capacity",
            "a tick closes a slot that is full, of more than one event",
            "{counts/write} && {counts/write_data} == $past({source.capacity}) && {counts/write_data} > 1",
        ),
        (
            "ring of slots goes round",
            "a tick closes the last of several slots",
            "{counts/write} && $past({source.slots}) != 0 && "
            "{counts/write_address}[{source.slots:w}-1:0] == $past({source.slots})",
        ),
        (
            "counted, not kept",
            "an event of a source whose entries nobody needs",
            f"{EVENT} && !$past({{source.kept}})",
        ),
        (
            "fault: wrong number of events",
            "a tick names another number than came, and the run stops",
            "{counts/write} && {counts/write_data} != $past({i__payload.index}, 2)",
        ),
        (
            "fault: wrong step",
            "a tick names another step than the one that is open, and the run stops",
            "{counts/write} && {ring_next.sequence} != $past({i__payload.sequence}, 2)",
        ),
        (
            "fault: one event too many",
            "an event comes when the slot is full, and the run stops",
            f"{EVENT} && {{moved}} && 32'({{ring_next.fill}}) == 32'($past({{source.capacity}})) + 1",
        ),
        (
            "fault: event of no neuron",
            "an event has a number that is beyond its population, and the run stops",
            f"{EVENT} && $past({{i__payload.index}}, 2) >= $past({{source.capacity}})",
        ),
        ("fault reported", "the fault stays until the next reset", "{fault} && {restart}"),
        ("reset with flits on their way", "everything is reset meanwhile", "{restart} && {running}"),
    )
]

LANES_BINS = [
    *(
        Bin(
            of=LANES,
            name=f"lanes: {title}",
            about="what the lanes do in a clock, or wait for",
            when=f"{{activity}} == {number}",
        )
        for number, title in enumerate(ACTIVITIES)
    ),
    *(
        Bin(of=LANES, name=f"lanes: {title}", about=about, when=when)
        for title, about, when in (
            (
                "group without events",
                "a group's only list is empty",
                f"{TAKEN} && {{i__payload.ends_group}} && $signed({{i__payload.left}}) == -1",
            ),
            ("list within a group", "a list is followed by another", f"{TAKEN} && !{{i__payload.ends_group}}"),
            (
                "group of fewer neurons than lanes",
                "the last group of a population",
                f"{TAKEN} && {{i__payload.group.last}} && !(&{{i__payload.group.count}})",
            ),
            (
                "lists follow as fast as they can",
                "a segment follows three clocks after another",
                f"{TAKEN} && $past({TAKEN}, 3)",
            ),
            ("row of sums", "a row of the event-stationary half is taken", "{take}"),
            ("credit goes back", "a slot was read for the last time", "{credit.valid}"),
            ("reset while they add", "everything is reset in the middle of a list", "{restart} && {activity} == 3"),
            ("reset at a hand-over", "everything is reset as sums are handed over", "{restart} && {handing_over}"),
        )
    ),
]

UNITS_BINS = [
    Bin(of=UNITS, name=f"neuron units: {title}", about=about, when=when)
    for title, about, when in (
        ("event waits", "an event is not taken", "{o__valid} && !{o__ready} && !{o__payload.tick}"),
        ("tick waits", "a tick is not taken", "{o__valid} && !{o__ready} && {o__payload.tick}"),
        (
            "step without an event",
            "a tick that ends a step in which none fired",
            "{o__valid} && {o__ready} && {o__payload.tick} && {o__payload.index} == 0",
        ),
        (
            "step with events",
            "a tick that ends a step in which some fired",
            "{o__valid} && {o__ready} && {o__payload.tick} && {o__payload.index} != 0",
        ),
        ("results: empty", "none waits", "{results/read__addr} == {results/write_address}"),
        (
            "results: last is taken",
            "the only one leaves as none comes",
            "{results/read__addr} == {results/write_address} && !$past({results/write}) && "
            "$past({results/read__addr}) != $past({results/write_address})",
        ),
        (
            "results: comes and goes",
            "one is written as another is read",
            "{results/write} && $past({results/write}) && {results/read__addr} != $past({results/read__addr})",
        ),
        ("results: full", "there is room for no other group", "{blocked} == 7"),
        (
            "results: queue goes round",
            "it is written at its beginning again",
            "{results/write_address} == 0 && $past({results/write_address}) != 0 && !$past({restart})",
        ),
        ("reset with sums in work", "everything is reset meanwhile", "{restart} && {beats} != 0"),
        ("reset with an event to send", "everything is reset meanwhile", "{restart} && {o__valid}"),
    )
]
SCATTER_BINS = [
    *machine(
        SCATTER,
        "run of a scattered list",
        "job_state",
        ("idle", "load", "start", "started", "run", "credit"),
        "restart",
    ),
    *(
        Bin(of=SCATTER, name=f"scatter: {title}", about=about, when=when)
        for title, about, when in (
            ("credit waits", "the lanes give one back in the same clock", "{job_state} == 5 && !{credited}"),
            ("step of the ring is complete", "the sums are ready for the lanes", "{advance}"),
            (
                "sums go first",
                "the lanes take a row of sums, and a row of weights waits",
                "{hold} && !{fan_out/starved}",
            ),
            (
                "ring of sums goes round",
                "the sums of a population's next step are at its ring's beginning",
                "{advance} && {next_head} < {head}",
            ),
            ("synapse with a delay", "it is added to the sums of a later step", "{late} && {ahead} != 0"),
            ("synapse without a delay", "beside others that have one", "{late} && {ahead} == 0"),
            ("delay goes round", "it reaches over the ring's end", "{around}"),
            ("delay beyond the sample", "it is left out", "$past({adds3}) && !{adds4}"),
            ("waits for the lanes", "they take a row, and this half waits", "{^/scatter_activity} == 4"),
        )
    ),
    *(
        Bin(of=FAN_OUT, name=f"fan-out: {title}", about=about, when=when)
        for title, about, when in (
            (
                "two events without a gap",
                "an event follows in the clock after another",
                "{valid} && {done} && {waiting}",
            ),
            ("event of no synapse", "it is left out", "{dropped}"),
            ("no room", "as many events wait as there may", "!{roomy}"),
            ("port taken", "the lanes read the lists, and it waits", "!{granted} && {busy}"),
            ("held while it emits", "a row of sums goes first", "{hold} && {busy}"),
            ("empty list", "a list without events is started", "{start} && $signed({left}) == -1"),
            (
                "queue of events goes round",
                "it is written at its beginning again",
                "{events/write} && {events/write_address} == 0",
            ),
        )
    ),
    *(
        Bin(of=SUMS, name=f"ring of sums: {title}", about=about, when=when)
        for title, about, when in (
            ("the row before again", "its sum is forwarded from one clock before", "{same0}"),
            ("the row before that again", "forwarded from two clocks before", "{same1} && !{same0}"),
            ("the row three before again", "forwarded from three clocks before", "{same2} && !{same1} && !{same0}"),
            ("taken after it was added to", "a row is read while its sum is on its way", "{take} && {writes3}"),
            ("cleared", "the rows are set to 0", "{clearing}"),
            ("reset while it is cleared", "everything is reset again", "{clear} && $past({clearing}, 3)"),
        )
    ),
]

STREAMS_BINS = [
    *(
        Bin(of=BUFFER, name=f"buffer: {title}", about=about, when=when)
        for title, about, when in (
            ("empty", "nothing is in it", "!{o__valid}"),
            (
                "one goes as one comes",
                "the only item leaves as another comes",
                f"{TAKEN} && {{o__valid}} && {{o__ready}}",
            ),
            (
                "last one goes",
                "the only item leaves as none comes",
                "{o__valid} && {o__ready} && !{i__valid} && {i__ready}",
            ),
            ("full", "two items are in it", "{spare_valid}"),
            ("full, and one goes", "of two items one leaves", "{spare_valid} && {o__ready}"),
            ("full, and one waits", "a third has no room", "{spare_valid} && {i__valid} && !{o__ready}"),
            ("reset when full", "everything is reset meanwhile", "{spare_valid} && {restart}"),
        )
    ),
    *(
        Bin(of=r"core\d+\.merge", name=f"merge: {title}", about=about, when=when)
        for title, about, when in (
            ("both at once", "events of the core and of others come in one clock", "{i__0__valid} && {i__1__valid}"),
            ("the core's own wait", "for those of others", "{i__0__valid} && !{i__0__ready}"),
            ("those of others wait", "for the core's own", "{i__1__valid} && !{i__1__ready}"),
            ("turns to the core's own", "and back", "{turn} == 0 && $past({turn}) == 1"),
            ("turns to those of others", "and back", "{turn} == 1 && $past({turn}) == 0"),
        )
    ),
    *(
        Bin(of=r"core\d+\.fork", name=f"fork: {title}", about=about, when=when)
        for title, about, when in (
            ("inside first", "an event is taken back in, and waits to leave", "{taken} == 1"),
            ("outside first", "an event has left, and waits to be taken back in", "{taken} == 2"),
            (
                "both at once",
                "an event is taken by both in its first clock",
                "{i__valid} && {i__ready} && {taken} == 0",
            ),
        )
    ),
]

AROUND_BINS = [
    *machine("", "host's port", "port_state", ("idle", "decode", "act", "register", "quiet", "hold"), "rst"),
    *(
        Bin(of="", name=f"host's port: {title}", about=about, when=when)
        for title, about, when in (
            ("refused", "a memory is asked for while something runs", "{refused} && !$past({refused})"),
            ("no such address", "nothing is there", "{port_state} == 2 && !{page} && !{hit}"),
            (
                "part of a word",
                "an entry of several words is written, and this is not its last",
                "{port_state} == 2 && {hit} && {port__write} && !{last_word} && !{page}",
            ),
            ("memory is written", "and nothing runs", "{port_state} == 5 && {port__write}"),
            ("memory is read", "and nothing runs", "{port_state} == 5 && !{port__write}"),
            (
                "register in mid-run",
                "a register is read while something runs",
                "{port_state} == 3 && {busy} && !{port__write}",
            ),
            ("restart in mid-run", "everything is reset while something runs", "{restart} && $past({busy}, 2)"),
            ("restart after a fault", "everything is reset because of it", "{restart} && {fault}"),
            ("host's event waits", "the design does not take it", "{i__valid} && !{i__ready}"),
            ("event waits for the host", "the host does not take it", "{o__valid} && !{o__ready}"),
        )
    ),
    *(
        Bin(of="gate", name=f"host's gate: {title}", about=about, when=when)
        for title, about, when in (
            ("opens", "a step's first flit comes, and there is credit", "{opening}"),
            (
                "waits for credit",
                "a flit waits, and every slot is taken",
                "{i__valid} && !{initialise} && ({used} & ~{some}) != 0",
            ),
            ("held by the host", "a flit waits while the port has the memories", "{i__valid} && {host__hold}"),
            ("step without an event", "its tick comes first", "{opening} && {i__valid} && {i__payload.tick}"),
            ("reset in mid-step", "everything is reset between a step's events", "{restart} && $past({i__ready})"),
        )
    ),
    *(
        Bin(of="counters", name=f"counters: {title}", about=about, when=when)
        for title, about, when in (
            ("held", "the host reads one while things happen", "{hold} && {events} != 0"),
            ("read", "the host has one of them", "{hold} && {select}"),
            ("restart", "they begin anew", "{restart}"),
        )
    ),
]

BETWEEN_BINS = [
    *(
        Bin(of=r"(core\d+|gate)\.destinations", name=f"destinations: {title}", about=about, when=when)
        for title, about, when in (
            ("nobody", "a flit that no node reads goes no further", "{i__valid} && !{wanted}"),
            ("one node", "a flit for one node", "{i__valid} && $countones({o__payload.to}) == 1"),
            ("several nodes", "a flit for several nodes", "{i__valid} && $countones({o__payload.to}) > 1"),
            ("flit waits", "the routers do not take it", "{o__valid} && !{o__ready}"),
        )
    ),
    *(
        Bin(of=r"exchange\d+", name=f"credits: {title}", about=about, when=when)
        for title, about, when in (
            ("for the core itself", "a credit stays in its node", "{returns__0.valid}"),
            ("for others", "a credit leaves", "{o__valid} && {o__ready}"),
            ("from others", "a credit comes", "{i__valid}"),
            ("from both at once", "from the core itself and from others", "{returns__0.valid} && {i__valid}"),
            ("comes and goes", "one is queued as another leaves", "{queue/w_en} && {queue/r_en} && {queue/r_rdy}"),
            ("reset with some", "everything is reset while credits are on their way", "{restart} && {running}"),
        )
    ),
]

CORE = (
    *SCHEDULER_BINS,
    *TOKENS_BINS,
    *LISTS_BINS,
    *LANES_BINS,
    *UNITS_BINS,
    *SCATTER_BINS,
    *STREAMS_BINS,
    *AROUND_BINS,
    *BETWEEN_BINS,
)
