/* CPU quotas of Linux control groups, versions 1 and 2. */
#ifndef GAL_BASE_CGROUP_H
#define GAL_BASE_CGROUP_H

/* The tightest CPU quota above this process in cores (2.5 = two and a half), or 0 when there is none. */
double gal_cgroup_cpus(void);
/* The tightest memory limit in bytes, or 0 when there is none. */
unsigned long long gal_cgroup_memory(void);

/* "QUOTA PERIOD" or "max PERIOD" (cpu.max) in cores; 0: no limit or not understood. */
double gal_cgroup_parse_cpu_max(const char *text);
/*
 * The path of a controller in the text of /proc/self/cgroup: `controller` "" asks for version 2's unified line
 * ("0::/path"). Returns 1 and fills `path`, or 0.
 */
int gal_cgroup_parse_path(const char *text, const char *controller, char *path, unsigned long size);

#endif
