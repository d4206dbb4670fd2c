/* Packed weights kept in files: found again, shared, and never trusted when anything about them is wrong. */
#include "base/build.h"
#include "base/log.h"
#include "model/onnx.h"
#include "session/internal.h"
#include "support/shared.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char model_path[] = "models/cxr64-small.onnx";
static galen_error err;
static char folder[512], said[4096];
static float image[64 * 64];

static void note(void *user, galen_log_level level, const char *line) {
    (void)user;
    if (level == GALEN_LOG_WARNING) snprintf(said, sizeof said, "%s", line);
}

/* An empty private folder for each test. */
static int fresh(void **state) {
    static int count;
    (void)state;
    for (int i = 0; i < 64 * 64; i++) image[i] = (float)((uint32_t)i * 2654435761u >> 24) / 64.0f - 2.0f;
    snprintf(folder, sizeof folder, "%s/cache-%d", test_tmp(), count++);
    said[0] = '\0';
    galen_log_set(note, NULL);
    return mkdir(folder, 0700);
}

/* What the model says of the image; *mapped: its weights came from the cache. */
static galen_status score_at(const char *cache, gal_isa isa, galen_dtype precision, float *out, bool *mapped) {
    gal_model *model = NULL;
    gal_session *s = NULL;
    gal_session_options o = gal_session_default_options();
    galen_status status = gal_onnx_load(model_path, NULL, &model, &err);
    if (status != GALEN_OK) return status;
    o.isa = isa;
    o.precision = precision;
    o.threads = 2;
    o.file = model->file;
    o.n_file = model->n_file;
    o.cache = cache;
    o.hash = model->hash;
    status = gal_session_create(model->graph, &o, &s, &err);
    if (status == GALEN_OK) status = gal_session_run(s, 1, (const void *const[]){image}, (void *const[]){out}, &err);
    if (s != NULL && mapped != NULL) *mapped = s->packed_map.data != NULL;
    gal_session_destroy(s);
    gal_model_destroy(model);
    return status;
}

static float score(bool *mapped) {
    float out = 0;
    assert_ok(score_at(folder, gal_isa_detect(), GALEN_F32, &out, mapped), err);
    return out;
}

static float plain_score(void) {
    float out = 0;
    assert_ok(score_at(NULL, gal_isa_detect(), GALEN_F32, &out, NULL), err);
    return out;
}

static bool packs_here(void) {
    return gal_isa_detect() != GAL_ISA_REFERENCE;
}

/* The number of files in the folder; the path of one of them. */
static int list(char path[1024]) {
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, 1024, "%s/%s", folder, e->d_name);
        n++;
    }
    closedir(d);
    return n;
}

static void is_found_again(void **state) {
    (void)state;
    bool mapped = true;
    char path[1024], id[GAL_BUILD_ID_HEX];
    struct stat st;
    if (!packs_here()) skip();
    assert_true(gal_build_id(id));
    float want = plain_score();
    assert_true(score(&mapped) == want);
    assert_false(mapped);
    assert_int_equal(list(path), 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(score(&mapped) == want);
    assert_true(mapped);
    assert_int_equal(list(path), 1);
    assert_string_equal(said, "");
}

/* Other levels and precisions are other files; both are found again. */
static void levels_are_apart(void **state) {
    (void)state;
    char path[1024];
    int files = 0;
    for (int round = 0; round < 2; round++) {
        for (int isa = GAL_ISA_REFERENCE + 1; isa <= (int)gal_isa_detect(); isa++) {
            for (int half = 0; half < 2; half++) {
                float want = 0, got = 0;
                bool mapped = false;
                galen_dtype precision = half ? GALEN_BF16 : GALEN_F32;
                assert_ok(score_at(NULL, (gal_isa)isa, precision, &want, NULL), err);
                assert_ok(score_at(folder, (gal_isa)isa, precision, &got, &mapped), err);
                assert_true(got == want);
                if (round == 0) assert_false(mapped);
                files += round == 0 && list(path) > files;
                assert_int_equal(list(path), files);
            }
        }
    }
    if (packs_here()) assert_true(files > 1);
    assert_string_equal(said, "");
}

/* Changes one byte, or with `at` beyond the end the size. */
static void damage(const char *path, long at) {
    int fd = open(path, O_RDWR);
    unsigned char byte = 0;
    assert_true(fd >= 0);
    if (pread(fd, &byte, 1, at) != 1) byte = 1;
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void is_made_anew(const char *why) {
    bool mapped = true;
    said[0] = '\0';
    assert_true(score(&mapped) == plain_score());
    assert_false(mapped);
    if (strstr(said, why) == NULL) fail_msg("said '%s', not '%s'", said, why);
    said[0] = '\0';
    score(&mapped);
    assert_true(mapped);
    assert_string_equal(said, "");
}

static void damage_is_found(void **state) {
    (void)state;
    char path[1024];
    struct stat st;
    if (!packs_here()) skip();
    score(NULL);
    assert_int_equal(list(path), 1);
    assert_int_equal(stat(path, &st), 0);
    const struct {
        long at;
        const char *why;
    } flips[] = {{0, "no file of packed weights"},
                 {16, "other weights"},
                 {30, "other weights"},
                 {100, "damaged"},
                 {4096, "damaged"},
                 {st.st_size / 2, "damaged"},
                 {st.st_size - 1, "damaged"}};
    for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
        damage(path, flips[i].at);
        is_made_anew(flips[i].why);
    }
    damage(path, st.st_size);
    is_made_anew("more than the limit");
    const off_t cut[] = {0, 1, 4095, 4096, st.st_size - 1};
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        assert_int_equal(truncate(path, cut[i]), 0);
        is_made_anew("another size");
    }
}

