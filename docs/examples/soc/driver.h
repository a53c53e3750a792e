/* A driver for the accelerator on a bus, through nothing but the header that Spikeloom generated. No memory of its own,
 * no interrupts, no DMA: a CPU looks, and reads or writes one flit. C99. */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdint.h>

#include "spikeloom.h"

/* Given by the platform. offset: bytes from where the accelerator is on the bus. */
uint32_t read32(uint32_t offset);
void write32(uint32_t offset, uint32_t value);

enum {
    SPIKELOOM_OK = 0,
    SPIKELOOM_ABSENT = 1,   /* what answers there is no accelerator, or has another page of registers */
    SPIKELOOM_OTHER = 2,    /* spikeloom.h is that of another hardware */
    SPIKELOOM_BUSY = 3,     /* something ran while the memories were loaded */
    SPIKELOOM_FAULT = 4,    /* the accelerator stopped: the events were not as it expects them */
    SPIKELOOM_SILENT = 5,   /* nothing moved for a long time */
    SPIKELOOM_DAMAGED = 6   /* the image ends too early */
};

/* Look whether the hardware is the header's, take its streams, and restart it. */
int spikeloom_init(void);

/* Fill the memories with an image (words of spikeloom.boards.handover.image), and say which network it is. */
int spikeloom_load(const uint32_t *image, uint32_t words, uint32_t network);

/* Run one sample from the initial state. x: steps * SPIKELOOM_INPUT_SIZE values, 0 for no event. counts: the sum of each
 * output neuron's events. clocks: of the accelerator, from the restart to the end, where it is not a null pointer. */
int spikeloom_run(const int8_t *x, uint32_t steps, int32_t counts[SPIKELOOM_OUTPUT_SIZE], uint32_t *clocks);

/* The neuron with most, the lowest of several. */
uint32_t spikeloom_prediction(const int32_t counts[SPIKELOOM_OUTPUT_SIZE]);

#endif
