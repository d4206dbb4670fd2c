/*
 * Evidence: one file that says what was measured, on which cases, and what came out, with all that is needed to compute
 * every number anew. docs/evidence.md has the format.
 */
#ifndef GAL_CLINIC_EVIDENCE_H
#define GAL_CLINIC_EVIDENCE_H

#include "base/pool.h"
#include "base/sha256.h"
#include "clinic/cases/cases.h"

#include <jansson.h>

enum { GAL_EVIDENCE_SETS = 2, GAL_EVIDENCE_PATH = 256, GAL_EVIDENCE_VALUE = 64 };

/* The largest file that is read: some ten million cases. */
#define GAL_EVIDENCE_MAX ((size_t)2 << 30)

typedef struct gal_evidence {
    json_t *head;     /* galen_evidence, command, created, galen, machine, models, data; and what the caller adds */
    json_t *settings; /* {PART: what gal_evidence_results computes it by, ...} */
    gal_case_set cases[GAL_EVIDENCE_SETS]; /* of a comparison, reference and candidate */
    int sets;
    json_t *results; /* {PART: ..., ...} */
    bool intact;     /* of a file that was read: its bytes are those that were written, by the digests in it */
} gal_evidence;

void gal_evidence_free(gal_evidence *evidence);

/*
 * A head: {galen_evidence: 1, command, created: the time in UTC, galen: {version, build, program_sha256}, machine,
 * models: [], data: null}. `machine`: a JSON object, which is taken over, or NULL. GALEN_ERR_MEMORY.
 */
galen_status gal_evidence_head(const char *command, json_t *machine, json_t **out, galen_error *err);

/*
 * The results that `settings` ask for, a part for each of its members: "evaluation" (gal_eval_settings_json; of the
 * first set), those of binary_parts.h and judge.h. Nothing but the cases and the settings goes into them; pool only
 * makes it faster. GALEN_ERR_FORMAT for a part that is not known or lacks its cases, and what the parts refuse. The
 * caller owns *out.
 */
galen_status gal_evidence_results(const gal_case_set *cases, int sets, const json_t *settings, gal_pool *pool,
                                  json_t **out, galen_error *err);

/* Writes the file, whole or not at all. The same evidence gives the same bytes. */
galen_status gal_evidence_write(const gal_evidence *evidence, const char *path, galen_error *err);

/* Reads a file that may be hostile. Errors begin with the path. The caller owns *out (gal_evidence_free), which is
 * empty on failure. */
galen_status gal_evidence_read(const char *path, gal_evidence *out, galen_error *err);
/* The same from memory; errors do not name a file. */
galen_status gal_evidence_parse(const void *bytes, size_t size, gal_evidence *out, galen_error *err);
/* Only the first bytes are looked at. */
bool gal_evidence_probe(const void *bytes, size_t size);

/* What verifying found. */
typedef struct gal_evidence_check {
    bool same;       /* every result is what the cases and settings give */
    size_t compared; /* numbers and texts of the results that were computed anew and are the same */
    /* Where it is not the same, the first difference: "results.evaluation.binary.figures.auc.value". */
    char path[GAL_EVIDENCE_PATH], stored[GAL_EVIDENCE_VALUE], computed[GAL_EVIDENCE_VALUE];
} gal_evidence_check;

/*
 * Computes the results of evidence that was read anew and compares. Numbers are the same when they differ by no more
 * than 1e-12 of their size, which is what the mathematical libraries of two machines may differ by; on one machine they
 * do not differ at all. Errors are those of reading and computing, not differences.
 */
galen_status gal_evidence_verify(const gal_evidence *evidence, gal_pool *pool, gal_evidence_check *out,
                                 galen_error *err);

#endif
