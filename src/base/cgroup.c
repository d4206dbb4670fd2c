/* Reads the quota files of every group from this process's own up to the root. */
#include "base/cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_text(const char *path, char *out, size_t size) {
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    size_t n = fread(out, 1, size - 1, f);
    fclose(f);
    out[n] = '\0';
    return n > 0;
}

double gal_cgroup_parse_cpu_max(const char *text) {
    char *end;
    double quota = strtod(text, &end);
    if (end == text) return 0;
    double period = strtod(end, NULL);
    return quota > 0 && period > 0 ? quota / period : 0;
}

/* One line of /proc/self/cgroup is "id:controller,controller:/path". */
int gal_cgroup_parse_path(const char *text, const char *controller, char *path, unsigned long size) {
    for (const char *line = text; *line; line += *line == '\n') {
        const char *end = strchr(line, '\n');
        if (!end) end = line + strlen(line);
        const char *list = memchr(line, ':', (size_t)(end - line));
        const char *where = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;
        if (where) {
            char names[256];
            snprintf(names, sizeof names, ",%.*s,", (int)(where - list - 1), list + 1);
            char wanted[64];
            snprintf(wanted, sizeof wanted, ",%s,", controller);
            if (strstr(names, wanted) && (size_t)(end - where) <= size) {
                snprintf(path, size, "%.*s", (int)(end - where - 1), where + 1);
                return 1;
            }
        }
        line = end;
    }
    return 0;
}

/* Calls read(folder) for the group at root/path and every group above it; keeps the smallest positive answer. */
static double tightest(const char *root, char *path, double (*read)(const char *folder)) {
    double least = 0;
    for (;;) {
        char folder[PATH_MAX];
        int n = snprintf(folder, sizeof folder, "%s%s", root, path);
        double here = n > 0 && (size_t)n < sizeof folder ? read(folder) : 0;
        if (here > 0 && (least == 0 || here < least)) least = here;
        char *slash = strrchr(path, '/');
        if (!slash) return least;
        *slash = '\0';
    }
}

static double number_in(const char *folder, const char *file) {
    char path[PATH_MAX], text[64];
    int n = snprintf(path, sizeof path, "%s/%s", folder, file);
    return n > 0 && (size_t)n < sizeof path && read_text(path, text, sizeof text) ? strtod(text, NULL) : 0;
}

static double cpu_v2(const char *folder) {
    char path[PATH_MAX], text[64];
    int n = snprintf(path, sizeof path, "%s/cpu.max", folder);
    return n > 0 && (size_t)n < sizeof path && read_text(path, text, sizeof text) ? gal_cgroup_parse_cpu_max(text) : 0;
}

static double cpu_v1(const char *folder) {
    double quota = number_in(folder, "cpu.cfs_quota_us"), period = number_in(folder, "cpu.cfs_period_us");
    return quota > 0 && period > 0 ? quota / period : 0;
}

static double memory_v2(const char *folder) {
    return number_in(folder, "memory.max");
}

static double memory_v1(const char *folder) {
    double bytes = number_in(folder, "memory.limit_in_bytes");
    return bytes < 0x1p62 ? bytes : 0; /* "no limit" is written as the largest page-aligned number */
}

static double smaller(double a, double b) {
    return a == 0 ? b : b == 0 ? a : a < b ? a : b;
}

static double limit_of(const char *controller, const char *v1_root, double (*v1)(const char *),
                       double (*v2)(const char *)) {
    char text[4096], path[PATH_MAX];
    if (!read_text("/proc/self/cgroup", text, sizeof text)) return 0;
    double least = 0;
    if (gal_cgroup_parse_path(text, "", path, sizeof path)) least = tightest("/sys/fs/cgroup", path, v2);
    if (gal_cgroup_parse_path(text, controller, path, sizeof path)) least = smaller(least, tightest(v1_root, path, v1));
    return least;
}

double gal_cgroup_cpus(void) {
    return limit_of("cpu", "/sys/fs/cgroup/cpu", cpu_v1, cpu_v2);
}

unsigned long long gal_cgroup_memory(void) {
    return (unsigned long long)limit_of("memory", "/sys/fs/cgroup/memory", memory_v1, memory_v2);
}
