"""The accelerator inside a system on a chip: AXI ports, and what its integrators need."""
