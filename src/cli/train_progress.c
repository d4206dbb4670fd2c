/* Progress of a training. */
#include "cli/train_progress.h"

#include "base/clock.h"
#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR = 24, LEAST_BAR = 4, LINE = 240, QUIET_SECONDS = 60 };

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

/* ", best AUC 0.9531", or the accuracy where there is no area; "" before there is a best epoch. */
static void best_so_far(const gal_fit_progress *p, char *out, size_t size) {
    const gal_train_score *s = p->best_score;
    bool area = isfinite(s->auc);
    out[0] = '\0';
    if (p->best_epoch > 0 && s->loss > 0)
        snprintf(out, size, ", best %s %.4f", area ? "AUC" : "accuracy", area ? s->auc : s->accuracy);
}

/* What a bar says behind the bar, and a plain line after its epoch. */
static void state_of(const gal_fit_progress *p, bool brief, char *out, size_t size) {
    char left[32], best[48];
    duration(p->seconds_left, left, sizeof left);
    best_so_far(p, best, sizeof best);
    if (brief)
        snprintf(out, size, "loss %.4f, %s left", p->loss, left);
    else
        snprintf(out, size, "loss %.4f, %.0f images/s%s, %s left", p->loss, p->images_per_second, best, left);
}

/* At most `room` - 1 characters: the less room, the shorter the bar, then nothing but epoch, loss and the time that is
 * left. */
static void bar_line(const gal_fit_progress *p, char *out, size_t room) {
    char head[64], state[160], bar[BAR + 4] = "";
    int n = snprintf(head, sizeof head, "epoch %lld/%lld ", (long long)p->epoch, (long long)p->epochs);
    state_of(p, false, state, sizeof state);
    if (n + strlen(state) >= room) state_of(p, true, state, sizeof state);
    size_t used = (size_t)n + strlen(state) + 3; /* brackets and a blank */
    int width = used + 1 < room ? (int)(room - 1 - used) : 0;
    if (width > BAR) width = BAR;
    if (width >= LEAST_BAR) {
        int full = p->steps > 0 ? (int)(p->step * width / p->steps) : 0;
        bar[0] = '[';
        for (int i = 0; i < width; i++) bar[1 + i] = i < full ? '#' : '.';
        memcpy(bar + 1 + width, "] ", 3);
    }
    snprintf(out, room, "%s%s%s", head, bar, state);
}

static size_t columns(void) {
    struct winsize size;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? (size_t)size.ws_col : 80;
}

/* One column stays free: some terminals go on to the next line when the last one is written. */
static void draw_over(const char *line) {
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
}

static void draw_bar(const gal_fit_progress *p) {
    char line[LINE];
    size_t room = columns();
    bar_line(p, line, room < sizeof line ? room : sizeof line);
    draw_over(line);
}

/* A log of a long epoch shows that it is alive. */
static void print_now_and_then(train_watch *w, const gal_fit_progress *p) {
    double now = gal_clock_seconds();
    if (w->shown == 0) w->shown = now;
    if (now - w->shown < QUIET_SECONDS) return;
    w->shown = now;
    char state[160];
    state_of(p, false, state, sizeof state);
    fprintf(stderr, "epoch %lld/%lld, step %lld/%lld: %s\n", (long long)p->epoch, (long long)p->epochs,
            (long long)p->step, (long long)p->steps, state);
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

void train_watch_count(void *watch, const char *what, size_t done, size_t all) {
    train_watch *w = watch;
    char line[LINE];
    size_t room = columns();
    double now = gal_clock_seconds();
    if (!w->terminal || (now - w->shown < 0.1 && done != all)) return;
    w->shown = now;
    snprintf(line, room < sizeof line ? room : sizeof line, "%s: %zu of %zu", what, done, all);
    draw_over(done == all ? "" : line);
}
