/*
 * galen-check: every fast kernel against the plain C reference of its op.
 *
 *   galen-check                     all rows, quick; exit 1 when one is wrong
 *   galen-check --row conv_f32      only rows whose name contains this text; --op Conv: only rows of this op
 *   galen-check --cases 500         random problems a row
 *   galen-check --seed 7            another set of problems; the seed is printed and repeats them
 *   galen-check --readable-guard    what lies behind a buffer may be read, not written (qemu reads it in masked loads)
 *   galen-check --list              the rows
 *   galen-check --bench [--batch N] [--threads N]   speed instead of correctness, and the share of the row's roofline
 *   galen-check --bench --at-least 60   marks large convolutions below 60 % of it; exit 1 when there is one
 *
 * For each problem: nothing outside the buffers is read or written (unreadable pages, patterns), the result is the
 * reference's within a tolerance scaled by the terms summed, and the bits are the same when repeated, on two threads,
 * and image by image. Rows that take a pitch do the same in slices of wider tensors: the same bits, and nothing
 * written between the pixels.
 */
#include "base/half.h"
#include "call.h"
#include "guard.h"
#include "measure.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DRAWS = 3 };

typedef struct options {
    const char *row, *op;
    uint64_t seed;
    int cases, threads;
    int64_t batch;
    double at_least;
    bool list, bench;
} options;

typedef struct tally {
    int tried, refused, wrong;
} tally;

/* What runs now, for the report of a crash. */
static char current[1024];

/* A guard page was touched: say by what. */
static void crashed(int signal) {
    (void)signal;
    static const char what[] = "WRONG: reads or writes outside a buffer: ";
    ssize_t n = write(STDOUT_FILENO, what, sizeof what - 1);
    n += write(STDOUT_FILENO, current, strlen(current));
    _exit(n > 0 ? 1 : 3);
}

static void complain(const gal_kernel *kernel, const kernel_case *c, const options *opt, const char *what) {
    printf(
        "WRONG %s (%s): %s\n      batch %lld, %s\n      again: galen-check --row %s --op %s --seed %llu --cases %d\n",
        kernel->name, kernel->op, what, (long long)c->batch, c->text, kernel->name, kernel->op,
        (unsigned long long)opt->seed, opt->cases);
}

static double element(const galen_tensor *t, int64_t i) {
    if (t->dtype == GALEN_U8) return ((const uint8_t *)t->data)[i];
    if (t->dtype == GALEN_I8) return ((const int8_t *)t->data)[i];
    if (t->dtype == GALEN_F16) return (double)gal_f16_to_f32(((const uint16_t *)t->data)[i]);
    if (t->dtype == GALEN_I32) return ((const int32_t *)t->data)[i];
    return t->dtype == GALEN_BF16 ? (double)gal_bf16_to_f32(((const uint16_t *)t->data)[i])
                                  : (double)((const float *)t->data)[i];
}

/*
 * The first element that is further from the reference than the terms summed excuse; false when none is. A bf16
 * result may round to the neighbour (2^-7 of it; f16: 2^-10, or 2^-24) where the f32 sums differ across the middle,
 * and so may what a chain of layers rounds in between.
 */
static bool output_differs(const galen_tensor *ref, const galen_tensor *got, const kernel_case *c, double magnitude,
                           char *what, size_t size) {
    int64_t n = galen_tensor_elements(ref);
    double depth = c->depth, unit = depth > 1 ? 0x1p-23 * (16 + 8 * sqrt(depth)) : 0x1p-23 * 8,
           base = depth > 1 ? 4 : 1;
    if (magnitude > base) base = magnitude;
    double step = ref->dtype == GALEN_BF16 ? 0x1p-7 : ref->dtype == GALEN_F16 ? 0x1p-10 : 0;
    for (int64_t i = 0; i < n; i++) {
        double r = element(ref, i), g = element(got, i), far = fabs(r - g);
        if (far <= unit * (base + fabs(r)) + step * (c->between + fabs(r)) || (isnan(r) && isnan(g)) || r == g)
            continue;
        snprintf(what, size, "element %lld is %.9g, the reference says %.9g", (long long)i, g, r);
        return true;
    }
    return false;
}

static bool differs(const prepared *ref, const prepared *got, const kernel_case *c, char *what, size_t size) {
    for (uint32_t k = 0; k <= ref->n_more; k++)
        if (output_differs(call_output(ref, k), call_output(got, k), c, k == 0 ? c->magnitude : c->more_magnitude, what,
                           size))
            return true;
    return false;
}

