/* The parts of reading a card that its two files share. */
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

/* Refuses any key of `object` that is not in the NULL-terminated list. */
galen_status gal_card_only_keys(const json_t *object, const char *where, const char *const *known, galen_error *err);

#endif
