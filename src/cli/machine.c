/* Reads /proc, /sys and /dev. */
#include "cli/machine.h"

#include "base/cgroup.h"

#include <dlfcn.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The first line of a small file; "" when it cannot be read. */
static void read_line(const char *path, char *out, size_t size) {
    out[0] = 0;
    FILE *f = fopen(path, "r");
    if (!f) return;
    if (!fgets(out, (int)size, f)) out[0] = 0;
    fclose(f);
    out[strcspn(out, "\n")] = 0;
}

/* The text behind "key ... :" in a file of such lines; "" when absent. */
static void read_field(const char *path, const char *key, char *out, size_t size) {
    char line[512];
    size_t n = strlen(key);
    out[0] = 0;
    FILE *f = fopen(path, "r");
    if (!f) return;
    while (!out[0] && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, n) != 0 || (line[n] != ':' && line[n] != '\t' && line[n] != ' ')) continue;
        char *value = colon + 1 + strspn(colon + 1, " \t");
        value[strcspn(value, "\n")] = 0;
        snprintf(out, size, "%s", value);
    }
    fclose(f);
}

static double read_kib(const char *path, const char *key) {
    char value[64];
    read_field(path, key, value, sizeof value);
    return strtod(value, NULL) * 1024;
}

double machine_peak_memory(void) {
    return read_kib("/proc/self/status", "VmHWM");
}

void machine_cpu_name(char *out, size_t size) {
    read_field("/proc/cpuinfo", "model name", out, size);
    if (!out[0]) read_field("/proc/cpuinfo", "Processor", out, size);
    if (!out[0]) snprintf(out, size, "unknown processor");
}

static void look_at_caches(machine_facts *m) {
    char path[128], level[16];
    for (int i = 0; i < MACHINE_MAX_CACHES; i++) {
        machine_cache *c = &m->cache[m->n_cache];
        const char *root = "/sys/devices/system/cpu/cpu0/cache/index";
        snprintf(path, sizeof path, "%s%d/level", root, i);
        read_line(path, level, sizeof level);
        if (!level[0]) return;
        c->level = (int)strtol(level, NULL, 10);
        snprintf(path, sizeof path, "%s%d/type", root, i);
        read_line(path, c->type, sizeof c->type);
        snprintf(path, sizeof path, "%s%d/size", root, i);
        read_line(path, c->size, sizeof c->size);
        snprintf(path, sizeof path, "%s%d/shared_cpu_list", root, i);
        read_line(path, c->shared_by, sizeof c->shared_by);
        m->n_cache++;
    }
}

static void add_gpus(machine_facts *m, const char *pattern, const char *kind) {
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) return;
    for (size_t i = 0; i < found.gl_pathc && m->n_gpu < MACHINE_MAX_GPUS; i++) {
        char vendor[16] = "", path[256];
        if (!strncmp(found.gl_pathv[i], "/sys/", 5)) {
            snprintf(path, sizeof path, "%s/device/vendor", found.gl_pathv[i]);
            read_line(path, vendor, sizeof vendor);
        }
        const char *maker = !strcmp(vendor, "0x10de")   ? " (NVIDIA)"
                            : !strcmp(vendor, "0x1002") ? " (AMD)"
                            : !strcmp(vendor, "0x8086") ? " (Intel)"
                                                        : "";
        snprintf(m->gpu[m->n_gpu++], MACHINE_TEXT, "%s: %.100s%s", kind, found.gl_pathv[i], maker);
    }
    globfree(&found);
}

static void look_at_gpus(machine_facts *m) {
    add_gpus(m, "/dev/nvidia[0-9]*", "NVIDIA device");
    add_gpus(m, "/dev/kfd", "AMD compute device");
    add_gpus(m, "/sys/class/drm/card[0-9]", "display adapter");
    void *cuda = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    m->nvidia_driver = cuda != NULL;
    if (cuda) dlclose(cuda);
    m->amd_driver = access("/dev/kfd", F_OK) == 0;
}

void machine_look(machine_facts *m) {
    cpu_set_t allowed;
    struct utsname name;
    memset(m, 0, sizeof *m);
    machine_cpu_name(m->cpu, sizeof m->cpu);
    if (uname(&name) == 0)
        snprintf(m->kernel, sizeof m->kernel, "%.40s %.60s %.40s", name.sysname, name.release, name.machine);
    m->cpus_online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    m->cpus_allowed = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : m->cpus_online;
    m->cgroup_cpus = gal_cgroup_cpus();
    m->memory = read_kib("/proc/meminfo", "MemTotal");
    m->available = read_kib("/proc/meminfo", "MemAvailable");
    m->cgroup_memory = (double)gal_cgroup_memory();
    look_at_caches(m);
    look_at_gpus(m);
}
