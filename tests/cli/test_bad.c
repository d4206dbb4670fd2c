/*
 * The museum of damaged files: each folder of tests/bad/ says in its case.txt which good file to damage, how, what to
 * run on it, and what the command must answer; tests/bad/README.md explains the words. Nothing is stored damaged: good
 * files are made here from phantoms and the model that ships.
 *
 * `cli_test_bad --write FOLDER` only writes the files: seeds for fuzzing.
 */
#include "support/command.h"
#include "support/shared.h"

#include <galen/image.h>

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <jpeglib.h> /* wants stdio.h before it */

enum { MAX_LINE = 512, MAX_CASES = 200, MAX_PATH = 1024, BOMB_BYTES = 256 << 20 };

typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

static char made[MAX_PATH]; /* folder of the good files */

static void write_bytes(const char *path, const void *data, size_t size) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) fail_msg("%s: %s", path, strerror(errno));
}

static void write_made(const char *name, const void *data, size_t size) {
    char path[MAX_PATH + 64];
    snprintf(path, sizeof path, "%s/%s", made, name);
    write_bytes(path, data, size);
}

/* ---- good files ---- */

static void make_phantoms(void) {
    static const char *const format[] = {"png", "dicom"}, *const ending[] = {"png", "dcm"};
    for (int i = 0; i < 2; i++) {
        char from[MAX_PATH + 64], to[MAX_PATH + 64];
        test_output output;
        const char *const run[] = {"phantom", "--format", format[i], "--finding", "opacity", "--out", made, NULL};
        test_run(run, NULL, &output);
        if (output.exit != 0) fail_msg("galen phantom: %s", output.err);
        test_output_free(&output);
        snprintf(from, sizeof from, "%s/phantom-1-000000.%s", made, ending[i]);
        snprintf(to, sizeof to, "%s/phantom.%s", made, ending[i]);
        if (rename(from, to) != 0) fail_msg("%s: %s", from, strerror(errno));
    }
}

static void make_jpeg(void) {
    char path[MAX_PATH + 64];
    size_t size;
    galen_image image;
    galen_error err;
    snprintf(path, sizeof path, "%s/phantom.png", made);
    unsigned char *png = test_read(path, &size);
    assert_ok(galen_image_decode(png, size, NULL, &image, &err), err);
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long out_size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &out, &out_size);
    jpeg.image_width = (unsigned)image.width;
    jpeg.image_height = (unsigned)image.height;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = (JSAMPROW)image.data + (size_t)jpeg.next_scanline * (size_t)image.width;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    write_made("phantom.jpg", out, out_size);
    free(out);
    free(png);
    galen_image_free(&image);
}

static void put_le(bytes *b, unsigned long v, int n) {
    for (int i = 0; i < n; i++) b->data[b->size++] = (unsigned char)(v >> 8 * i);
}

static void put_raw(bytes *b, const void *data, size_t n) {
    memcpy(b->data + b->size, data, n);
    b->size += n;
}

/* Local header (signature 0x04034b50) or central directory entry (0x02014b50) of a zip (APPNOTE 4.3). */
static void put_zip_head(bytes *b, bool central, const char *name, int method, unsigned long crc, size_t packed,
                         size_t size, size_t at) {
    put_le(b, central ? 0x02014b50 : 0x04034b50, 4);
    if (central) put_le(b, 20, 2);
    put_le(b, 20, 2);
    put_le(b, 0, 2);
    put_le(b, (unsigned long)method, 2);
    put_le(b, 0x00210000, 4);
    put_le(b, crc, 4);
    put_le(b, packed, 4);
    put_le(b, size, 4);
    put_le(b, strlen(name), 2);
    put_le(b, 0, 2);
    if (central) {
        put_le(b, 0, 8);
        put_le(b, 0, 2);
        put_le(b, at, 4);
    }
    put_raw(b, name, strlen(name));
}

typedef struct zip_entry {
    const char *name;
    const void *data;
    size_t packed, size;
    int method; /* 0 stored, 8 deflated */
    unsigned long crc;
} zip_entry;

