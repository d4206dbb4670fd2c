/*
 * From process start to the last answer, and the peak memory, of the whole command:
 *
 *     build/bench/startup 40 build/galen predict default picture.png
 *
 * Runs the command that many times (after three that do not count) and prints the median with its 95 % interval
 * (order statistics), the 99th percentile, and the largest resident memory of any run.
 */
#include "base/clock.h"
#include "cli/stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_UP = 3, MAX_RUNS = 10000 };

/* Wall time in milliseconds, -1 when the command fails; *peak becomes at least its largest resident memory in KiB. */
static double run_once(char **command, long *peak) {
    struct rusage usage;
    int status;
    double start = gal_clock_seconds();
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        execv(command[0], command);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) return -1;
    if (usage.ru_maxrss > *peak) *peak = usage.ru_maxrss;
    return (gal_clock_seconds() - start) * 1e3;
}

int main(int argc, char **argv) {
    static double ms[MAX_RUNS];
    long runs = argc > 2 ? strtol(argv[1], NULL, 10) : 0, peak = 0;
    if (runs < STATS_MIN_SAMPLES || runs > MAX_RUNS) {
        fprintf(stderr, "use: startup RUNS COMMAND...   (RUNS from %d to %d)\n", STATS_MIN_SAMPLES, MAX_RUNS);
        return 2;
    }
    for (long i = -WARM_UP; i < runs; i++) {
        double took = run_once(argv + 2, &peak);
        if (took < 0) {
            fprintf(stderr, "startup: the command failed\n");
            return 3;
        }
        if (i >= 0) ms[i] = took;
    }
    stats_sort(ms, (size_t)runs);
    stats_interval v = stats_median(ms, (size_t)runs);
    printf("%ld runs: median %.2f ms (95 %% interval %.2f .. %.2f), p99 %.2f ms, peak %.1f MiB\n", runs, v.median,
           v.low, v.high, stats_percentile(ms, (size_t)runs, 99), (double)peak / 1024);
    return 0;
}
