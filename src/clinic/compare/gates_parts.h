/* What the gates' own files share; nobody else's. */
#ifndef GAL_CLINIC_GATES_PARTS_H
#define GAL_CLINIC_GATES_PARTS_H

#include "clinic/compare/gates.h"

/* The verdict that interval and at_least give. */
void gal_gate_decide(gal_gate *gate);
/* A gate without evidence. */
gal_gate gal_gate_absent(const char *gate, const char *figure, double at_least, const char *why);
/* Keeps the worse of two answers to one demand: by verdict, then no interval at all, then the lower bound. first: there
 * was no answer yet. */
void gal_gate_keep_worse(gal_gate *worst, const gal_gate *next, bool first);

galen_status gal_gate_relevance(const gal_policy *policy, const gal_gate_evidence *evidence, gal_gate *out,
                                galen_error *err);
galen_status gal_gate_bias(const gal_policy *policy, const gal_gate_evidence *evidence, gal_gate *out,
                           galen_error *err);

#endif
