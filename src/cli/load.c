/* What MODEL names on a command line. */
#include "cli/cli.h"

#include "base/error.h"
#include "model/zoo/zoo.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Folder of the running program, without a slash at the end; "" when unknown. */
static const char *program_folder(void) {
    static char folder[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[n > 0 ? n : 0] = 0;
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    return folder;
}

galen_status cli_shipped(const char *file, const char **path, galen_error *err) {
    /* In the build folder, in the source tree above it, and in prefix/share beside prefix/bin. */
    static const char *const place[] = {"/models", "/../models", "/../share/galen/models"};
    static char found[PATH_MAX];
    const char *folder = program_folder();
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        int n = snprintf(found, sizeof found, "%s%s/%s", folder, place[i], file);
        if (n > 0 && (size_t)n < sizeof found && access(found, R_OK) == 0) {
            *path = found;
            return GALEN_OK;
        }
    }
    return gal_fail(err, GALEN_ERR_IO,
                    "%s, which ships with Galen, is not in models/ or share/galen/models beside the program; install "
                    "Galen again or name a file of your own",
                    file);
}

galen_status cli_model_path(const char *name, const char **path, galen_error *err) {
    *path = name;
    return strcmp(name, "default") == 0 ? cli_shipped("cxr64-small.onnx", path, err) : GALEN_OK;
}

galen_status cli_load(const cli_args *args, const char *name, const gal_weights *weights, gal_model **out,
                      galen_error *err) {
    const char *path;
    if (!strncmp(name, "zoo:", 4)) {
        gal_zoo_options o = {.channels = (int)cli_number(args, "channels", 0),
                             .classes = (int)cli_number(args, "classes", 0)};
        o.height = o.width = (int)cli_number(args, "size", 0);
        return gal_zoo_build(name + 4, &o, weights, out, err);
    }
    GAL_TRY(cli_model_path(name, &path, err));
    return gal_onnx_load(path, NULL, out, err);
}
