/* The report plug-in: figures as SVG, documents as PDF. */
#include "analyze/report/plugin.h"

#include "analyze/chart/draw.h"
#include "analyze/chart/pdf.h"
#include "base/error.h"

#include <cairo-svg.h>

static cairo_status_t keep(void *to, const unsigned char *bytes, unsigned length) {
    gal_buf *out = to;
    gal_buf_put(out, bytes, length);
    return out->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static galen_status svg(const gal_chart *figure, gal_buf *out, galen_error *err) {
    double width, height;
    chart_size(figure, &width, &height);
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(keep, out, width, height);
    cairo_t *to = cairo_create(surface);
    chart_draw(to, figure);
    cairo_status_t status = cairo_status(to);
    cairo_destroy(to);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (status == CAIRO_STATUS_NO_MEMORY || out->failed) return gal_fail_memory(err, "a figure", out->size);
    if (status != CAIRO_STATUS_SUCCESS)
        return gal_fail(err, GALEN_ERR_INTERNAL, "figure '%s': cairo says: %s", figure->key,
                        cairo_status_to_string(status));
    return GALEN_OK;
}

const gal_report_plugin galen_report_plugin = {.svg = svg, .pdf = chart_pdf};
