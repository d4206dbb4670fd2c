/* Feeds files, and the files of folders, to a fuzz target without libFuzzer; then the same with a few bits turned over.
 */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_BYTES = 64 << 20, VARIANTS = 24, VARIED_BYTES = 256 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long fed;

/* A copy of exact size, so that a sanitizer sees the first byte behind it. */
static void feed(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) exit(2);
    if (size) memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    fed++;
}

/* Turns bits over by a fixed sequence (Knuth's MMIX), most of them near the start where headers are, and cuts the end
 * off. */
static void vary(uint8_t *data, size_t size) {
    uint64_t state = size;
    for (int i = 0; i < VARIANTS && size; i++) {
        size_t at[3];
        for (int k = 0; k < 3; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            at[k] = (size_t)(state >> 33) % (k && size > 512 ? 512 : size);
            data[at[k]] ^= (uint8_t)(1 << (state >> 61));
        }
        feed(data, i % 4 == 3 ? at[0] : size);
    }
}

static int feed_file(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)ftw;
    if (type != FTW_F || st->st_size > MAX_BYTES) return 0;
    FILE *f = fopen(path, "rb");
    size_t size = (size_t)st->st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (f && data && fread(data, 1, size, f) == size) {
        feed(data, size);
        if (size <= VARIED_BYTES) vary(data, size);
    }
    free(data);
    if (f) fclose(f);
    return 0;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (nftw(argv[i], feed_file, 16, FTW_PHYS) != 0) {
            perror(argv[i]);
            return 1;
        }
    printf("%ld inputs\n", fed);
    return fed ? 0 : 1;
}
