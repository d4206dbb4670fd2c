/* Finding and loading plug-ins. */
#include "base/plugin.h"

#include "base/error.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GALEN_PLUGIN_DIR
#define GALEN_PLUGIN_DIR "/usr/local/lib/galen"
#endif

/* The folder of the program or library this code is part of, without a trailing slash. */
static void own_folder(char *out, size_t size) {
    Dl_info info;
    char real[PATH_MAX];
    out[0] = '\0';
    if (!dladdr((const void *)&gal_plugin_load, &info) || !info.dli_fname) return;
    /* For the main program dli_fname is argv[0], which need not be a path. */
    const char *found = strchr(info.dli_fname, '/') ? realpath(info.dli_fname, real) : realpath("/proc/self/exe", real);
    char *slash = found ? strrchr(real, '/') : NULL;
    if (slash) snprintf(out, size, "%.*s", (int)(slash - real), real);
}

static void *open_in(const char *folder, const char *name) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/libgalen-%s.so", folder, name);
    return n > 0 && (size_t)n < sizeof path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

galen_status gal_plugin_load(const char *name, const void **symbol, galen_error *err) {
    /* Seen from the program in a build tree or prefix/bin, from a test in the build tree, and from
     * prefix/lib/libgalen.so. */
    static const char *const place[] = {"/lib/galen", "/../lib/galen", "/galen"};
    char own[PATH_MAX], folder[PATH_MAX], wanted[64], why[256] = "";
    own_folder(own, sizeof own);
    void *handle = NULL;
    for (size_t i = 0; i <= sizeof place / sizeof place[0] && !handle; i++) {
        bool installed = i == sizeof place / sizeof place[0];
        int n = installed ? snprintf(folder, sizeof folder, "%s", GALEN_PLUGIN_DIR)
                          : snprintf(folder, sizeof folder, "%s%s", own, place[i]);
        if (n < 0 || (size_t)n >= sizeof folder) continue;
        handle = open_in(folder, name);
        const char *said = handle ? NULL : dlerror();
        if (said && !strstr(said, "No such file") && !strstr(said, "Not a directory"))
            snprintf(why, sizeof why, " (%s)", said);
    }
    if (!handle)
        return gal_fail(
            err, GALEN_ERR_UNSUPPORTED,
            "the plug-in libgalen-%s.so is not found%s; install it in lib/galen beside the program's folder", name,
            why);
    snprintf(wanted, sizeof wanted, "galen_%s_plugin", name);
    *symbol = dlsym(handle, wanted);
    if (!*symbol)
        return gal_fail(err, GALEN_ERR_INTERNAL,
                        "libgalen-%s.so has no symbol %s; install the version that came with this program", name,
                        wanted);
    return GALEN_OK;
}