static void foreign_files_are_not_read(void **state) {
    (void)state;
    char path[1024], other[1100];
    float out;
    if (!packs_here()) skip();
    score(NULL);
    assert_int_equal(list(path), 1);
    snprintf(other, sizeof other, "%s.other", path);
    assert_int_equal(chmod(path, 0620), 0);
    is_made_anew("others may write");
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 12345, 0), 0);
        is_made_anew("somebody else");
    }
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    is_made_anew("cannot open");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    is_made_anew("not a regular file");
    /* Another precision's file under this one's name. */
    assert_int_equal(unlink(other), 0);
    assert_int_equal(rename(path, other), 0);
    assert_ok(score_at(folder, gal_isa_detect(), GALEN_BF16, &out, NULL), err);
    DIR *d = opendir(folder);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        char from[1024];
        snprintf(from, sizeof from, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' && strcmp(from, other) != 0) assert_int_equal(rename(from, path), 0);
    }
    closedir(d);
    said[0] = '\0';
    assert_true(score(NULL) == plain_score());
    assert_non_null(strstr(said, "made anew"));
}

static void bad_folders_cost_nothing(void **state) {
    (void)state;
    char path[1024];
    if (!packs_here()) skip();
    float want = plain_score(), out = 0;
    assert_int_equal(chmod(folder, 0770), 0);
    assert_true(score(NULL) == want);
    assert_non_null(strstr(said, "others may write"));
    assert_int_equal(list(path), 0);
    assert_ok(score_at(model_path, gal_isa_detect(), GALEN_F32, &out, NULL), err);
    assert_true(out == want);
    assert_non_null(strstr(said, "not a folder"));
    assert_ok(score_at("/no/such/folder", gal_isa_detect(), GALEN_F32, &out, NULL), err);
    assert_non_null(strstr(said, "/no/such/folder"));
    if (geteuid() == 0) return; /* who may write everywhere */
    assert_int_equal(chmod(folder, 0500), 0);
    assert_true(score(NULL) == want);
    assert_non_null(strstr(said, "cannot write"));
    chmod(folder, 0700);
}

/* A disk that is full after 100 kB: in a child, whose limit ends with it. */
static void full_disk_costs_nothing(void **state) {
    (void)state;
    char path[1024];
    if (!packs_here()) skip();
    float want = plain_score();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        float out = 0;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){100000, 100000});
        galen_status s = score_at(folder, gal_isa_detect(), GALEN_F32, &out, NULL);
        _exit(s == GALEN_OK && out == want && strstr(said, "free disk space") ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(list(path), 0);
}

static void writers_do_not_meet(void **state) {
    (void)state;
    enum { WRITERS = 4 };
    char path[1024];
    bool mapped = false;
    if (!packs_here()) skip();
    float want = plain_score();
    fflush(NULL);
    for (int i = 0; i < WRITERS; i++) {
        if (fork() != 0) continue;
        float out = 0;
        bool same = true;
        for (int k = 0; k < 3; k++) {
            same = same && score_at(folder, gal_isa_detect(), GALEN_F32, &out, NULL) == GALEN_OK && out == want;
            /* Others' files may go at any time; not those half written, which have an ending more. */
            if (list(path) > 0 && i % 2 == 0 && strcmp(path + strlen(path) - 7, "-packed") == 0) unlink(path);
        }
        _exit(same && said[0] == '\0' ? 0 : 1);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    score(NULL);
    assert_true(score(&mapped) == want);
    assert_true(mapped);
    assert_int_equal(list(path), 1);
}

/* Any allocation may fail: the session is refused, or computes the same. */
static void memory_may_run_out(void **state) {
    (void)state;
    if (!packs_here()) skip();
    float want = plain_score();
    for (int kept = 0; kept < 2; kept++) {
        test_count_reset();
        score(NULL);
        long n = test_allocations(), last = n > 60 ? n - 60 : 1;
        for (long i = last; i <= n; i++) { /* those of packing and after: earlier ones are other tests' */
            char path[1024];
            float out = 0;
            if (!kept && list(path) > 0) unlink(path);
            test_fail_allocation(i, 0);
            galen_status s = score_at(folder, gal_isa_detect(), GALEN_F32, &out, NULL);
            test_fail_allocation(0, 0);
            assert_true(s == GALEN_OK ? out == want : s == GALEN_ERR_MEMORY);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(is_found_again, fresh),
        cmocka_unit_test_setup(levels_are_apart, fresh),
        cmocka_unit_test_setup(damage_is_found, fresh),
        cmocka_unit_test_setup(foreign_files_are_not_read, fresh),
        cmocka_unit_test_setup(bad_folders_cost_nothing, fresh),
        cmocka_unit_test_setup(full_disk_costs_nothing, fresh),
        cmocka_unit_test_setup(writers_do_not_meet, fresh),
        cmocka_unit_test_setup(memory_may_run_out, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
