"""A data file's first sample as ``sample.h`` for ``first_digit.c``: ``python docs/examples/soc/sample.py DATA.npz``."""

import sys
from pathlib import Path

import numpy as np

x = np.load(sys.argv[1])["x"][0]
values = x.reshape(len(x), -1)
lines = ",\n".join(",".join(map(str, step)) for step in values.astype(np.int8))
text = f"#include <stdint.h>\n#define SAMPLE_STEPS {len(x)}u\nstatic const int8_t sample[] = {{\n{lines}}};\n"
Path("sample.h").write_text(text, "ascii")
