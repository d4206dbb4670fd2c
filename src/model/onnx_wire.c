/* The protocol buffer cursor. Format: https://protobuf.dev/programming-guides/encoding/ */
#include "model/onnx_wire.h"

#include <string.h>

enum { TYPE_VARINT = 0, TYPE_FIXED64 = 1, TYPE_BYTES = 2, TYPE_FIXED32 = 5 };

gal_wire gal_wire_of(const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    return (gal_wire){at, size ? at + size : at};
}

size_t gal_wire_left(gal_wire wire) {
    return wire.at ? (size_t)(wire.end - wire.at) : 0;
}

bool gal_wire_varint(gal_wire *wire, uint64_t *out) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (wire->at == wire->end) return false;
        uint64_t byte = *wire->at++;
        if (shift == 63 && byte > 1) return false;
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

bool gal_wire_count(gal_wire body, size_t *count) {
    size_t n = 0;
    for (const uint8_t *p = body.at; p != body.end; p++) n += !(*p & 0x80);
    *count = n;
    return body.at == body.end || !(body.end[-1] & 0x80);
}

/* Takes n bytes as the field's body. */
static bool take(gal_wire *wire, uint64_t n, gal_field *out) {
    if (n > gal_wire_left(*wire)) return false;
    out->body = gal_wire_of(wire->at, (size_t)n);
    wire->at = out->body.end;
    return true;
}

static bool read_value(gal_wire *wire, unsigned type, gal_field *out) {
    const uint8_t *start = wire->at;
    uint64_t size;
    out->value = 0;
    switch (type) {
    case TYPE_VARINT:
        if (!gal_wire_varint(wire, &out->value)) return false;
        out->body = (gal_wire){start, wire->at};
        return true;
    case TYPE_FIXED64: return take(wire, 8, out);
    case TYPE_FIXED32: return take(wire, 4, out);
    case TYPE_BYTES: return gal_wire_varint(wire, &size) && take(wire, size, out);
    default: return false;
    }
}

/* Whether a field of wire type `type` may stand for schema kind `kind`. */
static bool type_fits(char kind, unsigned type, gal_wire body) {
    switch (kind) {
    case 'v': return type == TYPE_VARINT;
    case 'b': return type == TYPE_BYTES;
    case 'f': return type == TYPE_FIXED32;
    case 'V': return type == TYPE_VARINT || type == TYPE_BYTES;
    case 'F': return (type == TYPE_FIXED32 || type == TYPE_BYTES) && gal_wire_left(body) % 4 == 0;
    case 'D': return (type == TYPE_FIXED64 || type == TYPE_BYTES) && gal_wire_left(body) % 8 == 0;
    default: return false;
    }
}

gal_wire_step gal_wire_next(gal_wire *wire, const char *schema, gal_field *out) {
    size_t known = strlen(schema);
    while (wire->at != wire->end) {
        uint64_t key;
        if (!gal_wire_varint(wire, &key) || key > UINT32_MAX || key >> 3 == 0) return GAL_WIRE_BAD;
        out->number = (uint32_t)(key >> 3);
        unsigned type = (unsigned)(key & 7);
        if (!read_value(wire, type, out)) return GAL_WIRE_BAD;
        char kind = out->number < known ? schema[out->number] : '.';
        if (kind == '.') continue;
        return type_fits(kind, type, out->body) ? GAL_WIRE_FIELD : GAL_WIRE_BAD;
    }
    return GAL_WIRE_END;
}
