/* The structural check of a data set. */
#include "dicom/guard.h"

#include "base/error.h"
#include "dicom/bytes.h"

#include <string.h>

enum { MAX_DEPTH = 32 };

typedef struct walk {
    const uint8_t *bytes;
    bool explicit_vr, big;
    galen_error *err;
} walk;

static unsigned group(uint32_t tag) {
    return tag >> 16;
}

static unsigned number(uint32_t tag) {
    return tag & 0xFFFF;
}

static galen_status too_long(const walk *w, const gal_element *e, size_t left) {
    return gal_fail(
        w->err, GALEN_ERR_FORMAT,
        "element (%04X,%04X) says it holds %lu bytes where %zu are left: the file was cut short or is damaged",
        group(e->tag), number(e->tag), (unsigned long)e->length, left);
}

static galen_status items(const walk *w, size_t at, size_t end, bool open, int depth, size_t *next);

/* Fragments of encapsulated pixels: plain items up to the sequence delimiter. */
static galen_status fragments(const walk *w, size_t at, size_t end, size_t *next) {
    for (;;) {
        gal_element e;
        GAL_TRY(gal_element_read(w->bytes + at, end - at, w->explicit_vr, w->big, &e, w->err));
        at += e.header;
        if (e.tag == GAL_TAG_SEQUENCE_END) {
            *next = at;
            return GALEN_OK;
        }
        if (e.tag != GAL_TAG_ITEM)
            return gal_fail(w->err, GALEN_ERR_FORMAT,
                            "compressed Pixel Data holds element (%04X,%04X) where a fragment should be: it is damaged",
                            group(e.tag), number(e.tag));
        if (e.length > end - at) return too_long(w, &e, end - at);
        at += e.length;
    }
}

/* True when a value of implicit VR can only be a sequence. */
static bool starts_item(const walk *w, size_t at, uint32_t length) {
    return length >= 8 && gal_get_tag(w->bytes + at, w->big) == GAL_TAG_ITEM;
}

/* Steps over the value of e, which starts at `at`. */
static galen_status value(const walk *w, const gal_element *e, size_t at, size_t end, int depth, size_t *next) {
    bool open = e->length == GAL_LENGTH_UNDEFINED;
    if (!open && e->length > end - at) return too_long(w, e, end - at);
    bool sequence = w->explicit_vr ? strcmp(e->vr, "SQ") == 0 : open || starts_item(w, at, e->length);
    if (open && e->tag == GAL_TAG_PIXELS) return fragments(w, at, end, next);
    if (sequence) return items(w, at, open ? end : at + e->length, open, depth + 1, next);
    if (open && strcmp(e->vr, "UN") == 0) { /* PS3.5 6.2.2: such a value is a sequence in implicit VR little endian */
        walk inner = {w->bytes, false, false, w->err};
        return items(&inner, at, end, true, depth + 1, next);
    }
    if (open)
        return gal_fail(w->err, GALEN_ERR_FORMAT, "element (%04X,%04X) of type %s has no length: the file is damaged",
                        group(e->tag), number(e->tag), e->vr);
    *next = at + e->length;
    return GALEN_OK;
}

/* The elements of one item; `open` items end with a delimiter. */
static galen_status item(const walk *w, size_t at, size_t end, bool open, int depth, size_t *next) {
    while (at < end || open) {
        gal_element e;
        GAL_TRY(gal_element_read(w->bytes + at, end - at, w->explicit_vr, w->big, &e, w->err));
        at += e.header;
        if (e.tag == GAL_TAG_ITEM_END && open) break;
        GAL_TRY(value(w, &e, at, end, depth, &at));
    }
    *next = at;
    return GALEN_OK;
}

/* The items of one sequence; `open` sequences end with a delimiter. */
static galen_status items(const walk *w, size_t at, size_t end, bool open, int depth, size_t *next) {
    if (depth > MAX_DEPTH)
        return gal_fail(w->err, GALEN_ERR_LIMIT, "sequences are nested deeper than %d: the file is damaged or hostile",
                        MAX_DEPTH);
    while (at < end || open) {
        gal_element e;
        GAL_TRY(gal_element_read(w->bytes + at, end - at, w->explicit_vr, w->big, &e, w->err));
        at += e.header;
        if (e.tag == GAL_TAG_SEQUENCE_END && open) break;
        if (e.tag != GAL_TAG_ITEM)
            return gal_fail(w->err, GALEN_ERR_FORMAT,
                            "a sequence holds element (%04X,%04X) where an item should be: the file is damaged",
                            group(e.tag), number(e.tag));
        bool open_item = e.length == GAL_LENGTH_UNDEFINED;
        if (!open_item && e.length > end - at) return too_long(w, &e, end - at);
        GAL_TRY(item(w, at, open_item ? end : at + e.length, open_item, depth, &at));
    }
    *next = at;
    return GALEN_OK;
}

galen_status gal_dicom_skip(const uint8_t *dataset, size_t size, const gal_syntax *syntax, const gal_element *element,
                            size_t at, size_t *next, galen_error *err) {
    walk w = {dataset, syntax->explicit_vr, syntax->big_endian, err};
    return value(&w, element, at + element->header, size, 0, next);
}

galen_status gal_dicom_guard(const uint8_t *dataset, size_t size, const gal_syntax *syntax, size_t *end,
                             galen_error *err) {
    walk w = {dataset, syntax->explicit_vr, syntax->big_endian, err};
    for (size_t at = 0; at < size;) {
        gal_element e;
        GAL_TRY(gal_element_read(dataset + at, size - at, w.explicit_vr, w.big, &e, err));
        if (e.tag > GAL_TAG_PIXELS) break;
        if (e.tag == 0x7FE00008u || e.tag == 0x7FE00009u)
            return gal_fail(
                err, GALEN_ERR_UNSUPPORTED,
                "the picture is in %s Pixel Data (7FE0,%04X), which Galen does not read: convert it to integers",
                e.tag & 1 ? "Double Float" : "Float", number(e.tag));
        GAL_TRY(value(&w, &e, at + e.header, size, 0, &at));
        if (e.tag != GAL_TAG_PIXELS) continue;
        *end = at;
        return GALEN_OK;
    }
    return gal_fail(
        err, GALEN_ERR_UNSUPPORTED,
        "holds no picture: there is no Pixel Data (7FE0,0010); give an image, not a report, plan or directory");
}
