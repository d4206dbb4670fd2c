/* A cursor over protocol buffer bytes: no copy, no allocation, every bound checked. */
#ifndef GAL_MODEL_ONNX_WIRE_H
#define GAL_MODEL_ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes not read yet. */
typedef struct gal_wire {
    const uint8_t *at, *end;
} gal_wire;

/*
 * One field. `body` holds the bytes of its value: the content of a length-delimited field, else the varint or fixed
 * bytes themselves. So a packed repeated field and each element of an unpacked one are read by the same loop.
 */
typedef struct gal_field {
    uint32_t number;
    uint64_t value; /* of a varint; 0 for other types */
    gal_wire body;
} gal_field;

typedef enum gal_wire_step { GAL_WIRE_BAD = -1, GAL_WIRE_END = 0, GAL_WIRE_FIELD = 1 } gal_wire_step;

gal_wire gal_wire_of(const void *bytes, size_t size);
size_t gal_wire_left(gal_wire wire);

/*
 * Reads the next field the schema knows; unknown fields are skipped. schema[number] is the kind of field `number`:
 * 'v' varint, 'b' bytes, 'f' fixed 32, 'V' repeated varint, 'F' repeated fixed 32, 'D' repeated fixed 64, '.' unknown.
 * GAL_WIRE_BAD: cut off, a group, field number 0, or a known field of another wire type.
 */
gal_wire_step gal_wire_next(gal_wire *wire, const char *schema, gal_field *out);

/* Reads one varint of at most 10 bytes; false when cut off or too long. */
bool gal_wire_varint(gal_wire *wire, uint64_t *out);
/* Varints in `body`; false when the last one is cut off. */
bool gal_wire_count(gal_wire body, size_t *count);

#endif
