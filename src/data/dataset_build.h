/* Putting a data set together; what the readers share. */
#ifndef GAL_DATA_DATASET_BUILD_H
#define GAL_DATA_DATASET_BUILD_H

#include "base/buf.h"
#include "data/dataset.h"
#include "data/texts.h"

#include <stdbool.h>

enum { GAL_MAX_CLASSES = 4096 };

typedef struct gal_dataset_build {
    gal_dataset *set;
    gal_dataset_options options;
    gal_buf sample; /* gal_sample, their labels numbered as in `classes` */
    gal_texts ids, classes;
    bool own_groups; /* the data name groups themselves: DICOM headers are not asked */
} gal_dataset_build;

/* Starts an empty set. options NULL: none. Always followed by gal_dataset_end. */
galen_status gal_dataset_begin(gal_dataset_build *build, const gal_dataset_options *options, galen_error *err);

/* The class of that name (n bytes), added when it is new and the options name no classes. */
galen_status gal_dataset_class(gal_dataset_build *build, const char *name, size_t n, int32_t *label, galen_error *err);

/*
 * Adds a sample; texts and labels are copied, attributes kept. Labels that stand twice are taken once. A sample without
 * a group gets one by the rule of the options. An id that is there already is an error.
 */
galen_status gal_dataset_add(gal_dataset_build *build, const gal_sample *sample, galen_error *err);

/* Reads the headers of the DICOM files among the samples: gives those without a group one by patient, where neither the
 * data nor the options say how groups are made, and counts. Errors name the file. */
galen_status gal_dataset_ask_headers(gal_dataset_build *build, galen_error *err);

/*
 * With GALEN_OK so far: puts classes and labels, and if `sorted` samples, in order and hands the set to the caller;
 * otherwise frees it and returns `status`.
 */
galen_status gal_dataset_end(gal_dataset_build *build, galen_status status, bool sorted, gal_dataset **out,
                             galen_error *err);

#endif
