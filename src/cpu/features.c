/* CPU detection: what the chip has and the operating system enabled. */
#include "cpu/features.h"

#include "base/error.h"

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

/* XCR0: state components that must be enabled before their registers may be touched (Intel SDM vol. 1, 13.3). */
enum { XCR0_YMM = 0x6, XCR0_ZMM = 0xe6, XCR0_TILES = 0x60000 };

static bool bit(uint64_t word, int index) {
    return (word >> index) & 1;
}

uint32_t gal_features_of(const gal_cpuid *id) {
    uint32_t has = 0;
    if (id->max_leaf < 7 || !bit(id->ecx1, 27) || (id->xcr0 & XCR0_YMM) != XCR0_YMM) return 0;
    if (bit(id->ecx1, 28) && bit(id->ecx1, 12) && bit(id->ecx1, 29) && bit(id->ebx7, 5)) has |= GAL_HAS_AVX2;
    if (!has) return 0;
    if (bit(id->eax71, 4)) has |= GAL_HAS_AVX_VNNI;
    bool zmm = (id->xcr0 & XCR0_ZMM) == XCR0_ZMM;
    if (zmm && bit(id->ebx7, 16) && bit(id->ebx7, 30) && bit(id->ebx7, 17) && bit(id->ebx7, 31) && bit(id->ebx7, 28)) {
        has |= GAL_HAS_AVX512;
        if (bit(id->ecx7, 1)) has |= GAL_HAS_AVX512_VBMI;
        if (bit(id->ecx7, 11)) has |= GAL_HAS_AVX512_VNNI;
        if (bit(id->eax71, 5)) has |= GAL_HAS_AVX512_BF16;
        if (bit(id->edx7, 23)) has |= GAL_HAS_AVX512_FP16;
    }
    bool tiles = (id->xcr0 & XCR0_TILES) == XCR0_TILES && id->tiles_granted && bit(id->edx7, 24);
    if (tiles && bit(id->edx7, 22)) has |= GAL_HAS_AMX_BF16;
    if (tiles && bit(id->edx7, 25)) has |= GAL_HAS_AMX_INT8;
    return has;
}

/* Bit numbers of Linux' arch/arm64/include/uapi/asm/hwcap.h. */
uint32_t gal_features_of_hwcap(const gal_hwcap *caps) {
    uint32_t has = 0;
    if (!bit(caps->hwcap, 1)) return 0; /* ASIMD */
    has |= GAL_HAS_NEON;
    if (bit(caps->hwcap, 20)) has |= GAL_HAS_NEON_DOT;
    if (bit(caps->hwcap2, 13)) has |= GAL_HAS_NEON_I8MM;
    if (bit(caps->hwcap2, 14)) has |= GAL_HAS_NEON_BF16;
    return has;
}

gal_isa gal_isa_of(uint32_t features) {
    if (features & GAL_HAS_NEON) return GAL_ISA_NEON;
    if (!(features & GAL_HAS_AVX2)) return GAL_ISA_REFERENCE;
    if (!(features & GAL_HAS_AVX512)) return GAL_ISA_AVX2;
    bool amx = (features & GAL_HAS_AMX_BF16) && (features & GAL_HAS_AMX_INT8);
    return amx ? GAL_ISA_AMX : GAL_ISA_AVX512;
}

#if defined(__aarch64__)
void gal_hwcap_read(gal_hwcap *caps) {
    *caps = (gal_hwcap){.hwcap = getauxval(AT_HWCAP), .hwcap2 = getauxval(AT_HWCAP2)};
}
#else
void gal_hwcap_read(gal_hwcap *caps) {
    *caps = (gal_hwcap){0};
}
#endif

#if defined(__x86_64__)
/* Linux hands out the 8 KiB of tile state only to processes that ask (Documentation/arch/x86/xstate.rst). */
static bool request_tiles(void) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

static uint64_t read_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

void gal_cpuid_read(gal_cpuid *id) {
    uint32_t a, b, c, d;
    memset(id, 0, sizeof *id);
    if (!__get_cpuid(0, &id->max_leaf, &b, &c, &d) || !__get_cpuid(1, &a, &b, &id->ecx1, &id->edx1)) return;
    if (id->max_leaf >= 7) {
        __cpuid_count(7, 0, a, id->ebx7, id->ecx7, id->edx7);
        if (a >= 1) __cpuid_count(7, 1, id->eax71, b, c, d);
    }
    if (bit(id->ecx1, 27)) id->xcr0 = read_xcr0();
    if (bit(id->edx7, 24) && (id->xcr0 & XCR0_TILES) == XCR0_TILES) id->tiles_granted = request_tiles();
}

/* Leaf 4 on Intel and leaf 0x8000001d on AMD have the same layout: one sub-leaf a cache. */
static size_t cache_from(uint32_t leaf, int level) {
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t a, b, c, d;
        if (!__get_cpuid_count(leaf, i, &a, &b, &c, &d) || (a & 31) == 0) return 0;
        bool data = (a & 31) == 1 || (a & 31) == 3;
        if (data && (int)((a >> 5) & 7) == level)
            return (size_t)((b >> 22) + 1) * (((b >> 12) & 1023) + 1) * ((b & 4095) + 1) * ((size_t)c + 1);
    }
    return 0;
}

size_t gal_cache_bytes(int level) {
    size_t bytes = cache_from(4, level);
    return bytes > 0 ? bytes : cache_from(0x8000001d, level);
}
#else
void gal_cpuid_read(gal_cpuid *id) {
    memset(id, 0, sizeof *id);
}

size_t gal_cache_bytes(int level) {
    (void)level;
    return 0;
}
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t detected;

static void detect(void) {
    gal_cpuid id;
    gal_hwcap caps;
    gal_cpuid_read(&id);
    gal_hwcap_read(&caps);
    detected = gal_features_of(&id) | gal_features_of_hwcap(&caps);
}

uint32_t gal_features(void) {
    pthread_once(&once, detect);
    return detected;
}

gal_isa gal_isa_detect(void) {
    return gal_isa_of(gal_features());
}

bool gal_isa_here(gal_isa isa) {
    gal_isa best = gal_isa_detect();
    return isa == GAL_ISA_REFERENCE || isa == best || (isa < best && best != GAL_ISA_NEON);
}

const char *gal_isa_name(gal_isa isa) {
    static const char *const name[GAL_ISA_COUNT] = {"reference", "avx2", "avx512", "amx", "neon"};
    return (unsigned)isa < GAL_ISA_COUNT ? name[isa] : "unknown";
}

galen_status gal_isa_parse(const char *name, gal_isa *out, galen_error *err) {
    for (int i = 0; i < GAL_ISA_COUNT; i++) {
        if (strcmp(name, gal_isa_name((gal_isa)i)) != 0) continue;
        if (!gal_isa_here((gal_isa)i))
            return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                            "instruction set '%s' is not available here: this machine has '%s' at most", name,
                            gal_isa_name(gal_isa_detect()));
        *out = (gal_isa)i;
        return GALEN_OK;
    }
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "unknown instruction set '%.40s': use reference, avx2, avx512, amx or neon", name);
}
