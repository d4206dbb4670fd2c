/* The ledger as CSV and JSON. */
#include "clinic/cases/cases_json.h"
#include "clinic/compare/flips.h"

#include <stdio.h>
#include <string.h>

static const char *class_text(const gal_case_set *cases, size_t column) {
    return cases->class_name[column] ? cases->class_name[column] : "positive";
}

/* A decision, or what is true of a case, in words. */
static const char *answer(const gal_flips *flips, const gal_flip *flip, int decision) {
    const gal_case_set *cases = flips->pairs->cases;
    if (decision < 0) return NULL;
    if (cases->kind == GAL_CASE_MULTICLASS) return class_text(cases, (size_t)decision);
    if (cases->kind == GAL_CASE_MULTILABEL) return decision ? "present" : "absent";
    if (decision) return class_text(cases, flip->column);
    return cases->negative ? cases->negative : "negative";
}

static const char *truth(const gal_flips *flips, const gal_flip *flip) {
    const gal_case_set *cases = flips->pairs->cases;
    if (cases->kind == GAL_CASE_MULTICLASS) return class_text(cases, cases->label[flip->at]);
    return answer(flips, flip, cases->positive[flip->at * (size_t)cases->classes + flip->column]);
}

static const char *path_of(const gal_flips *flips, const gal_flip *flip) {
    const gal_case_set *cases = flips->pairs->cases;
    return cases->path ? cases->path[flip->at] : NULL;
}

/* ---- CSV ---- */

static void put_text(gal_buf *out, const char *text) {
    if (text && strpbrk(text, ",\"\r\n")) {
        gal_buf_text(out, "\"");
        for (const char *at = text; *at; at++) {
            if (*at == '"') gal_buf_text(out, "\"");
            gal_buf_put(out, at, 1);
        }
        gal_buf_text(out, "\"");
    } else if (text) {
        gal_buf_text(out, text);
    }
    gal_buf_text(out, ",");
}

static void put_row(const gal_flips *flips, const gal_flip *flip, gal_buf *out) {
    const gal_case_set *cases = flips->pairs->cases;
    put_text(out, cases->id[flip->at]);
    put_text(out, path_of(flips, flip));
    put_text(out, class_text(cases, flip->column));
    put_text(out, truth(flips, flip));
    put_text(out, gal_flip_name(flip->kind));
    const double number[] = {flip->score[GAL_REFERENCE], flip->score[GAL_CANDIDATE], flip->probability[GAL_REFERENCE],
                             flip->probability[GAL_CANDIDATE],
                             flip->probability[GAL_CANDIDATE] - flip->probability[GAL_REFERENCE]};
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        gal_json_put_number(out, number[i]);
        gal_buf_text(out, ",");
    }
    for (int side = 0; side < GAL_SIDES; side++) put_text(out, answer(flips, flip, flip->decision[side]));
    if (!out->failed) out->data[out->size - 1] = '\n'; /* the last comma */
}

void gal_flips_csv(const gal_flips *flips, gal_buf *out) {
    gal_buf_text(out, "id,path,finding,label,kind,reference_score,candidate_score,reference_probability,"
                      "candidate_probability,shift,reference_decision,candidate_decision\n");
    for (size_t i = 0; i < flips->count && !out->failed; i++) put_row(flips, &flips->flip[i], out);
}

/* ---- JSON ---- */

static json_t *side_json(const gal_flips *flips, const gal_flip *flip, int side) {
    return json_pack("{s:o, s:o, s:s?}", "score", gal_number_json(flip->score[side]), "probability",
                     gal_number_json(flip->probability[side]), "decision", answer(flips, flip, flip->decision[side]));
}

static json_t *flip_json(const gal_flips *flips, const gal_flip *flip) {
    const gal_case_set *cases = flips->pairs->cases;
    double shift = flip->probability[GAL_CANDIDATE] - flip->probability[GAL_REFERENCE];
    return json_pack("{s:s, s:s?, s:s, s:s?, s:s, s:o, s:o, s:o}", "id", cases->id[flip->at], "path",
                     path_of(flips, flip), "finding", class_text(cases, flip->column), "label", truth(flips, flip),
                     "kind", gal_flip_name(flip->kind), "reference", side_json(flips, flip, GAL_REFERENCE), "candidate",
                     side_json(flips, flip, GAL_CANDIDATE), "shift", gal_number_json(shift));
}

json_t *gal_flips_json(const gal_flips *flips, size_t most) {
    json_t *counts = json_object(), *list = json_array();
    int failed = 0;
    for (gal_flip_kind kind = 0; kind < GAL_FLIP_KINDS; kind++)
        failed |= json_object_set_new(counts, gal_flip_name(kind), json_integer((json_int_t)flips->of_kind[kind]));
    for (size_t i = 0; i < flips->count && i < most && failed == 0; i++)
        failed |= json_array_append_new(list, flip_json(flips, &flips->flip[i]));
    if (failed == 0)
        return json_pack("{s:o, s:o, s:o}", "limit", gal_number_json(flips->limit), "counts", counts, "flips", list);
    json_decref(counts);
    json_decref(list);
    return NULL;
}
