// What the module of probes calls at the end of a simulation.

#include "verilated.h"
#include "verilated_cov.h"

extern "C" void write_coverage() { Verilated::threadContextp()->coveragep()->write("coverage.dat"); }
