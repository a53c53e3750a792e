"""Every error names the field, the value, the limit and the reason."""

import pytest

from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration

BAD = {
    "lanes: 12": "lanes: must be a power of two, not 12: a neuron's number is split into lane and group",
    "lanes: 256": "lanes: Input should be less than or equal to 128 (given: 256)",
    "lanes: 0": "lanes: Input should be greater than or equal to 1 (given: 0)",
    "lanes: many": "lanes: Input should be a valid integer (given: 'many')",
    "lanes: 8\nunits: 16": "configuration: units must be at most lanes (8), not 16: a unit serves whole lanes",
    "cores: 65": "cores: must be 'shared', 'per-population', a number of cores in 1..64, or a dictionary from "
    "population to core or list of cores in 0..63, not 65",
    "cores: true": "cores: must be 'shared', 'per-population', a number of cores in 1..64, or a dictionary from "
    "population to core or list of cores in 0..63, not True",
    "cores: {a: 64}": "cores: must be 'shared', 'per-population', a number of cores in 1..64, or a dictionary from "
    "population to core or list of cores in 0..63, not {'a': 64}",
    "slots: 0": "slots: must be in 1..8, or a dictionary from population to such a number, not 0",
    "slots: {a: 9}": "slots: must be in 1..8, or a dictionary from population to such a number, not {'a': 9}",
    "cuts: {a: 3}": "cuts.a: Input should be a valid list (given: 3)",
    "lane: 8": "lane: there is no such field; the fields are lanes, units, cores, cuts, topology, counters, slots, "
    "order, weights, pipeline",
    "weights: spram": "weights: Input should be 'block' or 'single-port' (given: 'spram')",
}


@pytest.mark.parametrize("text", BAD)
def test_wrong_fields_are_named(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(Refusal) as refusal:
        Configuration.read(path)
    assert str(refusal.value) == f"{path}: Configuration refused. {BAD[text]}"


@pytest.mark.parametrize(
    ("order", "given"),
    [
        ("both", "'both'"),
        ("3", "3"),
        ("[event]", r"\['event'\]"),
        ("{a -> b: both}", "'both'"),
        ("{a -> b: event, c -> d: 3}", "3"),
        ("{1: event}", "1"),
    ],
)
def test_an_order_that_there_is_not_is_refused(tmp_path, order, given):
    path = tmp_path / "c.yaml"
    path.write_text(f"order: {order}\n")
    with pytest.raises(Refusal, match=rf"c.yaml: Configuration refused\. order.*'auto', 'neuron' or 'event'.*{given}"):
        Configuration.read(path)


@pytest.mark.parametrize("order", ["auto", "neuron", "event", {"in -> a": "event", "a -> a": "auto"}])
def test_orders_are_read(tmp_path, order):
    path = tmp_path / "c.yaml"
    path.write_text(f"order: {order}\n")
    assert Configuration.read(path).order == order


#: Lists of lists of lists: 9 ** 9 words, if anybody wrote them out.
LAUGHS = (
    "".join(f"k{n}: &a{n} [{', '.join(['x' if n == 0 else f'*a{n - 1}'] * 9)}]\n" for n in range(9)) + "cores: *a8\n"
)
LAUGHS = LAUGHS.encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- 1\n- 2\n", r"a configuration is a mapping like 'lanes: 16', not \[1, 2\]"),
        (b"1: 2\n", "fields have names, as in 'lanes: 16'; 1 is not one"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"{lanes: [", "not YAML"),
        (b"lanes: 8\nunits: 1\nlanes: 16\n", "not YAML.*lanes is given twice"),
        (b"!!python/object/apply:os.system ['true']", "not YAML"),
        *((f"{key}: null".encode(), f"c.yaml: {key} has no value; give one") for key in Configuration.model_fields),
        (b"cores: {a: 0, b: [0, 64], c: 1}", r"list of cores in 0\.\.63, not {'b': \[0, 64\]}$"),
        (b"slots: {a: 2, b: 9}", "not {'b': 9}$"),
        (b"order: {a -> b: event, b -> c: none}", "not {'b -> c': 'none'}$"),
        (b"lanes: 0x" + b"f" * 50_000, r"\(given: a number of very many digits\)$"),
        (b"lanes: " + b"9" * 5000, r"not YAML \(a value that cannot be read"),
        (b"lanes: !!timestamp 8", r"not YAML \(a value that cannot be read"),
        (b"lanes: !!int ''", r"not YAML \(a value that cannot be read"),
        (b"lanes: " + b"a" * 200_000, r"\(given: 'a{30,40}\.\.\.a{30,40}'\)$"),
        (LAUGHS, r"cores: must be .*, not \[\[\[\.\.\.\]"),
        ("\n".join(f"k{n}: 1" for n in range(5000)).encode(), "; and 4990 problems more$"),
        (b"#" * (1 << 20) + b"##", "a configuration has at most 1048576 bytes"),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path, content, message):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(Refusal, match=message):
        Configuration.read(path)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(Refusal, match=r"none\.yaml: cannot be read \(No such file or directory\)"):
        Configuration.read(tmp_path / "none.yaml")


@pytest.mark.parametrize(("lanes", "units"), [(1, 1), (4, 1), (8, 1), (16, 2), (64, 8), (128, 8)])
def test_units_follow_lanes(tmp_path, lanes, units):
    path = tmp_path / "c.yaml"
    path.write_text(f"lanes: {lanes}\n")
    assert Configuration.read(path).neuron_units == units


def test_an_empty_file_is_the_default(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("")
    assert Configuration.read(path) == Configuration()
