"""What functions are given, as what they work with: a path or an object is read into the object."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom.golden.network import Network, Refusal

if TYPE_CHECKING:
    import numpy as np

    from spikeloom.golden.data import Data
    from spikeloom.hdl.configuration import Configuration

    #: A file, or samples as an array or with their classes.
    AnyData = str | Path | np.ndarray | Data
    AnyConfiguration = str | Path | Mapping[str, Any] | Configuration

__all__ = ["Progress", "analogue", "configuration_of", "data_of", "is_folder", "network_of"]

Progress = Callable[..., None]


def network_of(network: str | Path | Network) -> Network:
    if isinstance(network, Network):
        return network
    if Path(network).is_dir():
        raise Refusal(f"{network}: is a folder; give the .loom file that `convert` wrote")
    return Network.load(network)


def is_folder(source: str | Path | Network) -> bool:
    return not isinstance(source, Network) and Path(source).is_dir()


def data_of(data: "AnyData") -> "Data":
    import numpy as np

    from spikeloom.golden import data as files

    if isinstance(data, str | Path):
        return files.load(data)
    if isinstance(data, np.ndarray):
        return files.Data(x=data)
    if not isinstance(data, files.Data):
        raise Refusal(f"data is a path, an array x or spikeloom.Data(x=x, y=y), not {type(data).__name__}")
    return data


def analogue(network: Network, x: "np.ndarray") -> "np.ndarray":
    """Data in the unit of the model: also whole numbers, where the input has a scale."""
    return x.astype(float) if network.input.scale != 1 and x.dtype.kind in "biu" else x


def configuration_of(
    config: "AnyConfiguration | None", board: str | None, cores: int | None = None, topology: str | None = None
) -> "Configuration":
    from spikeloom.hdl.configuration import Configuration

    if isinstance(config, str | Path):
        chosen = Configuration.read(config)
    elif isinstance(config, Mapping):
        chosen = Configuration.create(**{str(name): value for name, value in config.items()})
    elif isinstance(config, Configuration):
        chosen = config
    elif config is not None:
        raise Refusal(
            f"config is a path, a mapping like {{'lanes': 8}} or a Configuration, not {type(config).__name__}"
        )
    elif board is None:
        chosen = Configuration()
    else:
        from spikeloom.boards import catalogue

        chosen = catalogue.find(board).configuration
    said: dict[str, Any] = {} if topology is None else {"topology": topology}
    if cores is not None:  # then the mapper says all that a mapping file says
        slots = None if isinstance(chosen.slots, dict) else chosen.slots
        said |= {"cores": cores, "cuts": {}, "slots": slots}
    return Configuration.create(**chosen.model_dump() | said) if said else chosen
