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
    static const char *const place[] = {"", "/..", "/../share/galen"};
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
                    "%s, which ships with Galen, is neither beside the program nor in share/galen; install Galen again "
                    "or name a file of your own",
                    file);
}

galen_status cli_model_path(const char *name, const char **path, galen_error *err) {
    *path = name;
    return strcmp(name, "default") == 0 ? cli_shipped("models/cxr64-small.onnx", path, err) : GALEN_OK;
}

galen_status cli_policy_path(const char *name, const char **path, galen_error *err) {
    static const char *const shipped[] = {"minimal", "balanced", "aggressive", "medical-critical"};
    char file[64];
    *path = name;
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++) {
        if (strcmp(name, shipped[i]) != 0) continue;
        (void)snprintf(file, sizeof file, "policies/%s.json", name);
        return cli_shipped(file, path, err);
    }
    if (!strpbrk(name, "./"))
        return gal_fail(
            err, GALEN_ERR_ARGUMENT,
            "'%.60s' is no policy that ships: minimal, balanced, aggressive, medical-critical; of a file give "
            "the path, such as ./%.60s.json",
            name, name);
    return GALEN_OK;
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
