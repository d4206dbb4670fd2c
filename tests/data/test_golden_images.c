/* Decoding and resizing of real X-rays against Pillow's pixels. */
#include "support/shared.h"

#include "data/npz.h"

#include <dirent.h>
#include <galen/image.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { PATH = 4096, SIDE = 64, HALF = 32 };

static gal_npz *open_npz(const char *path) {
    size_t size;
    unsigned char *bytes = test_read(path, &size);
    gal_npz *npz = NULL;
    galen_error err = {0};
    assert_ok(gal_npz_read(bytes, size, NULL, &npz, &err), err);
    free(bytes);
    return npz;
}

static galen_image as_image(const galen_tensor *t) {
    assert_int_equal(t->dtype, GALEN_U8);
    return (galen_image){
        .width = (int)t->dim[1], .height = (int)t->dim[0], .channels = 1, .sample = GALEN_SAMPLE_U8, .data = t->data};
}

static void compare(const char *name, const galen_image *got, const galen_tensor *expected) {
    assert_int_equal(got->height, expected->dim[0]);
    assert_int_equal(got->width, expected->dim[1]);
    if (memcmp(got->data, expected->data, (size_t)galen_tensor_bytes(expected)))
        fail_msg("%s differs from Pillow", name);
}

/* "FILE/FILTER/WxH" */
static int one_resize(const gal_npz *npz, const char *name, const galen_tensor *expected) {
    static const char *const filters[] = {"/nearest/", "/box/", "/bilinear/", "/bicubic/", "/lanczos/"};
    for (int f = 0; f < 5; f++) {
        const char *at = strstr(name, filters[f]);
        char source[256];
        const galen_tensor *t = NULL;
        galen_error err = {0};
        galen_image out;
        if (!at) continue;
        (void)snprintf(source, sizeof source, "%.*s/source", (int)(at - name), name);
        assert_ok(gal_npz_find(npz, source, &t, &err), err);
        galen_image image = as_image(t);
        assert_ok(galen_image_resize(&image, (int)expected->dim[1], (int)expected->dim[0], (galen_filter)f, &out, &err),
                  err);
        compare(name, &out, expected);
        galen_image_free(&out);
        return 1;
    }
    return 0;
}

/* "FILE/resize256_crop224": the shorter side to 256, the longer one rounded, then the centre. */
static int one_crop(const gal_npz *npz, const char *name, const galen_tensor *expected) {
    const char *at = strstr(name, "/resize256_crop224");
    char source[256];
    const galen_tensor *t = NULL;
    galen_error err = {0};
    galen_image big, out;
    if (!at) return 0;
    (void)snprintf(source, sizeof source, "%.*s/source", (int)(at - name), name);
    assert_ok(gal_npz_find(npz, source, &t, &err), err);
    galen_image image = as_image(t);
    int w = image.width, h = image.height, shorter = w < h ? w : h;
    int rw = (2 * w * 256 + shorter) / (2 * shorter), rh = (2 * h * 256 + shorter) / (2 * shorter);
    assert_ok(galen_image_resize(&image, rw, rh, GALEN_FILTER_BILINEAR, &big, &err), err);
    assert_ok(galen_image_crop(&big, (rw - 224) / 2, (rh - 224) / 2, 224, 224, &out, &err), err);
    compare(name, &out, expected);
    galen_image_free(&big);
    galen_image_free(&out);
    return 1;
}

static void test_resize(void **state) {
    (void)state;
    gal_npz *npz = open_npz(test_shared("golden/resize.npz"));
    int resized = 0, cropped = 0;
    for (size_t i = 0; i < gal_npz_count(npz); i++) {
        const char *name = NULL;
        const galen_tensor *t = gal_npz_at(npz, i, &name);
        resized += one_resize(npz, name, t);
        cropped += one_crop(npz, name, t);
    }
    assert_int_equal(resized, 96);
    assert_int_equal(cropped, 6);
    gal_npz_free(npz);
}

static void unpack(const char *archive, const char *folder) {
    extern char **environ;
    char *arguments[] = {"tar", "-xzf", (char *)archive, "-C", (char *)folder, "dataset/test", NULL};
    pid_t child;
    int status = 0;
    assert_int_equal(posix_spawnp(&child, "tar", NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list(const char *folder, char **names, size_t max) {
    DIR *dir = opendir(folder);
    size_t n = 0;
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e && n < max; e = readdir(dir))
        if (e->d_name[0] != '.') names[n++] = strdup(e->d_name);
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    return n;
}

static void one_decode(const char *folder, const char *name, const uint8_t *expected) {
    char path[PATH + 256];
    size_t size;
    galen_error err = {0};
    galen_image image, grey, out;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    unsigned char *bytes = test_read(path, &size);
    assert_ok(galen_image_decode(bytes, size, NULL, &image, &err), err);
    assert_ok(galen_image_to_grey(&image, &grey, &err), err);
    assert_ok(galen_image_resize(&grey, SIDE, SIDE, GALEN_FILTER_BILINEAR, &out, &err), err);
    if (memcmp(out.data, expected, SIDE * SIDE)) fail_msg("%s differs from Pillow", name);
    galen_image_free(&image);
    galen_image_free(&grey);
    galen_image_free(&out);
    free(bytes);
}

/* The first 32 and last 32 of the 624 test files, from the JPEG up. */
static void test_decode(void **state) {
    (void)state;
    char folder[PATH], *names[700];
    const galen_tensor *pixels = NULL;
    galen_error err = {0};
    const char *archive = test_shared("images/cxr224.tar.gz");
    gal_npz *npz = open_npz(test_shared("golden/cxr64-inputs.npz"));
    assert_ok(gal_npz_expect(npz, "pixels", GALEN_U8, 3, (int64_t[]){2 * HALF, SIDE, SIDE}, &pixels, &err), err);
    unpack(archive, test_tmp());
    for (int label = 0; label < 2; label++) {
        (void)snprintf(folder, sizeof folder, "%s/dataset/test/%s", test_tmp(), label ? "PNEUMONIA" : "NORMAL");
        size_t n = list(folder, names, 700), first = label ? n - HALF : 0;
        assert_int_equal(n, label ? 390 : 234);
        for (size_t i = 0; i < HALF; i++)
            one_decode(folder, names[first + i],
                       (const uint8_t *)pixels->data + ((size_t)label * HALF + i) * SIDE * SIDE);
        for (size_t i = 0; i < n; i++) free(names[i]);
    }
    gal_npz_free(npz);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resize), cmocka_unit_test(test_decode)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
