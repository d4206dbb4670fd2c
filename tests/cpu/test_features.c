/* Detection over CPUID answers, and the names of levels. */
#include "cpu/features.h"
#include "support/shared.h"

#include <string.h>

/* turin is recorded from a virtual machine; the others are put together from the vendors' lists of features. */
static const gal_cpuid haswell = {
    .max_leaf = 13, .ecx1 = 0x7ffafbff, .edx1 = 0xbfebfbff, .ebx7 = 0x000027ab, .xcr0 = 0x7};
static const gal_cpuid skylake_server = {
    .max_leaf = 22, .ecx1 = 0x7ffefbff, .edx1 = 0xbfebfbff, .ebx7 = 0xd39ffffb, .ecx7 = 0x00000008, .xcr0 = 0x2ff};
static const gal_cpuid sapphire_rapids = {.max_leaf = 32,
                                          .ecx1 = 0x7ffefbff,
                                          .edx1 = 0xbfebfbff,
                                          .ebx7 = 0xf3bfbfeb,
                                          .ecx7 = 0x9bc14f4e,
                                          .edx7 = 0xffc1c000u | 1u << 14,
                                          .eax71 = 0x00001c30,
                                          .xcr0 = 0x602e7,
                                          .tiles_granted = true};
static const gal_cpuid turin = {.max_leaf = 28,
                                .ecx1 = 0xfffa3203,
                                .edx1 = 0x178bfbff,
                                .ebx7 = 0xf1bf07ab,
                                .ecx7 = 0x00405fc6,
                                .edx7 = 0x00000110,
                                .eax71 = 0x00000030,
                                .xcr0 = 0xe7};
static const gal_cpuid nehalem = {.max_leaf = 11, .ecx1 = 0x009ce3bd, .edx1 = 0xbfebfbff};

static void levels_of_recorded_machines(void **state) {
    (void)state;
    assert_int_equal(gal_isa_of(gal_features_of(&nehalem)), GAL_ISA_REFERENCE);
    assert_int_equal(gal_isa_of(gal_features_of(&haswell)), GAL_ISA_AVX2);
    assert_int_equal(gal_isa_of(gal_features_of(&skylake_server)), GAL_ISA_AVX512);
    assert_int_equal(gal_isa_of(gal_features_of(&turin)), GAL_ISA_AVX512);
    assert_int_equal(gal_isa_of(gal_features_of(&sapphire_rapids)), GAL_ISA_AMX);
    assert_true(gal_features_of(&turin) & GAL_HAS_AVX512_BF16);
    assert_true(gal_features_of(&turin) & GAL_HAS_AVX512_VNNI);
    assert_false(gal_features_of(&turin) & GAL_HAS_AVX512_FP16);
    assert_true(gal_features_of(&sapphire_rapids) & GAL_HAS_AVX512_FP16);
    assert_false(gal_features_of(&skylake_server) & GAL_HAS_AVX512_VNNI);
}

/* What the chip has and the operating system did not enable does not count. */
static void the_operating_system_decides(void **state) {
    (void)state;
    gal_cpuid id = sapphire_rapids;
    id.tiles_granted = false;
    assert_int_equal(gal_isa_of(gal_features_of(&id)), GAL_ISA_AVX512);
    id = sapphire_rapids;
    id.xcr0 = 0x2e7;
    assert_int_equal(gal_isa_of(gal_features_of(&id)), GAL_ISA_AVX512);
    for (int component = 5; component <= 7; component++) {
        id = sapphire_rapids;
        id.xcr0 &= ~(1ull << component);
        assert_int_equal(gal_features_of(&id) & (GAL_HAS_AVX512 | GAL_HAS_AVX512_VNNI | GAL_HAS_AVX512_BF16), 0);
    }
    id.xcr0 = 0x3;
    assert_int_equal(gal_features_of(&id), 0);
    id = sapphire_rapids;
    id.ecx1 &= ~(1u << 27);
    assert_int_equal(gal_features_of(&id), 0);
    id = sapphire_rapids;
    id.max_leaf = 6;
    assert_int_equal(gal_features_of(&id), 0);
}

/* Each bit a level is made of is needed. */
static void every_feature_is_needed(void **state) {
    (void)state;
    static const int avx2_ecx1[] = {12, 28, 29}, avx512_ebx7[] = {16, 17, 28, 30, 31};
    for (size_t i = 0; i < sizeof avx2_ecx1 / sizeof *avx2_ecx1; i++) {
        gal_cpuid id = haswell;
        id.ecx1 &= ~(1u << avx2_ecx1[i]);
        assert_int_equal(gal_isa_of(gal_features_of(&id)), GAL_ISA_REFERENCE);
    }
    for (size_t i = 0; i < sizeof avx512_ebx7 / sizeof *avx512_ebx7; i++) {
        gal_cpuid id = skylake_server;
        id.ebx7 &= ~(1u << avx512_ebx7[i]);
        assert_int_equal(gal_isa_of(gal_features_of(&id)), GAL_ISA_AVX2);
    }
}