static void write_zip(const char *name, const zip_entry *entry, int n) {
    size_t total = 1024, at[4];
    for (int i = 0; i < n; i++) total += entry[i].packed + 512;
    bytes b = {malloc(total), 0};
    for (int i = 0; i < n; i++) {
        const zip_entry *e = &entry[i];
        at[i] = b.size;
        put_zip_head(&b, false, e->name, e->method, e->crc, e->packed, e->size, 0);
        put_raw(&b, e->data, e->packed);
    }
    size_t directory = b.size;
    for (int i = 0; i < n; i++)
        put_zip_head(&b, true, entry[i].name, entry[i].method, entry[i].crc, entry[i].packed, entry[i].size, at[i]);
    size_t length = b.size - directory;
    put_le(&b, 0x06054b50, 4);
    put_le(&b, 0, 4);
    put_le(&b, (unsigned long)n, 2);
    put_le(&b, (unsigned long)n, 2);
    put_le(&b, length, 4);
    put_le(&b, directory, 4);
    put_le(&b, 0, 2);
    write_made(name, b.data, b.size);
    free(b.data);
}

/* A state dict of one tensor, conv1.weight of 16 x 1 x 3 x 3 floats, as torch.save of version 2 writes it. */
static void make_pth(void) {
    static const char pickle[] = "\x80\x02"
                                 "ccollections\nOrderedDict\nq\x00)Rq\x01X\x0c\0\0\0conv1.weight"
                                 "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
                                 "X\x01\0\0\0"
                                 "0X\x03\0\0\0cpuK\x90tQK\0(K\x10K\x01K\x03K\x03t(K\tK\tK\x03K\x01t\x89"
                                 "ccollections\nOrderedDict\n)Rt"
                                 "Rs.";
    static float weight[144];
    const zip_entry entry[] = {
        {"archive/data.pkl", pickle, sizeof pickle - 1, sizeof pickle - 1, 0,
         crc32(0, (const Bytef *)pickle, sizeof pickle - 1)},
        {"archive/data/0", weight, sizeof weight, sizeof weight, 0, crc32(0, (const Bytef *)weight, sizeof weight)},
        {"archive/version", "3\n", 2, 2, 0, crc32(0, (const Bytef *)"3\n", 2)},
    };
    write_zip("weights.pth", entry, 3);
}

/* A pickle that would run a command where pickles may call anything. */
static void make_evil(void) {
    static const char pickle[] = "\x80\x02"
                                 "cposix\nsystem\nX\x05\0\0\0touch\x85R.";
    const uLong crc = crc32(0, (const Bytef *)pickle, sizeof pickle - 1);
    const zip_entry entry[] = {{"archive/data.pkl", pickle, sizeof pickle - 1, sizeof pickle - 1, 0, crc}};
    write_zip("evil.pth", entry, 1);
}

/* A pickle of 256 MiB of zeros in a quarter of a MiB. */
static void make_bomb(void) {
    unsigned char *zeros = calloc(1, BOMB_BYTES);
    uLong room = compressBound(BOMB_BYTES);
    unsigned char *packed = malloc(room);
    z_stream z = {.next_in = zeros, .avail_in = BOMB_BYTES, .next_out = packed, .avail_out = (uInt)room};
    if (!zeros || !packed || deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) fail_msg("no memory");
    deflate(&z, Z_FINISH);
    const zip_entry entry[] = {{"archive/data.pkl", packed, z.total_out, BOMB_BYTES, 8, crc32(0, zeros, BOMB_BYTES)}};
    write_zip("bomb.pth", entry, 1);
    deflateEnd(&z);
    free(zeros);
    free(packed);
}

static void make_safetensors(void) {
    char header[128] = {0};
    unsigned char file[8 + sizeof header + 576] = {0};
    int n = snprintf(header, sizeof header,
                     "{\"conv1.weight\":{\"dtype\":\"F32\",\"shape\":[16,1,3,3],\"data_offsets\":[0,576]}}");
    while (n % 8) header[n++] = ' ';
    file[0] = (unsigned char)n;
    memcpy(file + 8, header, (size_t)n);
    write_made("weights.safetensors", file, 8 + (size_t)n + 576);
}

