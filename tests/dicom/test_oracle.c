/* Pictures against DCMTK's own renderer. Its window arithmetic truncates where ours rounds, so levels may differ by
 * one. */
#include "support/shared.h"

#include <galen/dicom.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

/* Runs dcmj2pnm; 127 when it is not installed. */
static int render(const char *file, const char *option, const char *value, const char *out) {
    char *command[] = {(char *)"dcmj2pnm",
                       (char *)"-q",
                       (char *)"+op",
                       (char *)(uintptr_t)option,
                       (char *)(uintptr_t)value,
                       (char *)(uintptr_t)file,
                       (char *)(uintptr_t)out,
                       NULL};
    if (!value) {
        command[4] = command[5];
        command[5] = command[6];
        command[6] = NULL;
    }
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, command[0], NULL, NULL, command, environ) != 0) return 127;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return 1;
    return WEXITSTATUS(status);
}

/* Skips the header of a raw PNM with 8-bit samples and checks that its pixels end the file. */
static const uint8_t *pnm_pixels(const unsigned char *bytes, size_t size, const galen_image *image) {
    int width, height, levels, at = 0;
    char kind;
    assert_true(sscanf((const char *)bytes, "P%c %d %d %d%n", &kind, &width, &height, &levels, &at) == 4);
    assert_true(kind == (image->channels == 3 ? '6' : '5') && levels == 255);
    assert_true(width == image->width && height == image->height);
    size_t n = (size_t)width * (size_t)height * (size_t)image->channels;
    assert_true((size_t)at + 1 + n == size);
    return bytes + at + 1;
}

static void compare(const char *name, const char *option, const char *value) {
    const char *file = test_shared(name);
    char out[512];
    snprintf(out, sizeof out, "%s/picture.pnm", test_tmp());
    int code = render(file, option, value, out);
    if (code == 127) {
        fprintf(stderr, "SKIPPED: dcmj2pnm is not installed (package dcmtk)\n");
        skip();
    }
    assert_int_equal(code, 0);
    size_t size, pnm_size;
    unsigned char *bytes = test_read(file, &size), *pnm = test_read(out, &pnm_size);
    galen_image image;
    galen_error err;
    assert_ok(galen_dicom_read(bytes, size, NULL, &image, NULL, &err), err);
    const uint8_t *truth = pnm_pixels(pnm, pnm_size, &image), *ours = image.data;
    for (size_t i = 0; i < (size_t)image.width * (size_t)image.height * (size_t)image.channels; i++)
        if (abs(ours[i] - truth[i]) > 1) fail_msg("%s: sample %zu is %d, dcmj2pnm has %d", name, i, ours[i], truth[i]);
    galen_image_free(&image);
    free(bytes);
    free(pnm);
}

static void windows(void **state) {
    (void)state;
    compare("dicom/syntaxes/CTImage.dcm", "+Wi", "1");
    compare("dicom/pydicom/test_files/MR_small.dcm", "+Wi", "1");
    compare("dicom/syntaxes/CTImage.dcm_JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm", "+Wi", "1");
}

static void smallest_to_largest(void **state) {
    (void)state;
    compare("dicom/pydicom/test_files/CT_small.dcm", "+Wm", NULL);
    compare("dicom/pydicom/test_files/JPGExtended.dcm", "+Wm", NULL);
    compare("dicom/pydicom/test_files/rtdose_1frame.dcm", "+Wm", NULL);
}

static void colours(void **state) {
    (void)state;
    static const char *const names[] = {
        "examples_palette.dcm",    "examples_ybr_color.dcm",     "SC_ybr_full_422_uncompressed.dcm",
        "SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_jpeg_lossy_gdcm.dcm", "ExplVR_BigEnd.dcm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "dicom/pydicom/test_files/%s", names[i]);
        compare(path, "-O", NULL);
    }
    compare("dicom/syntaxes/US-YBR_FULL_422-EVRLE.dcm", "-O", NULL);
    compare("dicom/syntaxes/no-pixel-spacing.dcm", "-O", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows),
        cmocka_unit_test(smallest_to_largest),
        cmocka_unit_test(colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
