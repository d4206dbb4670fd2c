/* The unpickler against pickles that want more than tensors: bytes written by hand. */
#include "model/pickle.h"
#include "support/shared.h"

#include <stdlib.h>
#include <string.h>

static galen_status read(const char *bytes, size_t size, galen_error *err) {
    gal_arena arena;
    gal_pickle out;
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    gal_arena_init(&arena, (size_t)1 << 28);
    galen_status status = gal_pickle_read(copy, size, &arena, &out, err);
    gal_arena_free(&arena);
    free(copy);
    return status;
}

#define STORAGE_ID  "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpuK\6tQ"
#define BYTES(text) text, sizeof(text) - 1

static void calls_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } bad[] = {
        {BYTES("\x80\2cos\nsystem\nX\2\0\0\0ls\x85R."), "calls 'os.system': refused"},
        {BYTES("\x80\2cposix\nsystem\nX\2\0\0\0ls\x85R."), "calls 'posix.system': refused"},
        {BYTES("\x80\4\x8c\x08"
               "builtins\x8c\4"
               "eval\x93."),
         "calls 'builtins.eval': refused"},
        {BYTES("\x80\2c__builtin__\nexec\n."), "calls '__builtin__.exec'"},
        {BYTES("\x80\2cnumpy.core.multiarray\n_reconstruct\n."), "'numpy.core.multiarray._reconstruct'"},
        {BYTES("\x80\2c__main__\nNet\n)\x81."), "'__main__.Net'"},
        {BYTES("\x80\2ctorch._utils\n_rebuild_xla_tensor\n."), "'torch._utils._rebuild_xla_tensor'"},
        {BYTES("\x80\2ctorch\nload\n."), "'torch.load'"},
        {BYTES("(cos\nsystem\no."), "'os.system'"},
        {BYTES("(S'ls'\nios\nsystem\n."), "opcode"},
        {BYTES("\x80\2\x82\1."), "opcode 0x82"},                                     /* EXT1 */
        {BYTES("\x80\2ccollections\nOrderedDict\n)\x81."), "no parameter: refused"}, /* NEWOBJ */
        {BYTES("P12\n."), "opcode"},                                                 /* PERSID as text */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        galen_error err = {0};
        assert_int_equal(read(bad[i].bytes, bad[i].size, &err), GALEN_ERR_UNSUPPORTED);
        if (!strstr(err.message, bad[i].text)) fail_msg("case %zu: \"%s\"", i, err.message);
    }
}

static void broken_programs_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {BYTES("")},
        {BYTES(".")},
        {BYTES("\x80")},
        {BYTES("\x80\2(.")},                    /* a mark is no value */
        {BYTES("\x80\2t.")},                    /* no mark */
        {BYTES("\x80\2}K\1s.")},                /* a key without a value */
        {BYTES("\x80\2}(K\1u.")},               /* the same, after a mark */
        {BYTES("\x80\2K\1K\2a.")},              /* append to a number */
        {BYTES("\x80\2h\5.")},                  /* nothing remembered */
        {BYTES("\x80\2K\1r\xff\xff\xff\xff.")}, /* memo bomb */
        {BYTES("\x80\2X\xff\xff\xff\x7f"
               "abc.")},
        {BYTES("\x80\2\x8d\xff\xff\xff\xff\xff\xff\xff\xff.")},
        {BYTES("\x80\2\x8a\xff.")},
        {BYTES("\x80\2ccollections\nOrderedDict\nK\1R.")},
        {BYTES("\x80\2ccollections\nOrderedDict\nK\1\x85R.")},
        {BYTES("\x80\2ccollections\nOrderedDict\n](K\1K\2e\x85R.")},
        {BYTES("\x80\2]}b.")},  /* attributes of a list */
        {BYTES("\x80\2K\1Q.")}, /* persistent id that is no storage */
        {BYTES("\x80\2ctorch\nFloatStorage\n)R.")},
        {BYTES("\x80\6.")},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        galen_error err = {0};
        if (read(bad[i].bytes, bad[i].size, &err) == GALEN_OK || !err.message[0]) fail_msg("case %zu was read", i);
    }
}

/* _rebuild_tensor_v2(storage of 6, offset, size, stride, False, OrderedDict()). */
#define TENSOR(offset, size, stride)                                                                                   \
    "\x80\2ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE_ID "K" offset size stride "\x89"                              \
    "ccollections\nOrderedDict\n)RtR."

static void tensors_stay_in_their_storage(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int good;
    } tensors[] = {
        {BYTES(TENSOR("\0", "K\2K\3\x86", "K\3K\1\x86")), 1},
        {BYTES(TENSOR("\0", "K\3K\2\x86", "K\1K\3\x86")), 1}, /* transposed */
        {BYTES(TENSOR("\5", "K\1\x85", "K\1\x85")), 1},
        {BYTES(TENSOR("\0", "K\0\x85", "K\1\x85")), 1},
        {BYTES(TENSOR("\0", ")", ")")), 1},
        {BYTES(TENSOR("\1", "K\2K\3\x86", "K\3K\1\x86")), 0},
        {BYTES(TENSOR("\0", "K\7\x85", "K\0\x85")), 0}, /* larger than its storage */
        {BYTES(TENSOR("\0", "K\2\x85", "K\6\x85")), 0},
        {BYTES(TENSOR("\0", "K\2\x85", "J\xff\xff\xff\xff\x85")), 0},
        {BYTES(TENSOR("\0", "K\2\x85", ")")), 0},
        {BYTES(TENSOR("\0", "K\2\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85")), 0},
        {BYTES(TENSOR("\6", ")", ")")), 0},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        galen_error err = {0};
        galen_status status = read(tensors[i].bytes, tensors[i].size, &err);
        if ((status == GALEN_OK) != tensors[i].good) fail_msg("case %zu: status %d, \"%s\"", i, status, err.message);
    }
}

static void bombs_end_at_a_limit(void **state) {
    (void)state;
    size_t n = (size_t)GAL_PICKLE_MAX_STACK + 16;
    char *bytes = malloc(n + 3);
    galen_error err = {0};
    assert_non_null(bytes);
    memset(bytes, 'N', n); /* a stack without end */
    assert_int_equal(read(bytes, n, &err), GALEN_ERR_LIMIT);
    bytes[0] = ']';
    memset(bytes + 1, '2', n - 1); /* the same list over and over */
    assert_int_equal(read(bytes, n, &err), GALEN_ERR_LIMIT);
    memset(bytes, ')', 1);
    memset(bytes + 1, '\x85', n - 2); /* a tuple in a tuple in a tuple ... is harmless */
    bytes[n - 1] = '.';
    assert_ok(read(bytes, n, &err), err);
    free(bytes);
    /* A list that holds itself. */
    assert_ok(read(BYTES("\x80\2]q\0h\0a."), &err), err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_refused_by_name),
        cmocka_unit_test(broken_programs_are_refused),
        cmocka_unit_test(tensors_stay_in_their_storage),
        cmocka_unit_test(bombs_end_at_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