/* Scores that somebody's system made, and evidence of them. */
static void make_scores(void) {
    static const char scores[] = "id,label,probability,sex\nc1,1,0.90,F\nc2,1,0.75,M\nc3,0,0.60,F\nc4,0,0.25,M\n";
    char from[MAX_PATH], to[MAX_PATH];
    test_output o;
    write_made("scores.csv", scores, sizeof scores - 1);
    snprintf(from, sizeof from, "%.900s/scores.csv", made);
    snprintf(to, sizeof to, "%.900s/evidence.json", made);
    const char *const run[] = {"eval", "--predictions", from, "--threshold", "0.5", "--draws", "20", "-o", to, NULL};
    test_run(run, NULL, &o);
    if (o.exit != 0) fail_msg("evidence: %s", o.err);
    test_output_free(&o);
}

static void make_good_files(void) {
    size_t size;
    if (made[0]) return;
    snprintf(made, sizeof made, "%s/good", test_tmp());
    mkdir(made, 0755);
    chmod(test_tmp(), 0755);
    make_phantoms();
    make_jpeg();
    make_pth();
    make_evil();
    make_bomb();
    make_safetensors();
    make_scores();
    static const char *const shipped[][2] = {{"models/cxr64-small.onnx", "default.onnx"},
                                             {"examples/claims/galen-default.csv", "claims.csv"},
                                             {"examples/claims/costs.json", "claims.json"},
                                             {"policies/balanced.json", "policy.json"}};
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++) {
        unsigned char *file = test_read(shipped[i][0], &size);
        write_made(shipped[i][1], file, size);
        free(file);
    }
}

/* ---- damage ---- */

static size_t from_hex(const char *hex, unsigned char *out, size_t max) {
    size_t n = 0;
    for (unsigned v; n < max && sscanf(hex + 2 * n, "%2x", &v) == 1; n++) out[n] = (unsigned char)v;
    return n;
}

static unsigned char *find(const bytes *b, const unsigned char *what, size_t n, int which) {
    for (size_t i = 0; i + n <= b->size; i++)
        if (!memcmp(b->data + i, what, n) && --which == 0) return b->data + i;
    fail_msg("the case's pattern is not in the good file");
    return NULL;
}

static void replace(bytes *b, const char *arguments) {
    char old[128], new[128];
    int which;
    if (sscanf(arguments, "%d %127s %127s", &which, old, new) != 3 || strlen(old) != strlen(new))
        fail_msg("replace wants K OLD NEW of one length, not '%s'", arguments);
    unsigned char *at = find(b, (const unsigned char *)old, strlen(old), which);
    memcpy(at, new, strlen(new));
}

static void overwrite(bytes *b, const char *arguments, bool search) {
    char first[128], second[128];
    unsigned char pattern[64], value[64], *at;
    if (sscanf(arguments, "%127s %127s", first, second) != 2) fail_msg("two arguments wanted, not '%s'", arguments);
    size_t n = from_hex(second, value, sizeof value);
    if (search) {
        size_t m = from_hex(first, pattern, sizeof pattern);
        at = find(b, pattern, m, 1) + m;
    } else {
        at = b->data + strtoul(first, NULL, 0);
    }
    if (at + n > b->data + b->size) fail_msg("the case writes behind the end of the file");
    memcpy(at, value, n);
}

static void mend_png(bytes *b) {
    for (size_t at = 8; at + 12 <= b->size;) {
        unsigned char *c = b->data + at;
        size_t length = (size_t)c[0] << 24 | (size_t)c[1] << 16 | (size_t)c[2] << 8 | c[3];
        if (at + 12 + length > b->size) return;
        unsigned long crc = crc32(0, c + 4, (uInt)(length + 4));
        for (int i = 0; i < 4; i++) c[8 + length + (size_t)i] = (unsigned char)(crc >> (24 - 8 * i));
        at += 12 + length;
    }
}

static void damage(bytes *b, const char *word, const char *arguments) {
    if (!strcmp(word, "truncate")) {
        size_t n = strtoul(arguments, NULL, 0);
        assert_true(n < b->size);
        b->size = n;
    } else if (!strcmp(word, "flip")) {
        unsigned long offset;
        int bit;
        if (sscanf(arguments, "%lu %d", &offset, &bit) != 2 || offset >= b->size) fail_msg("flip '%s'", arguments);
        b->data[offset] ^= (unsigned char)(1 << bit);
    } else if (!strcmp(word, "set")) {
        overwrite(b, arguments, false);
    } else if (!strcmp(word, "after")) {
        overwrite(b, arguments, true);
    } else if (!strcmp(word, "replace")) {
        replace(b, arguments);
    } else if (!strcmp(word, "crc")) {
        mend_png(b);
    } else {
        fail_msg("a case has no word '%s'", word);
    }
}

