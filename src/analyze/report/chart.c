/* The palette of charts. */
#include "analyze/report/chart.h"

const gal_ink_colour gal_ink_table[GAL_INKS] = {
    [GAL_INK_PAPER] = {"paper", {255, 255, 255}, {20, 23, 28}},
    [GAL_INK_TEXT] = {"text", {26, 28, 32}, {232, 234, 238}},
    [GAL_INK_SOFT] = {"soft", {92, 98, 108}, {165, 172, 182}},
    [GAL_INK_GRID] = {"grid", {222, 225, 230}, {52, 58, 67}},
    [GAL_INK_BLUE] = {"blue", {0, 114, 178}, {92, 178, 236}},
    [GAL_INK_ORANGE] = {"orange", {190, 84, 0}, {255, 158, 74}},
    [GAL_INK_GREEN] = {"green", {0, 128, 94}, {64, 204, 160}},
    [GAL_INK_PURPLE] = {"purple", {168, 78, 132}, {226, 148, 192}},
    [GAL_INK_RED] = {"red", {178, 40, 44}, {255, 122, 116}},
};
