/* Checkpoints: everything a training needs to go on bit for bit, as one safetensors file that other tools open too. */
#ifndef GAL_TRAIN_CHECKPOINT_H
#define GAL_TRAIN_CHECKPOINT_H

#include "train/trainer.h"

/*
 * Writes the trainer's states as tensors called kind/name ("parameter/conv1.weight") with, in the header's
 * __metadata__, the step count, `notes` (JSON text of the caller's), the SHA-256 of the data and one of all that. The
 * file appears whole or not at all (gal_file_write).
 */
galen_status gal_checkpoint_write(const gal_trainer *trainer, const char *path, const char *notes, galen_error *err);

/*
 * Reads it back into a trainer of the same network and optimiser. *notes: the caller's text, to be freed with gal_free.
 * A damaged file, or one of another architecture, is an error that names the first difference and leaves the trainer as
 * it was.
 */
galen_status gal_checkpoint_read(gal_trainer *trainer, const char *path, char **notes, galen_error *err);

#endif