/* ---- cases ---- */

typedef struct bad_case {
    char name[64], base[64], as[64], run[MAX_LINE], says[4][MAX_LINE];
    char damage_word[8][16], damage_text[8][MAX_LINE];
    int n_damage, n_says, exit, mode;
} bad_case;

static void read_line(bad_case *c, const char *word, const char *text) {
    if (!strcmp(word, "base"))
        snprintf(c->base, sizeof c->base, "%s", text);
    else if (!strcmp(word, "as"))
        snprintf(c->as, sizeof c->as, "%s", text);
    else if (!strcmp(word, "run"))
        snprintf(c->run, sizeof c->run, "%s", text);
    else if (!strcmp(word, "exit"))
        c->exit = (int)strtol(text, NULL, 10);
    else if (!strcmp(word, "mode"))
        c->mode = (int)strtol(text, NULL, 8);
    else if (!strcmp(word, "says") && c->n_says < 4)
        snprintf(c->says[c->n_says++], MAX_LINE, "%s", text);
    else if (c->n_damage < 8) {
        snprintf(c->damage_word[c->n_damage], 16, "%s", word);
        snprintf(c->damage_text[c->n_damage++], MAX_LINE, "%s", text);
    }
}

static void read_case(const char *name, bad_case *c) {
    char path[MAX_PATH], line[MAX_LINE], word[16];
    *c = (bad_case){.exit = -1, .mode = -1};
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(path, sizeof path, "tests/bad/%s/case.txt", name);
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, f)) {
        int n = 0;
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#' || sscanf(line, "%15s %n", word, &n) != 1) continue;
        read_line(c, word, n ? line + n : "");
    }
    fclose(f);
    if (!c->base[0] || !c->run[0] || c->exit < 0 || !c->n_says)
        fail_msg("%s: base, run, exit and says are needed", path);
}

/* Makes the case's folder and file below `root`; the folder's path into `dir`, the file's into `file`. */
static void make_case(const bad_case *c, const char *root, char dir[MAX_PATH], char file[MAX_PATH]) {
    char good[MAX_PATH + 128];
    snprintf(dir, MAX_PATH, "%.700s/%s", root, c->name);
    mkdir(dir, 0755);
    snprintf(file, MAX_PATH, "%.800s/%s", dir, c->as[0] ? c->as : c->base);
    if (!strcmp(c->base, "nothing")) return;
    snprintf(good, sizeof good, "%s/%s", made, c->base);
    bytes b;
    b.data = test_read(good, &b.size);
    for (int i = 0; i < c->n_damage; i++) damage(&b, c->damage_word[i], c->damage_text[i]);
    write_bytes(file, b.data, b.size);
    free(b.data);
    if (c->mode >= 0) chmod(file, (mode_t)c->mode);
}

/* An ordinary user may not be able to reach the build folder at all (one below /root, say). */
static bool nobody_can_run(void) {
    static const char *const run[] = {"info", "default", NULL};
    test_output output;
    test_run(run, &(test_run_options){.as_nobody = 1}, &output);
    bool can = output.exit == 0;
    test_output_free(&output);
    return can;
}

static void check_case(const bad_case *c) {
    char dir[MAX_PATH], file[MAX_PATH];
    test_output o;
    test_run_options options = {.as_nobody = c->mode >= 0 && getuid() == 0};
    if (options.as_nobody && !nobody_can_run()) {
        fprintf(stderr, "SKIPPED: %s (an ordinary user cannot run %s)\n", c->name, test_galen());
        return;
    }
    make_case(c, test_tmp(), dir, file);
    test_run_line(c->run, file, dir, &options, &o);
    if (o.exit != c->exit)
        fail_msg("%s: exit %d, not %d\nstdout: %s\nstderr: %s", c->name, o.exit, c->exit, o.out, o.err);
    for (int i = 0; i < c->n_says; i++)
        if (!strstr(o.err, c->says[i]) && !strstr(o.out, c->says[i]))
            fail_msg("%s: does not say '%s'\nstdout: %s\nstderr: %s", c->name, c->says[i], o.out, o.err);
    char *end = strchr(o.err, '\n');
    if (end && end[1]) fail_msg("%s: more than one line of errors: %s", c->name, o.err);
    const char *row = strstr(o.out, "error: ");
    printf("  %-28s %s", c->name, o.err[0] || !row ? o.err : row);
    test_output_free(&o);
}

