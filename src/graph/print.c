/* A graph as text, one node a line, and as Graphviz DOT. */
#include "graph/op.h"

#include <string.h>

static void print_value(const gal_value *v, gal_buf *out) {
    if (!v) {
        gal_buf_text(out, "-");
        return;
    }
    gal_buf_printf(out, "%%%s: %s", v->name, galen_dtype_name(v->dtype));
    gal_shape_text(&v->shape, out);
}

static void print_attr(const gal_attr *a, gal_buf *out) {
    gal_buf_printf(out, "%s=", a->name);
    switch (a->type) {
    case GAL_ATTR_INT: gal_buf_printf(out, "%lld", (long long)a->i); break;
    case GAL_ATTR_FLOAT: gal_buf_printf(out, "%.9g", (double)a->f); break;
    case GAL_ATTR_STRING: gal_buf_printf(out, "\"%s\"", a->s); break;
    case GAL_ATTR_TENSOR: gal_buf_printf(out, "<%s tensor>", galen_dtype_name(a->tensor->dtype)); break;
    case GAL_ATTR_INTS:
        gal_buf_text(out, "[");
        for (size_t i = 0; i < a->count; i++) gal_buf_printf(out, "%s%lld", i ? ", " : "", (long long)a->ints[i]);
        gal_buf_text(out, "]");
        break;
    case GAL_ATTR_FLOATS:
        gal_buf_text(out, "[");
        for (size_t i = 0; i < a->count; i++) gal_buf_printf(out, "%s%.9g", i ? ", " : "", (double)a->floats[i]);
        gal_buf_text(out, "]");
        break;
    }
}

static void print_node(const gal_node *n, gal_buf *out) {
    gal_buf_text(out, "  ");
    for (uint32_t i = 0; i < n->n_out; i++) {
        if (i) gal_buf_text(out, ", ");
        print_value(n->out[i], out);
    }
    gal_buf_printf(out, " = %s%s%s(", n->op->domain, *n->op->domain ? "." : "", n->op->name);
    for (uint32_t i = 0; i < n->n_in; i++)
        gal_buf_printf(out, "%s%s%s", i ? ", " : "", n->in[i] ? "%" : "", n->in[i] ? n->in[i]->name : "-");
    gal_buf_text(out, ")");
    for (uint32_t i = 0; i < n->n_attr; i++) {
        gal_buf_text(out, i ? ", " : " {");
        print_attr(&n->attr[i], out);
    }
    gal_buf_printf(out, "%s  # %s", n->n_attr ? "}" : "", n->name);
    if (n->stands_for) gal_buf_printf(out, " = %s", n->stands_for);
    gal_buf_text(out, "\n");
}

void gal_graph_print(const gal_graph *graph, gal_buf *out) {
    gal_buf_printf(out, "graph %s\n", graph->name);
    for (uint32_t i = 0; i < graph->n_input; i++) {
        gal_buf_text(out, "  input ");
        print_value(graph->input[i], out);
        gal_buf_text(out, "\n");
    }
    for (const gal_node *n = graph->first; n; n = n->next) print_node(n, out);
    for (uint32_t i = 0; i < graph->n_output; i++) {
        gal_buf_text(out, "  output ");
        print_value(graph->output[i], out);
        gal_buf_text(out, "\n");
    }
}

/* Text inside a DOT string: quotes and backslashes escaped. */
static void dot_text(const char *s, gal_buf *out) {
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') gal_buf_text(out, "\\");
        gal_buf_put(out, s, 1);
    }
}

static void dot_edge(const gal_value *v, const char *to, uint32_t id, gal_buf *out) {
    if (v->producer)
        gal_buf_printf(out, "  n%u -> %s%u [label=\"", v->producer->id, to, id);
    else
        gal_buf_printf(out, "  v%u -> %s%u [label=\"", v->id, to, id);
    gal_shape_text(&v->shape, out);
    gal_buf_text(out, "\"];\n");
}

static void dot_box(const char *letter, const gal_value *v, gal_buf *out) {
    gal_buf_printf(out, "  %s%u [shape=ellipse, label=\"", letter, v->id);
    dot_text(v->name, out);
    gal_buf_text(out, "\"];\n");
}

void gal_graph_dot(const gal_graph *graph, gal_buf *out) {
    gal_buf_text(out, "digraph \"");
    dot_text(graph->name, out);
    gal_buf_text(out, "\" {\n  node [shape=box, fontname=\"Helvetica\"];\n");
    for (uint32_t i = 0; i < graph->n_input; i++) dot_box("v", graph->input[i], out);
    for (const gal_node *n = graph->first; n; n = n->next) {
        gal_buf_printf(out, "  n%u [label=\"", n->id);
        dot_text(n->stands_for ? n->stands_for : n->op->name, out);
        gal_buf_text(out, "\\n");
        dot_text(n->name, out);
        gal_buf_text(out, "\"];\n");
        for (uint32_t i = 0; i < n->n_in; i++)
            if (n->in[i] && !n->in[i]->constant) dot_edge(n->in[i], "n", n->id, out);
    }
    for (uint32_t i = 0; i < graph->n_output; i++) {
        dot_box("o", graph->output[i], out);
        dot_edge(graph->output[i], "o", graph->output[i]->id, out);
    }
    gal_buf_text(out, "}\n");
}
