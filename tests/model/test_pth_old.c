/* Checkpoints of before PyTorch 1.6: a real state dict in that format, parameters as 2017 pickled them, and damage. */
#include "base/rng.h"
#include "model/weights.h"
#include "model/zoo/zoo.h"
#include "support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) literal, sizeof(literal) - 1
#define MAGIC         "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."
#define VERSION       "\x80\2M\xe9\3."
#define MACHINE       "\x80\2}q\0(X\x10\0\0\0protocol_versionq\1M\xe9\3X\x0d\0\0\0little_endianq\2\x88u."

typedef struct bytes {
    unsigned char data[2 << 20];
    size_t size;
} bytes;

static bytes file; /* the checkpoint in hand */

static void put(const void *data, size_t n) {
    assert_true(file.size + n <= sizeof file.data);
    memcpy(file.data + file.size, data, n);
    file.size += n;
}

static void put_le(uint64_t v, size_t n) {
    for (size_t i = 0; i < n; i++) put(&(unsigned char){(unsigned char)(v >> 8 * i)}, 1);
}

static void put_text(const char *text) {
    put("X", 1);
    put_le(strlen(text), 4);
    put(text, strlen(text));
}

static void put_int(int64_t v) {
    put("J", 1);
    put_le((uint64_t)v, 4);
}

static void begin(void) {
    file.size = 0;
    put(TEXT(MAGIC VERSION MACHINE));
}

/* A tensor of the storage `key`, whole; `old` and `parameter`: as 2017 wrote it. */
static void put_tensor(const char *key, const galen_tensor *t, bool old, bool parameter) {
    int64_t stride[GALEN_MAX_RANK] = {0}, next = 1;
    for (int d = t->rank; d-- > 0; next *= t->dim[d]) stride[d] = next;
    if (parameter) put(TEXT("ctorch.nn.parameter\nParameter\n"));
    put(TEXT("ctorch._utils\n_rebuild_tensor"));
    if (!old) put(TEXT("_v2"));
    put(TEXT("\n(("));
    put_text("storage");
    put(TEXT("ctorch\n"));
    put(t->dtype == GALEN_I64 ? "LongStorage\n" : "FloatStorage", 12);
    if (t->dtype != GALEN_I64) put("\n", 1);
    put_text(key);
    put_text("cpu");
    put_int(galen_tensor_elements(t));
    put(TEXT("NtQK\0("));
    for (int d = 0; d < t->rank; d++) put_int(t->dim[d]);
    put(TEXT("t("));
    for (int d = 0; d < t->rank; d++) put_int(stride[d]);
    put("t", 1);
    if (!old)
        put(TEXT("\x89"
                 "ccollections\nOrderedDict\n)R"));
    put(TEXT("tR"));
    if (parameter)
        put(TEXT("\x85\x81(\x88\x89"
                 "ccollections\nOrderedDict\n)Rtb"));
}

static void put_keys(const char *const *key, size_t n) {
    put(TEXT("\x80\2]("));
    for (size_t i = 0; i < n; i++) put_text(key[i]);
    put(TEXT("e."));
}

static void put_data(const galen_tensor *t) {
    put_le((uint64_t)galen_tensor_elements(t), 8);
    put(t->data, (size_t)galen_tensor_bytes(t));
}

static gal_weights *parse(galen_error *err) {
    gal_weights *w = NULL;
    unsigned char *copy = malloc(file.size ? file.size : 1); /* of this very length, for the sanitizer */
    assert_non_null(copy);
    memcpy(copy, file.data, file.size);
    galen_status status = gal_weights_parse(copy, file.size, &w, err);
    assert_true((status == GALEN_OK) == (w != NULL));
    free(copy); /* nothing of it is kept: the storages of this format lie at any address */
    return w;
}

/* The golden state dict, as torch.save(..., _use_new_zipfile_serialization=False) writes it. */
static void write_golden(const gal_weights *from, bool old, bool parameter) {
    char key[128][8];
    const char *keys[128];
    assert_true(from->n <= 128);
    begin();
    put(TEXT("\x80\2"
             "ccollections\nOrderedDict\n)R("));
    for (size_t i = 0; i < from->n; i++) {
        snprintf(key[i], sizeof key[i], "%zu", i);
        keys[i] = key[i];
        put_text(from->entry[i].name);
        put_tensor(key[i], &from->entry[i].tensor, old, parameter);
    }
    put(TEXT("u."));
    put_keys(keys, from->n);
    for (size_t i = 0; i < from->n; i++) put_data(&from->entry[i].tensor);
}

static gal_weights *golden(void) {
    galen_error err = {0};
    gal_weights *w = NULL;
    assert_ok(gal_weights_load(test_shared("golden/cxr64-small.pth"), &w, &err), err);
    return w;
}