/* HWCAP words put together from Linux' elf_hwcaps.rst: what each processor's kernel shows. */
static void levels_of_arm_machines(void **state) {
    (void)state;
    const uint64_t asimd = 1 << 1, dot = 1 << 20, sve = 1 << 22, more = 1 << 13 | 1 << 14;
    const gal_hwcap cortex_a72 = {.hwcap = 0xff}, neoverse_n1 = {.hwcap = 0xff | dot}, none = {0};
    const gal_hwcap neoverse_v2 = {.hwcap = 0xff | dot | sve, .hwcap2 = more};
    const gal_hwcap without_asimd = {.hwcap = (0xff | dot) & ~asimd, .hwcap2 = more};
    assert_int_equal(gal_features_of_hwcap(&none), 0);
    assert_int_equal(gal_features_of_hwcap(&without_asimd), 0);
    assert_int_equal(gal_features_of_hwcap(&cortex_a72), GAL_HAS_NEON);
    assert_int_equal(gal_features_of_hwcap(&neoverse_n1), GAL_HAS_NEON | GAL_HAS_NEON_DOT);
    assert_int_equal(gal_features_of_hwcap(&neoverse_v2),
                     GAL_HAS_NEON | GAL_HAS_NEON_DOT | GAL_HAS_NEON_I8MM | GAL_HAS_NEON_BF16);
    assert_int_equal(gal_isa_of(gal_features_of_hwcap(&cortex_a72)), GAL_ISA_NEON);
    assert_int_equal(gal_isa_of(gal_features_of_hwcap(&none)), GAL_ISA_REFERENCE);
}

/* Levels of the other processor are never here, whatever their place in the list. */
static void only_own_levels_are_here(void **state) {
    (void)state;
    gal_isa best = gal_isa_detect();
    assert_true(gal_isa_here(GAL_ISA_REFERENCE));
    assert_true(gal_isa_here(best));
#if defined(__aarch64__)
    assert_int_equal(best, GAL_ISA_NEON);
    for (int isa = GAL_ISA_AVX2; isa <= GAL_ISA_AMX; isa++) assert_false(gal_isa_here((gal_isa)isa));
#else
    assert_false(gal_isa_here(GAL_ISA_NEON));
    for (int isa = GAL_ISA_AVX2; isa <= GAL_ISA_AMX; isa++)
        assert_int_equal(gal_isa_here((gal_isa)isa), isa <= (int)best);
#endif
}

static void names_are_parsed_and_capped(void **state) {
    (void)state;
    gal_isa isa = GAL_ISA_COUNT;
    galen_error err;
    test_count_reset();
    assert_ok(gal_isa_parse("reference", &isa, &err), err);
    assert_int_equal(isa, GAL_ISA_REFERENCE);
    assert_ok(gal_isa_parse(gal_isa_name(gal_isa_detect()), &isa, &err), err);
    assert_int_equal(isa, gal_isa_detect());
    assert_int_equal(gal_isa_parse("AVX2", &isa, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_isa_parse("", &isa, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_isa_parse("sse9", &isa, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "'sse9'"));
    assert_int_equal(gal_isa_parse("sse9", &isa, NULL), GALEN_ERR_ARGUMENT);
    for (int level = 0; level < GAL_ISA_COUNT; level++) {
        if (gal_isa_here((gal_isa)level)) continue;
        assert_int_equal(gal_isa_parse(gal_isa_name((gal_isa)level), &isa, &err), GALEN_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, gal_isa_name(gal_isa_detect())));
    }
    assert_string_equal(gal_isa_name(GAL_ISA_COUNT), "unknown");
    assert_int_equal(test_allocations(), 0);
}

static void caches_are_plausible(void **state) {
    (void)state;
    size_t l1 = gal_cache_bytes(1), l2 = gal_cache_bytes(2);
    if (l1 == 0) skip(); /* the chip, or the hypervisor, does not tell */
    assert_in_range(l1, 8 << 10, 1 << 20);
    assert_in_range(l2, l1, 64 << 20);
    assert_int_equal(gal_cache_bytes(9), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_of_recorded_machines), cmocka_unit_test(the_operating_system_decides),
        cmocka_unit_test(every_feature_is_needed),     cmocka_unit_test(names_are_parsed_and_capped),
        cmocka_unit_test(levels_of_arm_machines),      cmocka_unit_test(only_own_levels_are_here),
        cmocka_unit_test(caches_are_plausible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