static int list_cases(char name[MAX_CASES][64]) {
    struct dirent **found;
    int n = scandir("tests/bad", &found, NULL, alphasort), count = 0;
    for (int i = 0; i < n; i++) {
        if (!strchr(found[i]->d_name, '.') && count < MAX_CASES) snprintf(name[count++], 64, "%.63s", found[i]->d_name);
        free(found[i]);
    }
    if (n >= 0) free(found);
    return count;
}

static void test_cases(void **state) {
    static char name[MAX_CASES][64];
    static bad_case c;
    (void)state;
    make_good_files();
    int n = list_cases(name);
    assert_true(n >= 20);
    for (int i = 0; i < n; i++) {
        read_case(name[i], &c);
        check_case(&c);
    }
}

/* The good files are good, or the damaged ones would prove nothing. */
static void test_good_files(void **state) {
    static const char *const name[] = {"phantom.png", "phantom.jpg", "phantom.dcm"};
    (void)state;
    make_good_files();
    for (size_t i = 0; i < 3; i++) {
        char file[MAX_PATH + 64];
        test_output o;
        snprintf(file, sizeof file, "%s/%s", made, name[i]);
        test_run_line("predict default {file}", file, made, NULL, &o);
        if (o.exit != 0) fail_msg("%s: %s%s", name[i], o.out, o.err);
        test_output_free(&o);
    }
}

/* With less and less memory the command either answers or says that memory ran out; it never crashes. */
static void test_little_memory(void **state) {
    char file[MAX_PATH + 64];
    int answered = 0, refused = 0;
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* sanitizers reserve terabytes of addresses */
#endif
    make_good_files();
    snprintf(file, sizeof file, "%s/phantom.png", made);
    for (unsigned long long mib = 6; mib <= 160; mib += mib < 40 ? 1 : 6) {
        test_output o;
        test_run_options options = {.memory = mib << 20};
        test_run_line("predict default --threads 2 --batch 16 {file}", file, made, &options, &o);
        bool loader = o.exit == 127 || (o.exit == 126); /* the system could not even start the program */
        if (o.exit != 0 && o.exit != 3 && o.exit != 4 && !loader)
            fail_msg("with %llu MiB: exit %d\n%s%s", mib, o.exit, o.out, o.err);
        answered += o.exit == 0;
        refused += o.exit == 4;
        bool said = strstr(o.err, "memory") || strstr(o.err, "threads") || strstr(o.out, "memory");
        if (o.exit == 4) assert_true(said); /* what one picture lacked is said beside its name */
        test_output_free(&o);
    }
    printf("  answered %d times, refused %d times\n", answered, refused);
    assert_true(answered > 0 && refused > 0);
}

static void write_seeds(const char *folder) {
    static char name[MAX_CASES][64];
    static bad_case c;
    char dir[MAX_PATH], file[MAX_PATH];
    static const char *const good[] = {"phantom.png", "phantom.jpg",         "phantom.dcm", "default.onnx",
                                       "weights.pth", "weights.safetensors", NULL};
    mkdir(folder, 0755);
    make_good_files();
    for (int i = 0; good[i]; i++) {
        c = (bad_case){.mode = -1};
        snprintf(c.name, sizeof c.name, "good");
        snprintf(c.base, sizeof c.base, "%s", good[i]);
        make_case(&c, folder, dir, file);
    }
    int n = list_cases(name);
    for (int i = 0; i < n; i++) {
        read_case(name[i], &c);
        c.mode = -1;
        make_case(&c, folder, dir, file);
    }
    printf("%d cases in %s\n", n, folder);
}

static void test_write_seeds(void **state) {
    write_seeds(*state);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_files),
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_little_memory),
    };
    if (argc == 3 && !strcmp(argv[1], "--write")) {
        const struct CMUnitTest only[] = {cmocka_unit_test_prestate(test_write_seeds, argv[2])};
        return cmocka_run_group_tests_name("seeds", only, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
