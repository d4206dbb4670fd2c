/*
 * Where a run comes from: digests of everything that goes into it and comes out of it, and what computed it. With them
 * a later reader can tell whether a replay must give the same bits.
 */
#ifndef GAL_TRAIN_PROVENANCE_H
#define GAL_TRAIN_PROVENANCE_H

#include "base/buf.h"
#include "base/sha256.h"
#include "train/job_parts.h"

/* What a training reads. */
typedef struct gal_run_inputs {
    gal_buf data;                     /* data.sha256: "<digest>  <name below the data's folder>" a line, as sha256sum */
    char data_sha256[GAL_SHA256_HEX]; /* of that text */
    const char *start;                /* file of the first weights, NULL: they are drawn by the seed; the job's */
    char start_sha256[GAL_SHA256_HEX];
} gal_run_inputs;

/* Reads every file of the data set and the file of the first weights; hooks.count hears of each. Files of one set are
 * hashed in parallel. Release with gal_run_inputs_free, also after a failure. */
galen_status gal_run_inputs_read(const gal_train_job *job, const gal_job_data *data, const gal_train_hooks *hooks,
                                 gal_pool *pool, gal_run_inputs *out, galen_error *err);
void gal_run_inputs_free(gal_run_inputs *inputs);

/* Writes data.sha256 and environment.json into the run folder. `machine`: a JSON object of the caller's, or NULL. */
galen_status gal_run_write_start(const char *folder, const gal_train_job *job, const gal_run_inputs *inputs,
                                 const char *machine, gal_isa isa, int threads, galen_error *err);

/*
 * The inputs of the run in `folder` against these. GALEN_ERR_FORMAT names the first file that is gone, new or another
 * one. *other: what makes other bits likely though all inputs are the same (another level, another build), as a text
 * for people, or "". A folder without data.sha256 is an error.
 */
galen_status gal_run_compare(const char *folder, const gal_run_inputs *inputs, gal_isa isa, char other[GAL_RUN_OTHER],
                             galen_error *err);

/* Writes hashes.txt: the folder's other files. */
galen_status gal_run_write_hashes(const char *folder, galen_error *err);
/* Every file of hashes.txt is there and has its digest. GALEN_ERR_FORMAT names the first one that is not. */
galen_status gal_run_check_hashes(const char *folder, galen_error *err);

#endif
