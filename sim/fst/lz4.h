// What Verilator's FST writer needs of LZ4, so that waveforms need no library: blocks of literals, nothing compressed.
#pragma once
#include <cstring>

static inline int LZ4_compressBound(int size) {
    return size + size / 255 + 16;
}

static inline int LZ4_compress_default(const char* from, char* to, int size, int) {
    char* out = to;
    *out++ = static_cast<char>(size < 15 ? size << 4 : 0xF0);
    if (size >= 15) {
        int more = size - 15;
        for (; more >= 255; more -= 255) *out++ = static_cast<char>(255);
        *out++ = static_cast<char>(more);
    }
    std::memcpy(out, from, size);
    return static_cast<int>(out - to) + size;
}
