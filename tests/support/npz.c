/* Puts .npz files together byte by byte. */
#include "support/npz.h"

#include "base/buf.h"
#include "support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t crc_of(const unsigned char *p, size_t n) {
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
    }
    return ~crc;
}

static void put_numbers(gal_buf *out, const char *widths, const uint32_t *value) {
    for (; *widths; widths++, value++)
        for (int i = 0; i < *widths - '0'; i++) gal_buf_put(out, &(uint8_t){(uint8_t)(*value >> 8 * i)}, 1);
}

static void put_array(const test_array *array, gal_buf *out, gal_buf *directory) {
    gal_buf npy;
    char header[160], file[64];
    gal_buf_init(&npy, 1 << 20);
    int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n",
                          array->descr, array->shape);
    uint32_t named = (uint32_t)snprintf(file, sizeof file, "%s.npy", array->name), at = (uint32_t)out->size;
    gal_buf_put(&npy, "\x93NUMPY\1", 7);
    put_numbers(&npy, "12", (const uint32_t[]){0, (uint32_t)length});
    gal_buf_text(&npy, header);
    gal_buf_put(&npy, array->data, array->size);
    uint32_t size = (uint32_t)npy.size, sum = crc_of(npy.data, size);
    put_numbers(out, "42222244422", (const uint32_t[]){0x04034b50, 20, 0, 0, 0, 0x21, sum, size, size, named, 0});
    gal_buf_text(out, file);
    gal_buf_put(out, npy.data, npy.size);
    put_numbers(directory, "42222224442222244",
                (const uint32_t[]){0x02014b50, 20, 20, 0, 0, 0, 0x21, sum, size, size, named, 0, 0, 0, 0, 0, at});
    gal_buf_text(directory, file);
    gal_buf_free(&npy);
}

unsigned char *test_npz(const test_array *arrays, size_t n, size_t *size) {
    gal_buf out, directory;
    gal_buf_init(&out, 1 << 20);
    gal_buf_init(&directory, 1 << 20);
    for (size_t k = 0; k < n; k++) put_array(&arrays[k], &out, &directory);
    uint32_t begin = (uint32_t)out.size, count = (uint32_t)n;
    gal_buf_put(&out, directory.data, directory.size);
    put_numbers(&out, "42222442",
                (const uint32_t[]){0x06054b50, 0, 0, count, count, (uint32_t)directory.size, begin, 0});
    assert_false(out.failed || directory.failed);
    unsigned char *copy = malloc(out.size);
    assert_non_null(copy);
    memcpy(copy, out.data, out.size);
    *size = out.size;
    gal_buf_free(&out);
    gal_buf_free(&directory);
    return copy;
}
