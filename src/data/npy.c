/* One .npy: magic, version, a Python dictionary in text (NumPy's "NEP 1" format), then the elements. */
#include "base/error.h"
#include "base/mem.h"
#include "data/npz.h"

#include <stdbool.h>
#include <string.h>

enum { HEADER_MAX = 65536, DESCR_MAX = 16 };

/* What the dictionary says. */
typedef struct header {
    char descr[DESCR_MAX];
    bool fortran, structured;
    int rank;
    int64_t dim[GALEN_MAX_RANK];
} header;

typedef struct text {
    const char *at, *end;
} text;

static void blanks(text *t) {
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t')) t->at++;
}

/* Takes `word` (after blanks) and says whether it was there. */
static bool take(text *t, const char *word) {
    size_t n = strlen(word);
    blanks(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n)) return false;
    t->at += n;
    return true;
}

static galen_status broken(galen_error *err, const char *what) {
    return gal_fail(err, GALEN_ERR_FORMAT, "the array's header is damaged (%s): write the file again", what);
}

static bool quoted(text *t, char *out, size_t max) {
    char mark[2] = {0, 0};
    size_t n = 0;
    blanks(t);
    if (t->at >= t->end || (*t->at != '\'' && *t->at != '"')) return false;
    mark[0] = *t->at++;
    while (t->at < t->end && *t->at != mark[0]) {
        if (n + 1 >= max) return false;
        out[n++] = *t->at++;
    }
    out[n] = 0;
    return take(t, mark);
}

/* "(2, 3)", "(5,)" or "()". */
static galen_status shape(text *t, header *h, galen_error *err) {
    if (!take(t, "(")) return broken(err, "no shape");
    while (!take(t, ")")) {
        int64_t v = 0;
        blanks(t);
        if (t->at >= t->end || *t->at < '0' || *t->at > '9') return broken(err, "a dimension is not a number");
        for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
            if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *t->at - '0', &v))
                return gal_fail(err, GALEN_ERR_LIMIT, "a dimension of the array does not fit in 64 bits");
        if (h->rank == GALEN_MAX_RANK)
            return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the array has more than %d dimensions: reshape it",
                            (int)GALEN_MAX_RANK);
        h->dim[h->rank++] = v;
        (void)take(t, ",");
    }
    return GALEN_OK;
}

/* A structured type is a list of fields: skipped, for it is not read. */
static bool skip_list(text *t) {
    int depth = 0;
    do {
        if (t->at >= t->end) return false;
        depth += (*t->at == '[' || *t->at == '(') - (*t->at == ']' || *t->at == ')');
        t->at++;
    } while (depth > 0);
    return true;
}

static galen_status value(text *t, const char *key, header *h, int *seen, galen_error *err) {
    if (!strcmp(key, "descr")) {
        *seen |= 1;
        blanks(t);
        h->structured = t->at < t->end && *t->at == '[';
        if (h->structured ? !skip_list(t) : !quoted(t, h->descr, sizeof h->descr))
            return broken(err, "no element type");
        return GALEN_OK;
    }
    if (!strcmp(key, "fortran_order")) {
        *seen |= 2;
        h->fortran = take(t, "True");
        return h->fortran || take(t, "False") ? GALEN_OK : broken(err, "fortran_order is neither True nor False");
    }
    if (strcmp(key, "shape") || (*seen & 4)) return broken(err, "an unknown or repeated key");
    *seen |= 4;
    return shape(t, h, err);
}

static galen_status dictionary(text t, header *h, galen_error *err) {
    int seen = 0;
    if (!take(&t, "{")) return broken(err, "no dictionary");
    while (!take(&t, "}")) {
        char key[DESCR_MAX];
        if (!quoted(&t, key, sizeof key) || !take(&t, ":")) return broken(err, "no key");
        GAL_TRY(value(&t, key, h, &seen, err));
        if (!take(&t, ",")) {
            if (!take(&t, "}")) return broken(err, "no end");
            break;
        }
    }
    return seen == 7 ? GALEN_OK : broken(err, "descr, fortran_order and shape must all be there");
}

/* NONE for text, objects, dates, records and complex numbers. */
static galen_status dtype_of(const header *h, galen_dtype *dtype, galen_error *err) {
    static const struct {
        const char *code;
        galen_dtype dtype;
    } known[] = {{"f4", GALEN_F32}, {"f8", GALEN_F64}, {"f2", GALEN_F16}, {"u1", GALEN_U8},
                 {"i1", GALEN_I8},  {"u2", GALEN_U16}, {"i2", GALEN_I16}, {"u4", GALEN_U32},
                 {"i4", GALEN_I32}, {"u8", GALEN_U64}, {"i8", GALEN_I64}, {"b1", GALEN_BOOL}};
    *dtype = GALEN_DTYPE_NONE;
    for (size_t i = 0; !h->structured && h->descr[0] && i < sizeof known / sizeof *known; i++) {
        if (strcmp(h->descr + 1, known[i].code)) continue;
        if (h->descr[0] == '>' && galen_dtype_size(known[i].dtype) > 1)
            return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                            "the array is big-endian (%s): save it with little-endian elements", h->descr);
        *dtype = known[i].dtype;
    }
    return GALEN_OK;
}

/* Column-major elements to row-major: walks the output in order and steps the source index along. */
static void reorder(const unsigned char *from, const galen_tensor *t, size_t element, size_t elements,
                    unsigned char *to) {
    size_t stride[GALEN_MAX_RANK], index[GALEN_MAX_RANK] = {0}, at = 0, step = 1;
    for (int d = 0; d < t->rank; d++) {
        stride[d] = step;
        step *= (size_t)t->dim[d];
    }
    for (size_t i = 0; i < elements; i++, to += element) {
        memcpy(to, from + at * element, element);
        for (int d = t->rank - 1; d >= 0; d--) {
            at += stride[d];
            if (++index[d] < (size_t)t->dim[d]) break;
            at -= stride[d] * index[d];
            index[d] = 0;
        }
    }
}

