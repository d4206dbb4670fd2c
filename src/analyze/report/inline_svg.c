/* A pass over cairo's SVG from attribute to attribute. */
#include "analyze/report/inline_svg.h"

#include "analyze/report/chart.h"
#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IDS = 4096, MAX_ID = 64 };

typedef struct rewriter {
    const char *key;
    gal_buf *out;
    char (*id)[MAX_ID]; /* cairo's, in the order they came */
    size_t ids;
} rewriter;

/* The number of an id, given to it where it is met first; MAX_IDS: too many. */
static size_t number_of(rewriter *r, const char *id, size_t length) {
    if (length >= MAX_ID) return MAX_IDS;
    for (size_t i = 0; i < r->ids; i++)
        if (!strncmp(r->id[i], id, length) && r->id[i][length] == '\0') return i;
    if (r->ids == MAX_IDS) return MAX_IDS;
    memcpy(r->id[r->ids], id, length);
    r->id[r->ids][length] = '\0';
    return r->ids++;
}

/* rgb(a%,b%,c%) at `at`: puts the property for a colour of the palette and returns its length; 0: it is none. */
static size_t colour(const rewriter *r, const char *at) {
    char *end;
    const char *p = at + strlen("rgb(");
    double part[3];
    for (int i = 0; i < 3; i++) {
        part[i] = strtod(p, &end);
        if (end == p || *end != '%') return 0;
        for (p = end + 1; *p == ',' || *p == ' '; p++) continue;
    }
    if (*p != ')') return 0;
    for (int k = 0; k < GAL_INKS; k++) {
        const unsigned char *ink = gal_ink_table[k].light;
        bool same = true;
        for (int i = 0; i < 3; i++) same = same && fabs(part[i] * 2.55 - ink[i]) < 0.2;
        if (!same) continue;
        gal_buf_printf(r->out, "var(--%s)", gal_ink_table[k].name);
        return (size_t)(p + 1 - at);
    }
    return 0;
}

/* What the text at `at` begins with; *id is where the id in it begins, and what ends it. */
static bool names_id(const char *at, size_t *start, char *end) {
    static const struct {
        const char *text;
        char end;
    } form[] = {{" id=\"", '"'}, {"href=\"#", '"'}, {"url(#", ')'}};
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        *start = strlen(form[i].text), *end = form[i].end;
        if (!strncmp(at, form[i].text, *start)) return true;
    }
    return false;
}

static galen_status rewrite(rewriter *r, const char *from, const char *stop, galen_error *err) {
    char end;
    for (size_t start; from < stop;) {
        if (names_id(from, &start, &end)) {
            const char *close = memchr(from + start, end, (size_t)(stop - from) - start);
            size_t n = close != NULL ? number_of(r, from + start, (size_t)(close - from) - start) : MAX_IDS;
            if (n == MAX_IDS)
                return gal_fail(err, GALEN_ERR_INTERNAL, "cairo's SVG has an id that Galen cannot rename");
            gal_buf_put(r->out, from, start);
            gal_buf_printf(r->out, "%s-%zu", r->key, n);
            from = close;
            continue;
        }
        size_t used = !strncmp(from, "rgb(", 4) ? colour(r, from) : 0;
        if (used == 0) gal_buf_put(r->out, from, used = 1);
        from += used;
    }
    return GALEN_OK;
}

galen_status gal_inline_svg(const char *svg, size_t size, const char *key, const char *label, gal_buf *out,
                            galen_error *err) {
    const char *box = size > 0 ? strstr(svg, "viewBox=\"") : NULL;
    const char *box_end = box != NULL ? strchr(box + strlen("viewBox=\""), '"') : NULL;
    const char *body = box_end != NULL ? strchr(box_end, '>') : NULL;
    if (body == NULL) return gal_fail(err, GALEN_ERR_INTERNAL, "cairo's SVG has no viewBox");
    rewriter r = {.key = key, .out = out, .id = gal_calloc(MAX_IDS, sizeof *r.id)};
    if (r.id == NULL) return gal_fail_memory(err, "a figure", MAX_IDS * sizeof *r.id);
    gal_buf_printf(out, "<svg xmlns:xlink=\"http://www.w3.org/1999/xlink\" role=\"img\" aria-label=\"%s\" %.*s>", label,
                   (int)(box_end + 1 - box), box);
    galen_status status = rewrite(&r, body + 1, svg + size, err);
    gal_free(r.id);
    return status;
}
