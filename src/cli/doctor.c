/* galen doctor: what this machine has, what Galen will use, and why. */
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/machine.h"
#include "cli/table.h"

#include "base/error.h"
#include "base/plugin.h"
#include "base/pool.h"
#include "cpu/peak.h"

#include <galen/version.h>
#include <math.h>

typedef struct plugin_state {
    const char *name, *what;
    bool found;
    char error[GALEN_ERROR_MAX];
} plugin_state;

typedef struct diagnosis {
    machine_facts machine;
    int threads;
    char thread_reason[200], isa_reason[200], gpu_reason[200];
    plugin_state plugin[2];
    const char *model;
    char model_error[GALEN_ERROR_MAX];
    bool healthy, measured;
    gal_peaks peaks; /* when measured */
} diagnosis;

static void explain_threads(diagnosis *d) {
    const machine_facts *m = &d->machine;
    d->threads = gal_pool_available_threads();
    if (m->cgroup_cpus > 0 && m->cgroup_cpus < m->cpus_allowed)
        snprintf(d->thread_reason, sizeof d->thread_reason, "the control group allows %.2f of %d processors",
                 m->cgroup_cpus, m->cpus_allowed);
    else if (m->cpus_allowed < m->cpus_online)
        snprintf(d->thread_reason, sizeof d->thread_reason, "the affinity mask allows %d of %d processors",
                 m->cpus_allowed, m->cpus_online);
    else
        snprintf(d->thread_reason, sizeof d->thread_reason, "all %d processors, no quota", m->cpus_online);
}

static void explain_isa(diagnosis *d, const cli_args *args) {
    if (args->isa_asked && *args->isa_asked)
        snprintf(d->isa_reason, sizeof d->isa_reason, "GALEN_CPU=%.20s asks for it; this machine has %s",
                 args->isa_asked, gal_isa_name(gal_isa_detect()));
    else
        snprintf(d->isa_reason, sizeof d->isa_reason,
                 "the best this machine has and the system enabled; GALEN_CPU is not set");
}

static void explain_gpus(diagnosis *d) {
    const machine_facts *m = &d->machine;
    if (m->nvidia_driver || m->amd_driver)
        snprintf(d->gpu_reason, sizeof d->gpu_reason,
                 "a GPU driver is there (%s), but this version of Galen runs on the CPU only",
                 m->nvidia_driver ? "NVIDIA" : "AMD");
    else
        snprintf(d->gpu_reason, sizeof d->gpu_reason, "no NVIDIA or AMD compute driver here; Galen runs on the CPU");
}

static void look(diagnosis *d, const cli_args *args) {
    galen_error err;
    const void *symbol;
    d->healthy = true;
    machine_look(&d->machine);
    explain_threads(d);
    explain_isa(d, args);
    explain_gpus(d);
    d->plugin[0] = (plugin_state){.name = "dicom", .what = "DICOM files"};
    d->plugin[1] = (plugin_state){.name = "archive", .what = ".pth and .npz files"};
    for (int i = 0; i < 2; i++) {
        plugin_state *p = &d->plugin[i];
        p->found = gal_plugin_load(p->name, &symbol, &err) == GALEN_OK;
        if (!p->found) snprintf(p->error, sizeof p->error, "%s", err.message);
        d->healthy &= p->found;
    }
    if (cli_model_path("default", &d->model, &err) != GALEN_OK) {
        d->model = NULL;
        snprintf(d->model_error, sizeof d->model_error, "%s", err.message);
        d->healthy = false;
    }
}

static galen_status measure_peaks(diagnosis *d, gal_isa isa, galen_error *err) {
    gal_pool *pool = NULL;
    GAL_TRY(gal_pool_create(d->threads, &pool, err));
    for (int a = 0; a < GAL_ARITHMETIC_COUNT; a++)
        if (gal_arithmetics_here(isa) >> a & 1) d->peaks.gops[a] = gal_peak_gops((gal_arithmetic)a, pool);
    galen_status status = gal_peak_bandwidths(isa, pool, &d->peaks, err);
    gal_pool_destroy(pool);
    d->measured = status == GALEN_OK;
    return status;
}

static void print_peaks(const diagnosis *d) {
    printf("\nMeasured, %d threads together\n", d->threads);
    for (int a = 0; a < GAL_ARITHMETIC_COUNT; a++)
        if (d->peaks.gops[a] > 0)
            printf("%-12s %8.0f GFLOP/s\n", gal_arithmetic_name((gal_arithmetic)a), d->peaks.gops[a]);
    for (int m = 0; m < GAL_STORE_COUNT; m++)
        if (d->peaks.gbytes[m] > 0) printf("read %-7s %8.1f GB/s\n", gal_store_name((gal_store)m), d->peaks.gbytes[m]);
}

static void json_peaks(cli_json *json, const diagnosis *d) {
    json_open(json, "peak_gflops", '{');
    for (int a = 0; a < GAL_ARITHMETIC_COUNT; a++)
        if (d->peaks.gops[a] > 0) json_number(json, gal_arithmetic_name((gal_arithmetic)a), d->peaks.gops[a]);
    json_close(json, '}');
    json_open(json, "peak_gbytes_per_second", '{');
    for (int m = 0; m < GAL_STORE_COUNT; m++)
        if (d->peaks.gbytes[m] > 0) json_number(json, gal_store_name((gal_store)m), d->peaks.gbytes[m]);
    json_close(json, '}');
}