static void a_state_dict_is_read_in_all_its_forms(void **state) {
    (void)state;
    gal_weights *from = golden();
    for (int form = 0; form < 4; form++) {
        galen_error err = {0};
        write_golden(from, form & 1, form & 2);
        gal_weights *w = parse(&err);
        if (w == NULL) fail_msg("form %d: %s", form, err.message);
        assert_int_equal(w->n, from->n);
        for (size_t i = 0; i < w->n; i++) {
            const galen_tensor *a = &from->entry[i].tensor, *b = &w->entry[i].tensor;
            assert_string_equal(w->entry[i].name, from->entry[i].name);
            assert_int_equal(a->dtype, b->dtype);
            assert_int_equal(galen_tensor_bytes(a), galen_tensor_bytes(b));
            assert_memory_equal(a->data, b->data, (size_t)galen_tensor_bytes(a));
            assert_int_equal((uintptr_t)b->data % galen_dtype_size(b->dtype), 0);
        }
        gal_weights_destroy(w);
    }
    gal_weights_destroy(from);
}

static float numbers[4] = {1, 2, 3, 4};
static const galen_tensor four = {.dtype = GALEN_F32, .rank = 1, .dim = {4}, .data = numbers};

/* {"a": four of "0", "b": of `second`}, then `keys` and so many storages. */
static void write_two(const char *second, const char *const *keys, size_t n_keys, size_t storages) {
    begin();
    put(TEXT("\x80\2}("));
    put_text("a");
    put_tensor("0", &four, false, false);
    put_text("b");
    put_tensor(second, &four, false, false);
    put(TEXT("u."));
    put_keys(keys, n_keys);
    for (size_t i = 0; i < storages; i++) put_data(&four);
}

static void refuse(const char *says) {
    galen_error err = {0};
    assert_null(parse(&err));
    if (strstr(err.message, says) == NULL) fail_msg("'%s' does not say '%s'", err.message, says);
}

static void defects_are_named(void **state) {
    (void)state;
    static const char *const keys[] = {"0", "1", "1", "7"};
    galen_error err = {0};
    write_two("0", keys, 1, 1); /* one storage, two names */
    gal_weights *w = parse(&err);
    assert_ok(w != NULL ? GALEN_OK : err.status, err);
    gal_weights_destroy(w);
    write_two("1", keys, 1, 1);
    refuse("tensor 'b': its data '1' is missing");
    write_two("1", keys, 3, 3);
    refuse("no tensor, or more than one place");
    write_two("1", (const char *const[]){"0", "7"}, 2, 2);
    refuse("no tensor, or more than one place");
    write_two("1", keys, 2, 1);
    refuse("cut off before data '1'");
    write_two("1", keys, 2, 2);
    file.size -= 3;
    refuse("cut off in data '1'");
    write_two("1", keys, 2, 2);
    file.data[file.size - 24] = 5; /* the count of the last storage */
    refuse("data '1' has 5 elements, not 4");
    file.size = 0;
    put(TEXT(MAGIC "\x80\2K\7." MACHINE));
    refuse("unknown version");
    file.size = 0;
    put(TEXT(MAGIC VERSION "\x80\2}."));
    refuse("little-endian");
    file.size = 0;
    put(TEXT(MAGIC));
    refuse("cut off or damaged");
    begin();
    put(TEXT("\x80\2cos\nsystem\nX\2\0\0\0ls\x85R."));
    refuse("calls 'os.system': refused");
}

static void damage_never_crashes(void **state) {
    (void)state;
    gal_weights *from = golden();
    write_golden(from, true, true);
    size_t size = file.size;
    gal_rng rng = gal_rng_make(5, 0);
    for (int round = 0; round < 60; round++) {
        galen_error err = {0};
        size_t at = gal_rng_u32(&rng) % 16384, bit = gal_rng_u32(&rng) % 8;
        file.data[at] ^= (unsigned char)(1U << bit);
        if (round % 3 == 0) file.size = gal_rng_u32(&rng) % size;
        gal_weights *w = parse(&err);
        if (w == NULL) assert_true(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
        gal_weights_destroy(w);
        file.data[at] ^= (unsigned char)(1U << bit);
        file.size = size;
    }
    gal_weights_destroy(from);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    static const char *const keys[] = {"0", "1"};
    write_two("1", keys, 2, 2);
    for (long n = 1; n < 40; n++) {
        galen_error err = {0};
        test_fail_allocation(n, 1);
        gal_weights *w = NULL;
        galen_status status = gal_weights_parse(file.data, file.size, &w, &err);
        test_fail_allocation(0, 0);
        if (status != GALEN_OK) assert_int_equal(status, GALEN_ERR_MEMORY);
        gal_weights_destroy(w);
    }
}

/* ---- what torchvision's weights need besides ---- */

static galen_status fill(void *context, const char *name, const galen_tensor *t, galen_error *err) {
    (void)context, (void)err;
    float *data = t->data;
    for (int64_t i = 0; i < galen_tensor_elements(t); i++) data[i] = (float)(strlen(name) + (size_t)i % 7) / 64;
    return GALEN_OK;
}

/* Weights with the parameters of a filled network. They stay the model's. */
static void weights_of(const gal_model *m, gal_weight *entry, size_t *order, gal_weights *out) {
    *out = (gal_weights){.entry = entry, .by_name = order};
    for (uint32_t i = 0; i < m->graph->n_value; i++) {
        const gal_value *v = m->graph->value[i];
        if (v->constant != NULL && v->producer == NULL && v->dtype == GALEN_F32)
            entry[out->n++] = (gal_weight){v->name, *v->constant};
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const gal_weight *)a)->name, ((const gal_weight *)b)->name);
}