/* Every item of the batch has outputs of its own, which no other item changes. */
static bool is_items(const gal_node *node) {
    for (uint32_t i = 0; i < node->n_out; i++)
        if (!node->out[i]->shape.dim[0].batch) return false;
    return true;
}

/* NULL, or what is wrong with `got`; `first` has room for the outputs. */
static const char *try_all(prepared *ref, prepared *got, gal_pool *two, void *first, char *what, size_t size) {
    galen_error err = {0};
    const kernel_case *c = got->problem;
    if (call_run(ref, 0, c->batch, two, &err) != GALEN_OK || call_run(got, 0, c->batch, NULL, &err) != GALEN_OK) {
        snprintf(what, size, "failed: %.180s", err.message);
        return what;
    }
    if (!call_intact(got)) return "wrote in front of a buffer";
    if (differs(ref, got, c, what, size)) return what;
    call_copy_outputs(got, first);
    call_spoil(got, 0x7f);
    call_run(got, 0, c->batch, NULL, &err);
    if (!call_outputs_are(got, first)) return "other bits when repeated, or an element was not written";
    call_spoil(got, 0);
    call_run(got, 0, c->batch, two, &err);
    if (!call_outputs_are(got, first)) return "other bits on two threads";
    if (!is_items(c->node)) return NULL;
    call_spoil(got, 0x7f);
    for (int64_t n = 0; n < c->batch; n++) call_run(got, n, 1, two, &err);
    return call_outputs_are(got, first) ? NULL : "other bits image by image";
}

/* The same problem between the channels of wider tensors: the same bits, and nothing written beside them. */
static const char *try_pitched(prepared *wide, gal_pool *two, const void *first) {
    galen_error err = {0};
    const kernel_case *c = wide->problem;
    if (call_run(wide, 0, c->batch, NULL, &err) != GALEN_OK || !call_outputs_are(wide, first))
        return "other bits in a slice";
    if (!call_intact(wide)) return "wrote beside its slice";
    call_spoil(wide, 0);
    if (call_run(wide, 0, c->batch, two, &err) != GALEN_OK || !call_outputs_are(wide, first))
        return "other bits in a slice on two threads";
    if (!call_intact(wide)) return "wrote beside its slice on two threads";
    if (!is_items(c->node)) return NULL;
    call_spoil(wide, 0x7f);
    for (int64_t n = 0; n < c->batch; n++) call_run(wide, n, 1, two, &err);
    return call_outputs_are(wide, first) ? NULL : "other bits in a slice image by image";
}

static void check_case(const gal_kernel *kernel, const kernel_case *c, const options *opt, gal_pool *two, uint64_t seed,
                       tally *sum) {
    if (kernel->reject(c->node) != NULL) {
        sum->refused++;
        return;
    }
    prepared ref, got;
    char what[200];
    snprintf(current, sizeof current, "%s (%s), batch %lld, %s; galen-check --row %s --op %s --seed %llu --cases %d\n",
             kernel->name, kernel->op, (long long)c->batch, c->text, kernel->name, kernel->op,
             (unsigned long long)opt->seed, opt->cases);
    fflush(stdout);
    call_prepare(&ref, c, NULL, seed);
    call_prepare(&got, c, kernel, seed);
    void *first = malloc(call_output_bytes(&got) + 1);
    const char *wrong = first == NULL ? "no memory" : try_all(&ref, &got, two, first, what, sizeof what);
    if (wrong == NULL && kernel->pitched) {
        prepared wide;
        call_prepare(&wide, c, kernel, seed);
        call_widen(&wide, seed);
        wrong = try_pitched(&wide, two, first);
        call_free(&wide);
    }
    sum->tried++;
    if (wrong != NULL) {
        complain(kernel, c, opt, wrong);
        sum->wrong++;
    }
    free(first);
    call_free(&ref);
    call_free(&got);
}

/* Rows that take few of the problems get the first of some that they take, or the last. */
static bool draw(const gal_kernel *kernel, gal_rng *rng, kernel_case *c) {
    for (int left = DRAWS; left > 0; left--) {
        if (!case_random_for(kernel, rng, c)) return false;
        if (left == 1 || kernel->reject(c->node) == NULL) return true;
        case_free(c);
    }
    return false;
}

static tally check_row(const gal_kernel *kernel, const options *opt, gal_pool *two) {
    tally sum = {0};
    for (int i = 0; i < opt->cases; i++) {
        gal_rng rng = gal_rng_make(opt->seed, (uint64_t)i);
        kernel_case c;
        if (!draw(kernel, &rng, &c)) break;
        check_case(kernel, &c, opt, two, opt->seed + (uint64_t)i, &sum);
        case_free(&c);
        if (sum.wrong >= 3) break;
    }
    return sum;
}

