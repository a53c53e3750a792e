/* The first test digit, on a processor beside the accelerator and without an operating system. Compile it with driver.c;
 * spikeloom.h comes from the build, sample.h from sample.py. */
#include <stdio.h>

#include "driver.h"
#include "sample.h"

#ifndef SPIKELOOM_BASE
#define SPIKELOOM_BASE 0x43C00000u /* where Vivado's address editor has "accelerator" */
#endif

static volatile uint32_t *at(uint32_t offset) { return (volatile uint32_t *)(uintptr_t)(SPIKELOOM_BASE + offset); }

uint32_t read32(uint32_t offset) { return *at(offset); }

void write32(uint32_t offset, uint32_t value) { *at(offset) = value; }

int main(void) {
    int32_t counts[SPIKELOOM_OUTPUT_SIZE];
    uint32_t clocks;
    int result = spikeloom_init();
    if (!result) result = spikeloom_run(sample, SAMPLE_STEPS, counts, &clocks);
    if (result)
        printf("error %d of driver.h\n", result);
    else
        printf("a %lu, after %lu clocks\n", (unsigned long)spikeloom_prediction(counts), (unsigned long)clocks);
    return result;
}
