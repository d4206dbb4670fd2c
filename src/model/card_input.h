/* The parts of reading a card that its files share. */
#ifndef GAL_MODEL_CARD_INPUT_H
#define GAL_MODEL_CARD_INPUT_H

#include "model/card.h"

#include <jansson.h>

/* What of the preprocessing recipe the card says. */
typedef struct gal_card_said {
    bool channels, size, resize, range, norm;
} gal_card_said;

/* Parses the card's "input" object into `recipe`, which holds the defaults. */
galen_status gal_card_read_input(const json_t *input, gal_recipe *recipe, gal_card_said *said, galen_error *err);

/* Reads the card's "calibration", and "frozen_on" of its "threshold"; NULL where it has none. */
galen_status gal_card_read_calibration(const json_t *calibration, gal_card *card, galen_error *err);
galen_status gal_card_read_frozen_on(const json_t *frozen_on, gal_card *card, galen_error *err);

/* Reads the card's "dicom"; NULL where it has none. */
galen_status gal_card_read_dicom(const json_t *dicom, gal_card *card, galen_error *err);
/* Reads "ood", "conformal" and "drift" of the card `root`, where it has them. Then what of them the model cannot be, -1
 * scores: not known. */
galen_status gal_card_read_watch(const json_t *root, gal_card *card, galen_error *err);
galen_status gal_card_check_watch(const gal_card *card, int64_t scores, galen_error *err);

/* Refuses any key of `object` that is not in the NULL-terminated list. */
galen_status gal_card_only_keys(const json_t *object, const char *where, const char *const *known, galen_error *err);

#endif
