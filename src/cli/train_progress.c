/* Progress of a training. */
#include "cli/train_progress.h"

#include "base/clock.h"
#include "cli/cli.h"

#include <math.h>
#include <stdio.h>

enum { BAR = 24, QUIET_SECONDS = 60 };

void train_watch_clear(const train_watch *w) {
    if (w->terminal) fputs("\r\033[K", stderr);
}

static void duration(double seconds, char *out, size_t size) {
    if (!isfinite(seconds))
        snprintf(out, size, "-");
    else if (seconds < 90)
        snprintf(out, size, "%.0f s", seconds);
    else if (seconds < 5400)
        snprintf(out, size, "%.0f min", seconds / 60);
    else
        snprintf(out, size, "%.1f h", seconds / 3600);
}

/* "AUC 0.9531", or the accuracy where there is no area. */
static void put_metric(const gal_train_score *s) {
    bool area = isfinite(s->auc);
    fprintf(stderr, "%s %.4f", area ? "AUC" : "accuracy", area ? s->auc : s->accuracy);
}

/* What a bar says behind the bar, and a plain line after its epoch. */
static void put_state(const gal_fit_progress *p) {
    char left[32];
    duration(p->seconds_left, left, sizeof left);
    fprintf(stderr, "loss %.4f, %.0f images/s", p->loss, p->images_per_second);
    if (p->best_epoch > 0 && p->best_score->loss > 0) {
        fputs(", best ", stderr);
        put_metric(p->best_score);
    }
    fprintf(stderr, ", %s left", left);
}

static void draw_bar(const gal_fit_progress *p) {
    char bar[BAR + 1];
    int full = p->steps > 0 ? (int)(p->step * BAR / p->steps) : 0;
    for (int i = 0; i < BAR; i++) bar[i] = i < full ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, "\r\033[Kepoch %lld/%lld [%s] ", (long long)p->epoch, (long long)p->epochs, bar);
    put_state(p);
    fflush(stderr);
}

/* A log of a long epoch shows that it is alive. */
static void print_now_and_then(train_watch *w, const gal_fit_progress *p) {
    double now = gal_clock_seconds();
    if (w->shown == 0) w->shown = now;
    if (now - w->shown < QUIET_SECONDS) return;
    w->shown = now;
    fprintf(stderr, "epoch %lld/%lld, step %lld/%lld: ", (long long)p->epoch, (long long)p->epochs, (long long)p->step,
            (long long)p->steps);
    put_state(p);
    fputc('\n', stderr);
}

static void end_epoch(train_watch *w, const gal_fit_progress *p) {
    train_watch_clear(w);
    w->shown = gal_clock_seconds();
    fprintf(stderr, "epoch %lld/%lld: loss %.4f, rate %.2g, %.0f images/s", (long long)p->epoch, (long long)p->epochs,
            p->loss, p->rate, p->images_per_second);
    if (p->score != NULL) {
        fprintf(stderr, "; validation: loss %.4f, accuracy %.4f", p->score->loss, p->score->accuracy);
        if (isfinite(p->score->auc)) fprintf(stderr, ", AUC %.4f", p->score->auc);
        if (p->best) fputs(" *", stderr);
    }
    if (p->skipped > 0) fprintf(stderr, "; %lld steps left out for NaN or infinity", (long long)p->skipped);
    if (p->scale != 1) fprintf(stderr, "; loss scale %g", p->scale);
    fputc('\n', stderr);
}

void train_watch_step(void *watch, const gal_fit_progress *p) {
    train_watch *w = watch;
    if (p->ended)
        end_epoch(w, p);
    else if (w->terminal)
        draw_bar(p);
    else
        print_now_and_then(w, p);
}

void train_watch_say(void *watch, const char *line) {
    const train_watch *w = watch;
    train_watch_clear(w);
    cli_put_text(stderr, line);
    fputc('\n', stderr);
}