/* "features.denseblock1.denselayer1.norm.1.weight" for "... .norm1.weight", and half precision where asked for. */
static void densenet_of_2017_is_known(void **state) {
    (void)state;
    enum { MOST = 1024 };
    static gal_weight entry[MOST];
    static size_t order[MOST];
    static char name[MOST][96];
    static const char *const found[] = {".norm1.", ".norm2.", ".conv1.", ".conv2."};
    galen_error err = {0};
    gal_model *m = NULL, *again = NULL;
    gal_weights w;
    size_t renamed = 0;
    assert_ok(gal_zoo_build("densenet121", &(gal_zoo_options){.fill = fill}, NULL, &m, &err), err);
    weights_of(m, entry, order, &w);
    assert_true(w.n < MOST);
    for (size_t i = 0; i < w.n; i++) {
        const char *layer = strstr(entry[i].name, ".denselayer"), *at = NULL;
        for (size_t k = 0; layer != NULL && k < 4 && at == NULL; k++) at = strstr(layer, found[k]);
        if (at == NULL) continue;
        snprintf(name[i], sizeof name[i], "%.*s.%s", (int)(at - entry[i].name) + 5, entry[i].name, at + 5);
        entry[i].name = name[i];
        renamed++;
    }
    assert_int_equal(renamed, (size_t)58 * 10);
    qsort(entry, w.n, sizeof *entry, by_name);
    for (size_t i = 0; i < w.n; i++) order[i] = i;
    assert_ok(gal_zoo_build("densenet121", NULL, &w, &again, &err), err);
    for (uint32_t i = 0; i < m->graph->n_value; i++) {
        const galen_tensor *a = m->graph->value[i]->constant, *b = again->graph->value[i]->constant;
        if (a != NULL) assert_memory_equal(a->data, b->data, (size_t)galen_tensor_bytes(a));
    }
    gal_model_destroy(again);
    gal_model_destroy(m);
}

/* Weights saved in 16 or 64 bits become the f32 numbers they are. */
static void other_widths_are_converted(void **state) {
    (void)state;
    gal_weights *w = golden();
    galen_error err = {0};
    size_t at = gal_weights_index(w, "bn1.bias");
    galen_tensor *t = &w->entry[at].tensor;
    size_t n = (size_t)galen_tensor_elements(t);
    uint16_t half[64];
    double wide[64];
    assert_true(n <= 64);
    for (size_t i = 0; i < n; i++) half[i] = (uint16_t)(0x3c00 + 16 * i), wide[i] = 0.5 + (double)i;
    for (int form = 0; form < 3; form++) {
        static const galen_dtype types[] = {GALEN_F16, GALEN_BF16, GALEN_F64};
        gal_model *m = NULL;
        t->dtype = types[form];
        t->data = form < 2 ? (void *)half : (void *)wide;
        assert_ok(gal_zoo_build("cxr-resnet10", NULL, w, &m, &err), err);
        const float *made = gal_graph_find(m->graph, "bn1.bias")->constant->data;
        for (size_t i = 0; i < n; i++) {
            uint32_t bits = (uint32_t)half[i] << 16;
            float brain;
            memcpy(&brain, &bits, sizeof brain);
            float wanted = form == 0 ? 1 + (float)i / 64 : form == 1 ? brain : (float)wide[i];
            assert_true(made[i] == wanted);
        }
        gal_model_destroy(m);
    }
    t->dtype = GALEN_I32;
    gal_model *none = NULL;
    assert_int_equal(gal_zoo_build("cxr-resnet10", NULL, w, &none, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "32-bit floats"));
    gal_weights_destroy(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_dict_is_read_in_all_its_forms),
        cmocka_unit_test(defects_are_named),
        cmocka_unit_test(damage_never_crashes),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(densenet_of_2017_is_known),
        cmocka_unit_test(other_widths_are_converted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
