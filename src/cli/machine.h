/* What the machine is, as the operating system tells it: for doctor and for the heads of measurements. */
#ifndef GAL_CLI_MACHINE_H
#define GAL_CLI_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

enum { MACHINE_TEXT = 160, MACHINE_MAX_CACHES = 8, MACHINE_MAX_GPUS = 16 };

typedef struct machine_cache {
    int level;
    char type[16], size[16], shared_by[64];
} machine_cache;

typedef struct machine_facts {
    char cpu[MACHINE_TEXT], kernel[MACHINE_TEXT];
    int cpus_online, cpus_allowed;
    double cgroup_cpus;       /* 0: no quota */
    double memory, available; /* bytes, 0: unknown */
    double cgroup_memory;     /* bytes, 0: no limit */
    machine_cache cache[MACHINE_MAX_CACHES];
    int n_cache;
    char gpu[MACHINE_MAX_GPUS][MACHINE_TEXT];
    int n_gpu;
    bool nvidia_driver, amd_driver; /* libcuda.so.1 can be loaded; /dev/kfd is there */
} machine_facts;

void machine_look(machine_facts *out);
/* Only the processor's name, for one line. */
void machine_cpu_name(char *out, size_t size);
/* The process's largest resident memory so far in bytes, 0 when unknown. */
double machine_peak_memory(void);

#endif
