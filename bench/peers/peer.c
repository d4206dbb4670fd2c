#include "peer.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RUNS = 100000, MAX_LINE = 4096 };

static double run_once(const peer_work *work) {
    double start = gal_clock_seconds();
    work->run(work->context);
    return gal_clock_seconds() - start;
}

static void run_block(const peer_work *work, double seconds) {
    double begin = gal_clock_seconds();
    printf("{\"ms\":[");
    for (int n = 0; n < MAX_RUNS && (n == 0 || gal_clock_seconds() - begin < seconds); n++)
        printf("%s%.6f", n == 0 ? "" : ",", run_once(work) * 1e3);
    printf("]}\n");
}

int peer_serve(const peer_work *work) {
    char line[MAX_LINE];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "run ", 4) == 0) {
            run_block(work, strtod(line + 4, NULL));
        } else if (strncmp(line, "write ", 6) == 0 && work->write != NULL && work->write(work->context, line + 6)) {
            printf("{}\n");
        } else {
            fprintf(stderr, "peer: cannot do '%.80s'\n", line);
            return 1;
        }
        fflush(stdout);
    }
    return 0;
}
