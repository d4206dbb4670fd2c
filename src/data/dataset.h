/* Data sets: which pictures there are, what each shows, who it is of, and which part of the work it belongs to. */
#ifndef GAL_DATA_DATASET_H
#define GAL_DATA_DATASET_H

#include "base/arena.h"
#include "data/npz.h"

#include <galen/image.h>
#include <stdbool.h>

typedef enum gal_split { GAL_SPLIT_NONE, GAL_SPLIT_TRAIN, GAL_SPLIT_VAL, GAL_SPLIT_TEST, GAL_SPLITS } gal_split;

/* "none", "train", "val", "test"; static storage. */
const char *gal_split_name(gal_split split);
/* Also "training", "valid", "validation", "dev" and "testing", in any letter case; false when it is none of them. */
bool gal_split_parse(const char *name, gal_split *out);

/* One picture. Everything it points to belongs to the data set. */
typedef struct gal_sample {
    const char *id;     /* unique: the path below the folder, as the table writes it, or "train:12" of an array */
    const char *path;   /* the file to open; NULL when the picture is in memory */
    galen_image memory; /* empty when there is a path */
    const char *group;  /* patient, or whatever must not be torn apart; NULL: unknown; of DICOM "patient 1" and so on */
    gal_split split;
    int labels;                   /* 1, or of a multi-label set 0 to `classes` */
    const int32_t *label;         /* indices into class_name, ascending */
    const char *const *attribute; /* [attributes] the table's other cells, in the order of attribute_name; may be "" */
    size_t row;                   /* of the table, as a spreadsheet numbers it; 0: none */
} gal_sample;

/*
 * What the headers of DICOM files said. Where there are any, their samples have the attributes "sex", "age" (whole
 * years), "site" (institution), "scanner" (manufacturer and model), "body_part" and "view", each unless the table has a
 * column of that name; they are empty of other samples.
 */
typedef struct gal_dicom_counts {
    size_t files, patients; /* patients: or studies, where no Patient ID is given; 0 where groups come from elsewhere */
    size_t unknown;         /* files that name neither, where others were grouped so */
    size_t several;         /* files of several frames, of which the first is the picture */
} gal_dicom_counts;

typedef struct gal_dataset {
    size_t count;
    gal_sample *sample; /* folders: in order of split and id; tables and arrays: in their own order */
    int classes;
    const char **class_name;
    bool multi_label; /* several classes, or none, may apply to a picture */
    int attributes;   /* columns of the table that have no role, and what headers of DICOM files say */
    const char **attribute_name;
    gal_dicom_counts dicom;
    gal_npz *arrays; /* what samples in memory point into */
    gal_arena arena;
} gal_dataset;

typedef struct gal_dataset_options {
    /* The classes in their order, as a model's card has them; NULL: those that the data name, sorted (as numbers when
     * all are numbers). A label outside them is an error; a number is an index into them unless it is itself a name. */
    const char *const *class_names;
    int classes;
    /*
     * How groups follow from file names where a table has no column for them. "_1": the name up to the first
     * underscore ("person23_bacteria_78.jpeg" belongs to "person23"); several rules, tried in turn, are separated by
     * commas ("_1,-3,-2"); a name with too few separators for any, less its extension, is its own group. NULL: those
     * of DICOM files by their Patient ID (0010,0020), else Study Instance UID (0020,000D); other files have none.
     * Patients are numbered as they come and their IDs forgotten: nothing that is kept names a person.
     */
    const char *group_rule;
    /* Pictures that are not there and DICOM files without a readable header stay in the set, for gal_sample_picture to
     * fail on them. */
    bool keep_unreadable;
    size_t max_samples; /* 0: 16 million */
} gal_dataset_options;

/*
 * The readers below make a data set of at least one sample; the caller owns *out (gal_dataset_free), NULL on failure.
 * Errors name file or row. options NULL: none. Pictures are not opened, gal_sample_picture does that; of DICOM files
 * the header is read.
 */

/*
 * A folder tree class/.../picture or split/class/.../picture, also one folder deeper (dataset/train/NORMAL/x.jpeg).
 * Pictures are files called .jpg, .jpeg, .png, .dcm or .dicom and those that begin as DICOM; hidden files are skipped.
 */
galen_status gal_dataset_read_folder(const char *folder, const gal_dataset_options *options, gal_dataset **out,
                                     galen_error *err);

/*
 * A table (gal_csv_read). Columns are found by their names, in any letter case:
 *
 * path, file, filename, image, image_path or image_index is the picture, relative to the table's folder; it must exist.
 * id is its id; without such a column the path is.
 *
 * label, labels, class, target, finding_labels or "finding labels" is the class. Several are separated by ; or |, which
 * makes the set a multi-label one, where "none" and "no finding" stand for no class. In place of it, label:NAME is a
 * column of 0 and 1 for each class; without either, every further column that holds nothing but 0 and 1 is one. If each
 * row has exactly one 1, the set has one label a picture, else it is a multi-label one.
 *
 * group, patient, patient_id, patientid, "patient id" or subject is the group, which may be empty; with such a column
 * DICOM headers name no group. split, set or fold is read by gal_split_parse, or empty.
 *
 * All other columns (sex, age, site, ...) are kept as they are: attribute_name of the set, attribute of each sample.
 */
galen_status gal_dataset_read_csv(const char *path, const gal_dataset_options *options, gal_dataset **out,
                                  galen_error *err);
/* The same from memory; pictures are relative to `folder` and are not looked for when it is NULL. */
galen_status gal_dataset_parse_csv(const void *bytes, size_t size, const char *folder,
                                   const gal_dataset_options *options, gal_dataset **out, galen_error *err);

/*
 * MedMNIST: {train,val,test}_images u8 [n, height, width] or [n, height, width, 3] and {train,val,test}_labels,
 * integers [n] or [n, 1] (a class each) or [n, classes] of 0 and 1 (multi-label). At least one of the three splits.
 * Classes are called "0", "1", ... unless the options name them.
 */
galen_status gal_dataset_read_npz(const char *path, const gal_dataset_options *options, gal_dataset **out,
                                  galen_error *err);

/* Whichever of the three fits: a folder, an .npz (by its first bytes) or a table. */
galen_status gal_dataset_open(const char *path, const gal_dataset_options *options, gal_dataset **out,
                              galen_error *err);
void gal_dataset_free(gal_dataset *dataset);

/* Pictures of a class in a split; a picture with two labels counts in both. count[classes] is overwritten. */
void gal_dataset_class_counts(const gal_dataset *dataset, gal_split split, size_t *count);
size_t gal_dataset_split_count(const gal_dataset *dataset, gal_split split);

/*
 * Refuses what cannot be trained on: fewer than two classes (one, if multi-label), a class without a picture anywhere,
 * and, for each split in the bit set `needed` (1u << split), an empty split or one where only one class occurs (of a
 * multi-label set: where some class is in no picture or in all).
 */
galen_status gal_dataset_check(const gal_dataset *dataset, unsigned needed, galen_error *err);

/*
 * The sample's picture as its file holds it (galen_image_decode or, of DICOM, galen_dicom_read's first frame as a
 * viewer shows it). *view is what to read: `*made`, which the caller frees, or the picture in memory, and then *made is
 * empty. limits NULL: the default. Errors begin with the path, or the id. Thread-safe.
 */
galen_status gal_sample_picture(const gal_sample *sample, const galen_image_limits *limits, galen_image *made,
                                const galen_image **view, galen_error *err);

#endif