static void print_limits(const machine_facts *m) {
    char a[TABLE_NUMBER], b[TABLE_NUMBER];
    printf("memory     %s, %s available", table_bytes(a, m->memory), table_bytes(b, m->available));
    if (m->cgroup_memory > 0) printf("; the control group allows %s", table_bytes(a, m->cgroup_memory));
    puts("");
    for (int i = 0; i < m->n_cache; i++)
        printf("cache      L%d %-11s %s (processors %s)\n", m->cache[i].level, m->cache[i].type, m->cache[i].size,
               m->cache[i].shared_by);
    printf("processors %d online, %d allowed, ", m->cpus_online, m->cpus_allowed);
    if (m->cgroup_cpus > 0)
        printf("quota %.2f\n", m->cgroup_cpus);
    else
        puts("no quota");
}

static void print_table(const diagnosis *d, const cli_args *args) {
    const machine_facts *m = &d->machine;
    printf("galen      %s\nsystem     %s\nprocessor  %s\n", galen_version(), m->kernel, m->cpu);
    print_limits(m);
    for (int i = 0; i < m->n_gpu; i++) printf("gpu        %s\n", m->gpu[i]);
    if (!m->n_gpu) puts("gpu        none seen");
    puts("\nGalen will use");
    printf("device     cpu: %s\n", d->gpu_reason);
    printf("threads    %d: %s\n", d->threads, d->thread_reason);
    printf("isa        %s: %s\n", gal_isa_name(args->isa), d->isa_reason);
    printf("precision  the model file's own\n");
    for (int i = 0; i < 2; i++)
        printf("plug-in    %s: %s\n", d->plugin[i].name, d->plugin[i].found ? d->plugin[i].what : d->plugin[i].error);
    printf("default    %s\n", d->model ? d->model : d->model_error);
    if (d->measured) print_peaks(d);
    puts(d->healthy ? "\nAll is well." : "\nSomething is missing; the lines above say what to do.");
}

static void json_machine(cli_json *json, const machine_facts *m) {
    json_open(json, "machine", '{');
    json_text(json, "system", m->kernel);
    json_text(json, "cpu", m->cpu);
    json_int(json, "cpus_online", m->cpus_online);
    json_int(json, "cpus_allowed", m->cpus_allowed);
    json_number(json, "cgroup_cpus", m->cgroup_cpus > 0 ? m->cgroup_cpus : (double)NAN);
    json_int(json, "memory_bytes", (int64_t)m->memory);
    json_int(json, "memory_available_bytes", (int64_t)m->available);
    if (m->cgroup_memory > 0)
        json_int(json, "cgroup_memory_bytes", (int64_t)m->cgroup_memory);
    else
        json_raw(json, "cgroup_memory_bytes", "null");
    json_open(json, "caches", '[');
    for (int i = 0; i < m->n_cache; i++) {
        json_open(json, NULL, '{');
        json_int(json, "level", m->cache[i].level);
        json_text(json, "type", m->cache[i].type);
        json_text(json, "size", m->cache[i].size);
        json_text(json, "shared_by", m->cache[i].shared_by);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_open(json, "gpus", '[');
    for (int i = 0; i < m->n_gpu; i++) json_text(json, NULL, m->gpu[i]);
    json_close(json, ']');
    json_bool(json, "nvidia_driver", m->nvidia_driver);
    json_bool(json, "amd_driver", m->amd_driver);
    json_close(json, '}');
}

static void print_json(const diagnosis *d, const cli_args *args) {
    cli_json json = json_start(stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "version", galen_version());
    json_machine(&json, &d->machine);
    json_open(&json, "use", '{');
    json_text(&json, "device", "cpu");
    json_text(&json, "device_reason", d->gpu_reason);
    json_int(&json, "threads", d->threads);
    json_text(&json, "threads_reason", d->thread_reason);
    json_text(&json, "isa", gal_isa_name(args->isa));
    json_text(&json, "isa_detected", gal_isa_name(gal_isa_detect()));
    json_text(&json, "isa_reason", d->isa_reason);
    json_text(&json, "default_model", d->model);
    json_close(&json, '}');
    json_open(&json, "plugins", '[');
    for (int i = 0; i < 2; i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "name", d->plugin[i].name);
        json_bool(&json, "found", d->plugin[i].found);
        json_text(&json, "error", d->plugin[i].found ? NULL : d->plugin[i].error);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    if (d->measured) json_peaks(&json, d);
    json_bool(&json, "healthy", d->healthy);
    json_close(&json, '}');
}

static const cli_option options[] = {
    {.name = "peaks",
     .type = CLI_FLAG,
     .help = "measure arithmetic and memory too, about a second: what the shares of galen profile are of"},
};

static cli_exit run(const cli_args *args) {
    static diagnosis d;
    galen_error err;
    look(&d, args);
    if (cli_get(args, "peaks")->set && measure_peaks(&d, args->isa, &err) != GALEN_OK)
        return cli_fail_error(args, &err);
    if (args->json)
        print_json(&d, args);
    else
        print_table(&d, args);
    return d.healthy ? CLI_DONE : CLI_NO;
}

const cli_verb cli_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "show the machine, what Galen will use of it, and why",
    .text =
        "Shows processor, caches, memory, quotas and GPUs, and what Galen makes of them. Exit code 1 says that a plug-in or "
        "the default model is missing.",
    .example = "galen doctor\tthe whole list\n"
               "GALEN_CPU=avx2 galen doctor\twhat a cap does",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
};
