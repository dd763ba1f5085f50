/* SPDX-License-Identifier: MIT */
/* Grant handles of domains of a struct hv_world, for tests that link libxengnttab. */
#ifndef SLUICE_TESTS_UNIT_HV_HANDLES_H
#define SLUICE_TESTS_UNIT_HV_HANDLES_H

#include <xengnttab.h>

#include "tests/unit/hv-harness.h"

/** hv_tab() - domain @domid's, to map what it is granted. */
static inline xengnttab_handle *hv_tab(const struct hv_world *w, uint32_t domid)
{
	xengnttab_handle *h;

	hv_enter(w, domid);
	h = xengnttab_open(NULL, 0);
	assert_non_null(h);
	return h;
}

/** hv_shr() - domain @domid's, to grant pages of its own. */
static inline xengntshr_handle *hv_shr(const struct hv_world *w, uint32_t domid)
{
	xengntshr_handle *h;

	hv_enter(w, domid);
	h = xengntshr_open(NULL, 0);
	assert_non_null(h);
	return h;
}

#endif