static bool wanted(const gal_kernel *kernel, const options *opt) {
    return strstr(kernel->name, opt->row) != NULL && (opt->op == NULL || strcmp(kernel->op, opt->op) == 0);
}

static int check_all(const options *opt) {
    size_t count;
    const gal_kernel *const *table = gal_kernel_table(&count);
    gal_pool *two = NULL;
    int bad = 0;
    if (gal_pool_create(2, &two, NULL) != GALEN_OK) return 4;
    for (size_t i = 0; i < count; i++) {
        if (!wanted(table[i], opt)) continue;
        if (!gal_kernel_runs_here(table[i])) {
            printf("%-28s %-18s not on this machine\n", table[i]->name, table[i]->op);
            continue;
        }
        tally t = check_row(table[i], opt, two);
        const char *verdict = t.wrong > 0 ? "WRONG" : t.tried == 0 ? "UNTESTED" : "ok";
        printf("%-28s %-18s %4d tried %4d refused  %s\n", table[i]->name, table[i]->op, t.tried, t.refused, verdict);
        bad += t.wrong > 0 || t.tried == 0;
    }
    gal_pool_destroy(two);
    printf("seed %llu, %d cases a row: %s\n", (unsigned long long)opt->seed, opt->cases,
           bad ? "FAILED" : "all rows right");
    return bad > 0;
}

static void list_rows(const options *opt) {
    size_t count;
    const gal_kernel *const *table = gal_kernel_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (wanted(table[i], opt))
            printf("%-28s %s%s%s, %s, %s\n", table[i]->name, table[i]->domain, table[i]->domain[0] ? "." : "",
                   table[i]->op, gal_isa_name(table[i]->isa), galen_dtype_name(table[i]->dtype));
    }
}

static int bench_rows(const options *opt) {
    size_t count;
    const gal_kernel *const *table = gal_kernel_table(&count);
    const measure_options how = {.batch = opt->batch, .at_least = opt->at_least};
    gal_pool *pool = NULL;
    int low = 0;
    if (gal_pool_create(opt->threads, &pool, NULL) != GALEN_OK) return 4;
    for (size_t i = 0; i < count; i++) {
        if (wanted(table[i], opt) && gal_kernel_runs_here(table[i])) low += measure_row(table[i], &how, pool);
    }
    gal_pool_destroy(pool);
    if (opt->at_least > 0)
        printf("%d large convolutions (%d million multiply-adds an image or more) below %.0f %% of their roofline\n",
               low, MEASURE_LARGE / 1000000, 100 * opt->at_least);
    return low > 0;
}

static long number(const char *text) {
    char *end;
    long n = strtol(text, &end, 10);
    if (*end != '\0' || n < 1) {
        fprintf(stderr, "galen-check: '%s' is not a positive number\n", text);
        exit(2);
    }
    return n;
}

static void parse(int argc, char **argv, options *opt) {
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--list") == 0)
            opt->list = true;
        else if (strcmp(argv[i], "--readable-guard") == 0)
            guard_readable = true;
        else if (strcmp(argv[i], "--bench") == 0)
            opt->bench = true;
        else if (value == NULL)
            fprintf(stderr, "galen-check: what is '%s'? Its use is at the top of tests/kernels/check.c\n", argv[i]),
                exit(2);
        else if (strcmp(argv[i], "--row") == 0)
            opt->row = value, i++;
        else if (strcmp(argv[i], "--op") == 0)
            opt->op = value, i++;
        else if (strcmp(argv[i], "--seed") == 0)
            opt->seed = (uint64_t)number(value), i++;
        else if (strcmp(argv[i], "--cases") == 0)
            opt->cases = (int)number(value), i++;
        else if (strcmp(argv[i], "--batch") == 0)
            opt->batch = number(value), i++;
        else if (strcmp(argv[i], "--at-least") == 0)
            opt->at_least = (double)number(value) / 100, i++;
        else if (strcmp(argv[i], "--threads") == 0)
            opt->threads = (int)number(value), i++;
        else
            fprintf(stderr, "galen-check: what is '%s'? Its use is at the top of tests/kernels/check.c\n", argv[i]),
                exit(2);
    }
}

int main(int argc, char **argv) {
    options opt = {.row = "", .seed = 1, .cases = 60, .threads = gal_pool_available_threads(), .batch = 8};
    parse(argc, argv, &opt);
    signal(SIGSEGV, crashed);
    signal(SIGBUS, crashed);
    if (opt.list)
        list_rows(&opt);
    else if (opt.bench)
        return bench_rows(&opt);
    else
        return check_all(&opt);
    return 0;
}
