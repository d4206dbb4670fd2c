/* What a training shows on stderr: a bar that is drawn over on a terminal, else a line now and then. */
#ifndef GAL_CLI_TRAIN_PROGRESS_H
#define GAL_CLI_TRAIN_PROGRESS_H

#include "train/job.h"

typedef struct train_watch {
    bool terminal;
    double shown; /* when the last line within an epoch, or count, was, in seconds of the clock; 0: none yet */
} train_watch;

/* The hooks of a job; `watch` is a train_watch. */
void train_watch_step(void *watch, const gal_fit_progress *progress);
void train_watch_say(void *watch, const char *line);
void train_watch_count(void *watch, const char *what, size_t done, size_t all);
/* Removes the bar. */
void train_watch_clear(const train_watch *watch);

#endif
