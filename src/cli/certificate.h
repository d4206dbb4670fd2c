/* Showing a certificate beside the model it is said to be of. */
#ifndef GAL_CLI_CERTIFICATE_H
#define GAL_CLI_CERTIFICATE_H

#include "cli/cli.h"
#include "cli/json.h"
#include "clinic/compare/certificate.h"

typedef struct cli_certificate {
    const char *path;
    json_t *json;
    gal_certificate_check check;
} cli_certificate;

/* Reads and checks the certificate that `args` name (--certificate, --key), if any. The caller frees *out with
 * certificate_close, after any result. */
galen_status certificate_open(const cli_args *args, const char *model_sha256, cli_certificate *out, galen_error *err);
void certificate_close(cli_certificate *certificate);

void certificate_print(const cli_certificate *certificate);
/* A member "certificate": {file, valid, why, role, signature, content}. */
void certificate_json(cli_json *json, const cli_certificate *certificate);

/* CLI_NO where there is one and it does not hold. */
cli_exit certificate_exit(const cli_certificate *certificate);

#endif
