/* Is a picture fit to be read at all? Cheap checks of the pixels, before any network sees them. */
#ifndef GAL_IMAGE_GATE_H
#define GAL_IMAGE_GATE_H

#include "image/prepare.h"

#include <galen/gate.h>

enum { GAL_INPUT_GATES = 8 };

/*
 * Fills `out` with what is found and returns how many; nothing is changed and nothing refused. Levels are shares of the
 * sample type's range (0..255 or 0..65535). Measured on a grid of 32 x 32 pixels, text on rows near the edges:
 *
 * blank      the standard deviation of the levels is below 0.005
 * saturated  more than 0.25 of the pixels are at the highest level
 * dark       more than 0.95 are at the lowest
 * range      98 % of the pixels lie within less than 0.2 of the range, and it is not blank: a window or bit depth is
 * wrong small      a side has less than half the pixels that the model wants aspect     a stretch to the model's shape
 * by more than 2 colour     a picture for a model of grey ones has a mean difference of its channels above 0.04
 * inverted   the frame of the picture is brighter than its middle by more than 0.1: black may be white
 * text       so many of the 32-pixel pieces of rows near the edges that alternate sharply, as writing does, follow
 * below one another
 *
 * Thread-safe; allocates nothing. Images of the kinds of galen_image only.
 */
int gal_input_gates(const galen_image *image, const gal_recipe *recipe, galen_gate out[GAL_INPUT_GATES]);

#endif
