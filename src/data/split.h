/* Dividing pictures into those that are learnt from and those that judge, no patient being on two sides. */
#ifndef GAL_DATA_SPLIT_H
#define GAL_DATA_SPLIT_H

#include "data/dataset.h"

/*
 * Moves about `fraction` (above 0, below 1) of the pictures of `from` into `to`: pictures of one group go together, and
 * each class gives up its fraction: without groups to the nearest picture, with groups as a rule to within the largest
 * group. Which pictures move depends on the seed, the groups and the labels alone. GALEN_ERR_FORMAT when one side would
 * be empty; then, as on any failure, nothing has moved.
 */
galen_status gal_dataset_carve(gal_dataset *dataset, gal_split from, gal_split to, double fraction, uint64_t seed,
                               galen_error *err);

/*
 * Gives a data set what it lacks. Where no picture has a split: `test` of all to the test pictures (0: none), then
 * `val` of all to the validation pictures (0: none), the rest to training. Where there are splits but no validation
 * pictures: `val` of the training pictures. Pictures without a split beside others that have one are an error, and so
 * are fractions below 0 or that add up to 1 or more. Ends with gal_dataset_check_groups.
 */
galen_status gal_dataset_split(gal_dataset *dataset, double val, double test, uint64_t seed, galen_error *err);

/* GALEN_ERR_FORMAT when pictures of one group are in two splits: names the group, two pictures and how many such groups
 * there are. */
galen_status gal_dataset_check_groups(const gal_dataset *dataset, galen_error *err);

#endif
