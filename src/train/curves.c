/* Curves of a training: two panels of lines over epochs, in plain SVG that any browser shows. */
#include "base/error.h"
#include "base/mem.h"
#include "model/json.h"
#include "train/job_parts.h"

#include <math.h>
#include <string.h>

enum { MAX_EPOCHS = 100000, WIDTH = 740, PANEL = 240, LEFT = 64, RIGHT = 130, TOP = 28, GAP = 56 };

typedef struct curve {
    const char *key, *label, *colour;
    int panel; /* 0: losses, 1: shares */
    double *value;
} curve;

typedef struct chart {
    curve curve[4];
    size_t epochs;
} chart;

enum { CURVES = 4 };

static galen_status read_line(chart *c, const char *line, size_t size, galen_error *err) {
    json_t *o;
    GAL_TRY(gal_json_parse(line, size, "log.jsonl", &o, err));
    for (int i = 0; i < CURVES; i++) {
        const json_t *v = json_object_get(o, c->curve[i].key);
        c->curve[i].value[c->epochs] = json_is_number(v) ? json_number_value(v) : (double)NAN;
    }
    c->epochs++;
    json_decref(o);
    return GALEN_OK;
}

static size_t count_lines(const char *log, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < size; i++) n += log[i] == '\n';
    return n;
}

static galen_status read_log(chart *c, const char *log, size_t size, galen_error *err) {
    for (size_t at = 0; at < size;) {
        const char *end = memchr(log + at, '\n', size - at);
        if (end == NULL) return GALEN_OK;
        size_t length = (size_t)(end - log) - at;
        GAL_TRY(read_line(c, log + at, length, err));
        at += length + 1;
    }
    return GALEN_OK;
}

/* ---- drawing ---- */

typedef struct range {
    double low, high, step; /* of the grid */
} range;

/* 1, 2 or 5 times a power of ten. */
static double round_step(double step) {
    double power = pow(10, floor(log10(step))), part = step / power;
    return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

/* Of all lines of a panel, out to the grid; losses begin at 0, shares end at 1. */
static range range_of(const chart *c, int panel) {
    double low = panel == 0 ? 0 : 1, high = low;
    for (int i = 0; i < CURVES; i++)
        for (size_t e = 0; c->curve[i].panel == panel && e < c->epochs; e++) {
            double v = c->curve[i].value[e];
            if (isfinite(v)) low = fmin(low, v), high = fmax(high, v);
        }
    if (high - low < 1e-6) panel == 0 ? (high = 1) : (low = 0);
    double step = round_step((high - low) / 5);
    return (range){floor(low / step) * step, ceil(high / step) * step, step};
}

static double x_of(const chart *c, size_t epoch) {
    double part = c->epochs > 1 ? (double)epoch / (double)(c->epochs - 1) : 0.5;
    return LEFT + part * (WIDTH - LEFT - RIGHT);
}

static double y_of(int panel, range r, double v) {
    return TOP + panel * (PANEL + GAP) + (r.high - v) / (r.high - r.low) * PANEL;
}

static void draw_grid(const chart *c, int panel, range r, gal_buf *out) {
    static const char *const titles[] = {"loss", "validation"};
    gal_buf_printf(out, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", LEFT,
                   TOP + panel * (PANEL + GAP) - 10, titles[panel]);
    int lines = (int)lround((r.high - r.low) / r.step);
    for (int i = 0; i <= lines; i++) {
        double v = r.low + r.step * i, y = y_of(panel, r, v);
        gal_buf_printf(out,
                       "<path d=\"M%d %.1fH%d\" class=\"grid\"/><text x=\"%d\" y=\"%.1f\" class=\"end\">%.3g</text>\n",
                       LEFT, y, WIDTH - RIGHT, LEFT - 8, y + 4, v);
    }
    size_t step = c->epochs > 10 ? (c->epochs + 9) / 10 : 1;
    for (size_t e = 0; e < c->epochs; e += step)
        gal_buf_printf(out, "<text x=\"%.1f\" y=\"%d\" class=\"middle\">%zu</text>\n", x_of(c, e),
                       TOP + panel * (PANEL + GAP) + PANEL + 18, e + 1);
}

/* Index of the last epoch with a value, SIZE_MAX: none. */
static size_t last_of(const chart *c, const curve *k) {
    size_t e = c->epochs;
    while (e > 0 && !isfinite(k->value[e - 1])) e--;
    return e - 1;
}

static void draw_curve(const chart *c, const curve *k, range r, gal_buf *out) {
    char command = 'M';
    gal_buf_printf(out, "<path class=\"line\" stroke=\"%s\" d=\"", k->colour);
    for (size_t e = 0; e < c->epochs; e++) {
        if (!isfinite(k->value[e])) continue;
        gal_buf_printf(out, "%c%.1f %.1f", command, x_of(c, e), y_of(k->panel, r, k->value[e]));
        command = 'L';
    }
    gal_buf_text(out, "\"/>\n");
}

/* What the lines of a panel are and where they end, no two names on one another. */
static void draw_names(const chart *c, int panel, range r, gal_buf *out) {
    double above = -INFINITY;
    const curve *first = &c->curve[2 * panel], *second = first + 1;
    size_t a = last_of(c, first), b = last_of(c, second);
    bool turn = a != SIZE_MAX && b != SIZE_MAX && second->value[b] > first->value[a];
    for (int i = 0; i < 2; i++) {
        const curve *k = (i == 0) != turn ? first : second;
        size_t last = last_of(c, k);
        if (last == SIZE_MAX) continue;
        double x = x_of(c, last), y = y_of(panel, r, k->value[last]), at = fmax(y + 4, above + 15);
        gal_buf_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>", x, y, k->colour);
        gal_buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" style=\"fill:%s\">%s %.4f</text>\n", x + 8, at, k->colour,
                       k->label, k->value[last]);
        above = at;
    }
}