static galen_status elements(const header *h, const unsigned char *from, size_t left, uint64_t max, galen_tensor *out,
                             galen_error *err) {
    int64_t bytes = galen_tensor_bytes(out), count = galen_tensor_elements(out);
    if (bytes < 0 || (uint64_t)bytes > max)
        return gal_fail(err, GALEN_ERR_LIMIT, "the array is larger than the limit of %llu bytes",
                        (unsigned long long)max);
    if ((uint64_t)bytes > left)
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "the array needs %lld bytes and %zu are there: it is truncated, get the whole file",
                        (long long)bytes, left);
    out->data = gal_alloc_aligned((size_t)bytes);
    if (!out->data) return gal_fail_memory(err, "an array", (unsigned long long)bytes);
    size_t element = galen_dtype_size(out->dtype);
    if (h->fortran && out->rank > 1)
        reorder(from, out, element, (size_t)count, out->data);
    else
        memcpy(out->data, from, (size_t)bytes);
    if (out->dtype == GALEN_BOOL)
        for (int64_t i = 0; i < bytes; i++) ((unsigned char *)out->data)[i] = ((unsigned char *)out->data)[i] != 0;
    return GALEN_OK;
}

/* Reads the head; *from is where the elements begin. */
static galen_status head(const void *bytes, size_t size, header *h, size_t *from, galen_error *err) {
    const unsigned char *b = bytes;
    if (size < 10 || memcmp(b, "\x93NUMPY", 6))
        return gal_fail(err, GALEN_ERR_FORMAT, "this is not a NumPy array: it does not begin with \\x93NUMPY");
    if (b[6] < 1 || b[6] > 3)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "version %d of the .npy format is not read", b[6]);
    size_t start = b[6] == 1 ? 10 : 12, length = (size_t)b[8] | (size_t)b[9] << 8;
    if (size < start) return broken(err, "it is truncated");
    if (b[6] > 1) length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (length > HEADER_MAX || length > size - start) return broken(err, "it is longer than the file");
    const char *words = (const char *)b + start;
    *from = start + length;
    return dictionary((text){words, words + length}, h, err);
}

galen_status gal_npy_read(const void *bytes, size_t size, uint64_t max_bytes, galen_tensor *out, galen_error *err) {
    header h = {0};
    size_t from = 0;
    memset(out, 0, sizeof *out);
    GAL_TRY(head(bytes, size, &h, &from, err));
    GAL_TRY(dtype_of(&h, &out->dtype, err));
    out->rank = h.rank;
    memcpy(out->dim, h.dim, sizeof h.dim);
    if (out->dtype == GALEN_DTYPE_NONE) return GALEN_OK;
    return elements(&h, (const unsigned char *)bytes + from, size - from, max_bytes, out, err);
}

/* ---- text ---- */

/* Characters of a code point in UTF-8; surrogates and what lies beyond Unicode become the replacement character. */
static size_t put_utf8(uint32_t c, char *to) {
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
    if (c < 0x80) return to[0] = (char)c, 1;
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)((0xf00 >> n & 0xff) | c);
    return n;
}

/* One element, `width` characters of 1 or 4 bytes, the end filled with zeros. */
static char *one_text(const unsigned char *from, size_t width, size_t bytes, char *to) {
    for (size_t i = 0; i < width; i++, from += bytes) {
        uint32_t c = from[0];
        if (bytes == 4) c |= (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
        if (c == 0) break;
        to += bytes == 4 ? put_utf8(c, to) : (size_t)(*to = (char)c, 1);
    }
    *to = 0;
    return to + 1;
}

galen_status gal_npy_texts(const void *bytes, size_t size, gal_arena *arena, const char ***out, size_t *count,
                           galen_error *err) {
    header h = {0};
    size_t from = 0, width = 0;
    *out = NULL, *count = 0;
    GAL_TRY(head(bytes, size, &h, &from, err));
    bool wide = !strncmp(h.descr, "<U", 2);
    if (h.structured || (!wide && strncmp(h.descr, "|S", 2) != 0) || h.rank != 1) return GALEN_OK;
    for (const char *at = h.descr + 2; *at >= '0' && *at <= '9' && width <= size; at++)
        width = 10 * width + (size_t)(*at - '0');
    size_t each = width * (wide ? 4 : 1), room;
    if (each == 0) return GALEN_OK; /* nothing is in it, and no byte of the file bounds how many */
    if ((uint64_t)h.dim[0] > (size - from) / each)
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "the array needs %lld texts of %zu bytes and %zu bytes are there: it is "
                        "truncated, get the whole file",
                        (long long)h.dim[0], each, size - from);
    *count = (size_t)h.dim[0];
    if (!gal_size_mul(*count, each + 1, &room)) return gal_fail_memory(err, "texts", *count);
    *out = gal_arena_alloc(arena, *count, sizeof **out);
    char *to = gal_arena_alloc(arena, room, 1);
    if (!*out || !to) return gal_fail_memory(err, "texts", room);
    const unsigned char *element = (const unsigned char *)bytes + from;
    for (size_t i = 0; i < *count; i++, element += each) {
        (*out)[i] = to;
        to = one_text(element, width, wide ? 4 : 1, to);
    }
    return GALEN_OK;
}
