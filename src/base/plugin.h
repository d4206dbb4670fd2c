/* Heavy rooms (dicom, archive) are shared objects loaded on first use, so that a start-up links nothing it does not
 * need. */
#ifndef GAL_BASE_PLUGIN_H
#define GAL_BASE_PLUGIN_H

#include <galen/status.h>

/*
 * Loads libgalen-<name>.so from lib/galen beside the folder of the running program or library (or inside it), else from
 * the installed plug-in folder, and returns the address of its symbol `galen_<name>_plugin`. The plug-in stays loaded.
 * GALEN_ERR_UNSUPPORTED when it is not installed.
 */
galen_status gal_plugin_load(const char *name, const void **symbol, galen_error *err);

#endif
