#include "driver.h"

#define STATUS_BUSY 1u
#define STATUS_FAULT 2u
#define STATUS_REFUSED 4u
/* Looks in a row at which nothing has moved. */
#define PATIENCE 1000000u

static uint32_t get(uint32_t address) { return read32(SPIKELOOM_BYTES(address)); }

static void put(uint32_t address, uint32_t value) { write32(SPIKELOOM_BYTES(address), value); }

static int idle(void) {
    uint32_t looks;
    for (looks = 0; looks < PATIENCE; looks++)
        if (!(get(SPIKELOOM_REG_STATUS) & STATUS_BUSY)) return SPIKELOOM_OK;
    return SPIKELOOM_SILENT;
}

static spikeloom_flit receive(void) {
    spikeloom_flit flit = 0;
#if SPIKELOOM_FLIT_BITS > 32
    flit = (spikeloom_flit)get(SPIKELOOM_REG_PAGE_EVENT_OUT_HIGH) << 32;
#endif
    return flit | get(SPIKELOOM_REG_PAGE_EVENT_OUT); /* this takes it */
}

static void send(spikeloom_flit flit) {
#if SPIKELOOM_FLIT_BITS > 32
    put(SPIKELOOM_REG_PAGE_EVENT_IN_HIGH, (uint32_t)(flit >> 32));
#endif
    put(SPIKELOOM_REG_PAGE_EVENT_IN, (uint32_t)flit); /* this sends it */
}

/* Initial states and empty channels; a flit that had come out before stays until it is taken. */
static int restart(void) {
    int result;
    put(SPIKELOOM_REG_CONTROL, 1);
    result = idle();
    while (get(SPIKELOOM_REG_PAGE_STATUS) & SPIKELOOM_PAGE_STATUS_WAITING_MASK) (void)receive();
    return result;
}

int spikeloom_init(void) {
    uint32_t version = get(SPIKELOOM_REG_PAGE_VERSION) & SPIKELOOM_PAGE_VERSION_VERSION_MASK;
    if (get(SPIKELOOM_REG_PAGE_IDENTITY) != 0x4d4f4f4cu || version != 1u) return SPIKELOOM_ABSENT;
    if (get(SPIKELOOM_REG_PAGE_HARDWARE) != SPIKELOOM_HARDWARE) return SPIKELOOM_OTHER;
    put(SPIKELOOM_REG_PAGE_INTERRUPT_ENABLE, 0);
    put(SPIKELOOM_REG_PAGE_CONTROL, SPIKELOOM_PAGE_CONTROL_FROM_BUS_MASK);
    return restart();
}

int spikeloom_load(const uint32_t *image, uint32_t words, uint32_t network) {
    const uint32_t *end = image + words;
    put(SPIKELOOM_REG_PAGE_NETWORK, 0); /* unknown, should this end early */
    while (image < end) {
        uint32_t base, entries, per_entry, stride, entry, word;
        if (end - image < 4) return SPIKELOOM_DAMAGED;
        base = image[0], entries = image[1], per_entry = image[2], stride = image[3];
        image += 4;
        if ((uint64_t)(end - image) < (uint64_t)entries * per_entry) return SPIKELOOM_DAMAGED;
        for (entry = 0; entry < entries; entry++)
            for (word = 0; word < per_entry; word++) put(base + entry * stride + word, *image++);
        if (idle()) return SPIKELOOM_SILENT; /* one of the parts is a restart */
    }
    if (get(SPIKELOOM_REG_STATUS) & STATUS_REFUSED) return SPIKELOOM_BUSY;
    put(SPIKELOOM_REG_PAGE_NETWORK, network);
    return restart(); /* credits come from the tables */
}

int spikeloom_run(const int8_t *x, uint32_t steps, int32_t counts[SPIKELOOM_OUTPUT_SIZE], uint32_t *clocks) {
    uint32_t step = 0, index = 0, events = 0; /* of the input: what is sent next */
    uint32_t ended = 0, looks = 0, k;         /* steps of the output */
    int result;
    for (k = 0; k < SPIKELOOM_OUTPUT_SIZE; k++) counts[k] = 0;
    put(SPIKELOOM_REG_STEPS, steps);
    put(SPIKELOOM_REG_OBSERVE, SPIKELOOM_OBSERVE_OUTPUT);
    result = restart();
    if (result) return result;
    while (ended < steps) {
        uint32_t status = get(SPIKELOOM_REG_PAGE_STATUS);
        looks++;
        if (status & SPIKELOOM_PAGE_STATUS_WAITING_MASK) {
            spikeloom_flit flit = receive();
            if (spikeloom_is_tick(flit))
                ended++;
            else if (ended + SPIKELOOM_OUTPUT_DELAY < steps)
                counts[spikeloom_neuron(spikeloom_index(flit), SPIKELOOM_OUTPUT_POSITIONS, SPIKELOOM_OUTPUT_PADDED)] +=
                    spikeloom_value(flit);
            looks = 0;
        }
        if (status & SPIKELOOM_PAGE_STATUS_ROOM_MASK && step < steps) {
            const int8_t *row = x + step * SPIKELOOM_INPUT_SIZE;
            while (index < SPIKELOOM_INPUT_SIZE && !row[index]) index++;
            if (index < SPIKELOOM_INPUT_SIZE) {
                send(spikeloom_event(index, row[index]));
                index++, events++;
            } else {
                send(spikeloom_tick(step, events));
                step++, index = 0, events = 0;
            }
            looks = 0;
        }
        if (looks >= PATIENCE) return get(SPIKELOOM_REG_STATUS) & STATUS_FAULT ? SPIKELOOM_FAULT : SPIKELOOM_SILENT;
    }
    if (clocks) *clocks = get(SPIKELOOM_REG_CLOCKS);
    return get(SPIKELOOM_REG_STATUS) & STATUS_FAULT ? SPIKELOOM_FAULT : SPIKELOOM_OK;
}

uint32_t spikeloom_prediction(const int32_t counts[SPIKELOOM_OUTPUT_SIZE]) {
    uint32_t best = 0, k;
    for (k = 1; k < SPIKELOOM_OUTPUT_SIZE; k++)
        if (counts[k] > counts[best]) best = k;
    return best;
}