static void draw(const chart *c, gal_buf *out) {
    int height = 2 * PANEL + GAP + TOP + 48;
    gal_buf_printf(out,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
                   "font-size=\"12\">\n<style>svg{background:#fff}text{fill:#333}.grid{stroke:#ddd}"
                   ".line{fill:none;stroke-width:2}.end{text-anchor:end}.middle{text-anchor:middle}</style>\n",
                   WIDTH, height);
    for (int panel = 0; panel < 2; panel++) {
        range r = range_of(c, panel);
        draw_grid(c, panel, r, out);
        for (int i = 0; i < CURVES; i++)
            if (c->curve[i].panel == panel) draw_curve(c, &c->curve[i], r, out);
        draw_names(c, panel, r, out);
    }
    gal_buf_printf(out, "<text x=\"%d\" y=\"%d\" class=\"middle\">epoch</text>\n</svg>\n", (WIDTH - RIGHT + LEFT) / 2,
                   height - 8);
}

galen_status gal_job_draw_curves(const char *log, size_t size, gal_buf *out, galen_error *err) {
    chart c = {.curve = {{"loss", "training", "#1f6f8b", 0, NULL},
                         {"val_loss", "validation", "#c8553d", 0, NULL},
                         {"val_auc", "AUC", "#1f6f8b", 1, NULL},
                         {"val_accuracy", "accuracy", "#c8553d", 1, NULL}}};
    size_t n = count_lines(log, size);
    if (n > MAX_EPOCHS) return gal_fail(err, GALEN_ERR_LIMIT, "log.jsonl: more than %d epochs", MAX_EPOCHS);
    double *room = gal_calloc(CURVES * (n > 0 ? n : 1), sizeof *room);
    if (room == NULL) return gal_fail_memory(err, "curves", CURVES * n * sizeof *room);
    for (size_t i = 0; i < CURVES; i++) c.curve[i].value = room + i * n;
    galen_status status = read_log(&c, log, size, err);
    if (status == GALEN_OK) draw(&c, out);
    gal_free(room);
    return status == GALEN_OK && out->failed ? gal_fail_memory(err, "curves", 65536) : status;
}
